/** A flag that can't be used; the message says what it takes. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A whole number from 1, or what counts without the flag. @throws UsageError */
export function wholeNumber(flag: string, text: string | undefined, standard: number): number {
  if (text === undefined) return standard;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError(`${flag} takes a whole number from 1, not ${text}`);
  return Number(text);
}

/** @throws UsageError where a value is beyond what the scene is made for */
export function atMost(what: string, value: number, most: number): void {
  if (value > most) throw new UsageError(`${what}: at most ${most}, or Atlas' rate limit is what is measured`);
}
