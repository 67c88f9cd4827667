/**
 * A wait longer than this is cut to it. Atlas' own buckets refill within a minute: more is a broken server, a broken clock
 * or a proxy, and one such answer must not keep a whole project waiting. Where the wait is meant, the next answer says
 * so again.
 */
const LONGEST_RETRY_AFTER_MS = 5 * 60 * 1000;

/** The three date forms of RFC 9110, section 5.6.7. */
const HTTP_DATE = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
];

/**
 * Reads `Retry-After` (RFC 9110, section 10.2.3): seconds or a date.
 *
 * @param header - the header's text, if there was one
 * @param serverDate - the answer's `Date` header: a date is measured against the server's own clock where it is known,
 *   so that a wrong clock on either side does no harm
 * @param now - this machine's time in milliseconds since the epoch, when the server did not tell its own
 * @returns milliseconds, between 0 and five minutes; undefined when there is no header or it makes no sense
 */
export function parseRetryAfter(
  header: string | undefined,
  serverDate: string | undefined,
  now: number,
): number | undefined {
  const text = header?.trim();
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return clamp(Number(text) * 1000);
  const date = parseHttpDate(text);
  if (date === undefined) return undefined;
  return clamp(date - (parseHttpDate(serverDate?.trim()) ?? now));
}

function parseHttpDate(text: string | undefined): number | undefined {
  if (text === undefined || !HTTP_DATE.some((form) => form.test(text))) return undefined;
  // Only the asctime form lacks the zone, and it means GMT.
  const time = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
  return Number.isNaN(time) ? undefined : time;
}

function clamp(ms: number): number {
  return Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS);
}
