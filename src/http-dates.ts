/** The three date forms of RFC 9110, section 5.6.7. */
const HTTP_DATE = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
];

/** Reads a date of an HTTP header; undefined when it is absent or in an unknown format. */
export function parseHttpDate(header: string | undefined): Date | undefined {
  const text = header?.trim();
  if (text === undefined || !HTTP_DATE.some((form) => form.test(text))) return undefined;
  // Only the asctime form lacks the zone, and it means GMT.
  const date = new Date(text.endsWith("GMT") ? text : `${text} GMT`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/**
 * Reads `Retry-After` (RFC 9110, section 10.2.3): seconds or a date.
 *
 * @param nowMs - the time that a date is measured against: the server's own where it is known
 * @param longestMs - a longer wait is cut to this
 * @returns milliseconds from 0 to `longestMs`; undefined when the header is absent or makes no sense
 */
export function parseRetryAfter(header: string | undefined, nowMs: number, longestMs: number): number | undefined {
  const text = header?.trim();
  const ms = text !== undefined && /^\d+$/.test(text) ? Number(text) * 1000 : undefined;
  const waitMs = ms ?? (parseHttpDate(text)?.getTime() ?? Number.NaN) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), longestMs);
}
