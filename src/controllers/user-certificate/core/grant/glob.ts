/**
 * Whether a text matches a pattern in which `*` stands for any number of characters. In time proportional to the product
 * of both lengths at most, whatever the pattern.
 */
export function globMatches(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resumeAt = 0;
  for (let index = 0; index < text.length; ) {
    if (pattern[at] === "*") {
      star = at++;
      resumeAt = index;
    } else if (pattern[at] === text[index]) {
      at++;
      index++;
    } else if (star !== -1) {
      // The last star takes one more.
      at = star + 1;
      index = ++resumeAt;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}
