import type { Clock } from "../../clock.ts";
import { parseHttpDate, parseRetryAfter } from "../../http-dates.ts";
import type { AtlasAnswer } from "../transport/exchange-handler.ts";

/**
 * A wait longer than this is cut to it. Atlas' own buckets refill within a minute: more is a broken server, a broken clock
 * or a proxy, and one such answer must not keep a whole project waiting. Where the wait is meant, the next answer says
 * so again.
 */
const LONGEST_RETRY_AFTER_MS = 5 * 60 * 1000;

/**
 * The wait that an answer asks for by `Retry-After`. A date is measured against the server's own clock where the answer has a
 * `Date`, so that a wrong clock on either side does no harm.
 *
 * @returns milliseconds, from 0 to five minutes; undefined when there is no such header or it makes no sense
 */
export function retryAfterOf(answer: Pick<AtlasAnswer, "headers">, clock: Pick<Clock, "now">): number | undefined {
  const nowMs = answeredAt(answer)?.getTime() ?? clock.now();
  return parseRetryAfter(answer.headers.get("retry-after")?.[0], nowMs, LONGEST_RETRY_AFTER_MS);
}

/** When the server answered, by its own clock. */
export function answeredAt({ headers }: Pick<AtlasAnswer, "headers">): Date | undefined {
  return parseHttpDate(headers.get("date")?.[0]);
}
