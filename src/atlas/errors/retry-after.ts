import type { Clock } from "../../clock.ts";
import { answeredAt, parseHttpDate } from "../http-date.ts";
import type { AtlasAnswer } from "../transport/exchange-handler.ts";

/**
 * A wait longer than this is cut to it. Atlas' own buckets refill within a minute: more is a broken server, a broken clock
 * or a proxy, and one such answer must not keep a whole project waiting. Where the wait is meant, the next answer says
 * so again.
 */
const LONGEST_RETRY_AFTER_MS = 5 * 60 * 1000;

/**
 * Reads `Retry-After` (RFC 9110, section 10.2.3): seconds or a date. A date is measured against the server's own clock
 * where the answer has a `Date`, so that a wrong clock on either side does no harm.
 *
 * @returns milliseconds, from 0 to five minutes; undefined when there is no such header or it makes no sense
 */
export function retryAfterOf(answer: Pick<AtlasAnswer, "headers">, clock: Pick<Clock, "now">): number | undefined {
  const text = answer.headers.get("retry-after")?.[0]?.trim();
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return clamp(Number(text) * 1000);
  const date = parseHttpDate(text);
  return date && clamp(date.getTime() - (answeredAt(answer)?.getTime() ?? clock.now()));
}

function clamp(ms: number): number {
  return Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS);
}
