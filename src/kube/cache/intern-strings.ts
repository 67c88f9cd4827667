/** Strings that are kept once, however many objects hold them. */
const INTERNED = new Map<string, string>();
/** With these limits, in strings and in characters of each, it takes 5 MB at most. */
const [MOST_STRINGS, MOST_LENGTH] = [10_000, 200];

/**
 * Makes equal strings of objects one string, in place. Parsing gives each value a string of its own, and a resource and
 * its Secret hold most values several times: times, serial numbers, fingerprints, names. With 5,000 resources that is
 * 5 MB.
 *
 * At the limit all are forgotten and interning starts again. So any number of strings may come, and equal ones become
 * one if they come close to each other.
 */
export function internStrings<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  const fields = value as Record<string, unknown>;
  for (const name of Object.keys(fields)) {
    const field = fields[name];
    if (typeof field === "string") fields[name] = interned(field);
    else internStrings(field);
  }
  return value;
}

function interned(text: string): string {
  const known = INTERNED.get(text);
  if (known !== undefined || text.length > MOST_LENGTH) return known ?? text;
  if (INTERNED.size >= MOST_STRINGS) INTERNED.clear();
  INTERNED.set(text, text);
  return text;
}
