import type { Clock } from "../clock.ts";
import { type Answer, errorAnswer, errors } from "./answers.ts";
import { strangePrivateKeyPem } from "./certificate-authority.ts";
import type { ListDeviation } from "./certificate-list.ts";
import type { ContentEncoding } from "./content-encoding.ts";
import type { FaultEffect } from "./faults.ts";

/** The answer as it goes over the wire. */
export type Delivery =
  | {
      readonly kind: "answer";
      readonly answer: Answer;
      readonly encoding?: ContentEncoding;
      /** Whether `100 Continue` goes before it. */
      readonly continueFirst?: boolean;
    }
  /** The head, and a body that does not end as the head says. */
  | { readonly kind: "broken"; readonly answer: Answer; readonly as: BrokenBody }
  | { readonly kind: "reset" }
  | { readonly kind: "silence" };

/**
 * `half`: half of the body, then the end of the connection. The others send all of it: under a length that promises
 * more, then the end of the connection or nothing at all, or in chunks without the last one.
 */
export type BrokenBody = "half" | "overstatedLength" | "missingLastChunk" | "unending";

/** Ways in which an operation departs from its request. */
export interface Deviation {
  /** Added to the clock that dates the certificate. */
  readonly clockOffsetMs?: number;
  /** The user whose name the certificate gets. */
  readonly subject?: string;
  readonly list?: ListDeviation;
}

const HTML = "<!DOCTYPE html><html><head><title>Service</title></head><body><h1>Please try again</h1></body></html>";

/**
 * Runs an operation under a fault.
 *
 * @param operate does the work; not called where the effect comes instead of it
 * @returns what to send, and whether the effect had something to act on
 */
export async function operateUnder(
  effect: FaultEffect,
  clock: Clock,
  operate: (deviation: Deviation) => Promise<Answer>,
): Promise<{ readonly delivery: Delivery; readonly acted: boolean }> {
  const instead = deliveryInstead(effect);
  if (instead !== undefined) return { delivery: instead, acted: true };
  if (effect.kind === "executeLate") {
    void clock.sleep(effect.ms).then(() => operate({}));
    return { delivery: { kind: "reset" }, acted: true };
  }
  if (effect.kind === "delay") await clock.sleep(effect.ms);
  const answer = await operate(deviationOf(effect));
  const succeeded = answer.status < 300;
  if (!succeeded) return { delivery: { kind: "answer", answer }, acted: effect.kind === "delay" };
  return { delivery: await deliveryAfter(effect, answer), acted: true };
}

/** The effects that keep the operation from happening. */
function deliveryInstead(effect: FaultEffect): Delivery | undefined {
  switch (effect.kind) {
    case "status":
      return answered(
        errorAnswer({
          status: effect.status,
          errorCode: effect.errorCode ?? "UNEXPECTED_ERROR",
          detail: "Unexpected error.",
          headers: effect.retryAfter === undefined ? {} : { "retry-after": effect.retryAfter },
        }),
      );
    case "rateLimited":
      return answered(
        errorAnswer({
          status: 429,
          errorCode: "RATE_LIMITED",
          detail: "Resource is limited, please retry later.",
          headers: { "retry-after": effect.retryAfter },
        }),
      );
    case "html":
      return answered({ status: effect.status, headers: { "content-type": "text/html" }, body: HTML });
    case "redirect":
      return answered({ status: 302, headers: { location: effect.location }, body: "" });
    case "reset":
      return { kind: "reset" };
    case "hang":
      return { kind: "silence" };
    default:
      return undefined;
  }
}

function deviationOf(effect: FaultEffect): Deviation {
  switch (effect.kind) {
    case "wrongClock":
      return { clockOffsetMs: effect.offsetMs };
    case "wrongSubject":
      return { subject: effect.subject };
    case "countsExpired":
      return { list: { countsExpired: true } };
    case "countOff":
      return { list: { countOffBy: effect.by } };
    case "sparseList":
      return { list: effect };
    case "emptyList":
      return { list: { isEmpty: true } };
    case "endlessList":
      return { list: { isEndless: true } };
    case "laggingList":
      return { list: { lagMs: effect.ms } };
    default:
      return {};
  }
}

/** The effects on the answer of an operation that succeeded. */
async function deliveryAfter(effect: FaultEffect, answer: Answer): Promise<Delivery> {
  switch (effect.kind) {
    case "cutAnswer":
      return { kind: "broken", answer, as: "half" };
    case "overstatedLength":
    case "missingLastChunk":
      return { kind: "broken", answer, as: effect.kind };
    case "unendingBody":
      return { kind: "broken", answer, as: "unending" };
    case "overlongBody":
      return answered({ ...answer, body: answer.body.padEnd(effect.bytes, "\n") });
    case "encodedBody":
      return { kind: "answer", answer, encoding: effect.encoding };
    case "continueFirst":
      return { kind: "answer", answer, continueFirst: true };
    case "withholdAnswer":
      return { kind: "silence" };
    case "resetAfterwards":
      return { kind: "reset" };
    case "failAfterwards":
      return answered(errors.unexpected(effect.status));
    case "truncatedBody":
      return answered({ ...answer, body: answer.body.slice(0, Math.floor(answer.body.length / 2)) });
    case "emptyBody":
      return answered({ ...answer, body: "" });
    case "answerStatus":
      return answered({ ...answer, status: effect.status });
    case "jsonString":
      return answered({ ...answer, body: JSON.stringify(answer.body) });
    case "wrongKey":
      return answered({ ...answer, body: withoutKey(answer.body) + (await strangePrivateKeyPem()) });
    case "noKey":
      return answered({ ...answer, body: withoutKey(answer.body) });
    default:
      return answered(answer);
  }
}

function answered(answer: Answer): Delivery {
  return { kind: "answer", answer };
}

function withoutKey(pem: string): string {
  return pem.replace(/-----BEGIN PRIVATE KEY-----[\s\S]*?-----END PRIVATE KEY-----\n?/, "");
}
