/** Texts that are kept once, however many objects hold them. */
const TEXTS = new Map<string, string>();
/** With these limits, in texts and in characters of each, it takes 5 MB at the most. */
const [MOST_TEXTS, MOST_LENGTH] = [10_000, 200];

/**
 * Makes equal texts of objects one text, in place. Parsing gives each value a string of its own, and a resource and its
 * Secret hold most values several times: times, serial numbers, fingerprints, names. With 5,000 resources that is 5 MB.
 *
 * When there are too many texts, all are forgotten and sharing starts again. So anybody may send any number of them, and
 * equal texts are shared where they come close to each other.
 */
export function shareTexts<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  const fields = value as Record<string, unknown>;
  for (const name of Object.keys(fields)) {
    const field = fields[name];
    if (typeof field === "string") fields[name] = sharedText(field);
    else shareTexts(field);
  }
  return value;
}

function sharedText(text: string): string {
  const known = TEXTS.get(text);
  if (known !== undefined || text.length > MOST_LENGTH) return known ?? text;
  if (TEXTS.size >= MOST_TEXTS) TEXTS.clear();
  TEXTS.set(text, text);
  return text;
}
