import * as z from "zod";
import { LIST_FIELDS, TIME_FORMS } from "./certificate-list.ts";
import { CONTENT_ENCODINGS } from "./content-encoding.ts";
import { OPERATIONS, type Operation } from "./request-log.ts";

const milliseconds = z.int().nonnegative();
const status = z.int().min(200).max(599);

/** Effects that come instead of the operation, or before it. Nothing happens at Atlas but for a `delay`. */
const before = [
  /** An Atlas error with this status, such as 500 or 503. `errorCode` is `UNEXPECTED_ERROR` unless given. */
  z.strictObject({
    kind: z.literal("status"),
    status,
    errorCode: z.string().optional(),
    /** `Retry-After`, as seconds or as an HTTP date. */
    retryAfter: z.string().optional(),
  }),
  /** 429 with `RATE_LIMITED`, the code of the older limiter, and `Retry-After` as seconds or as an HTTP date. */
  z.strictObject({ kind: z.literal("rateLimited"), retryAfter: z.string() }),
  /** A proxy's HTML page. */
  z.strictObject({ kind: z.literal("html"), status }),
  /** A redirect to a login page. */
  z.strictObject({ kind: z.literal("redirect"), location: z.string().default("/account/login") }),
  /** The connection is reset; nothing has happened. */
  z.strictObject({ kind: z.literal("reset") }),
  /** No answer, ever; nothing has happened. */
  z.strictObject({ kind: z.literal("hang") }),
  /** Everything goes its way, this much later. */
  z.strictObject({ kind: z.literal("delay"), ms: milliseconds }),
  /** The connection is reset at once; the operation happens this much later. */
  z.strictObject({ kind: z.literal("executeLate"), ms: milliseconds }),
] as const;

/** Effects on an operation that succeeded: it has happened, but the client learns something else. */
const after = [
  /** The connection dies in the middle of the body. */
  z.strictObject({ kind: z.literal("cutAnswer") }),
  /** No answer, ever. */
  z.strictObject({ kind: z.literal("withholdAnswer") }),
  /** The connection is reset before a byte of the answer. */
  z.strictObject({ kind: z.literal("resetAfterwards") }),
  /** An Atlas error nevertheless, such as the 500 or 504 of a gateway. */
  z.strictObject({ kind: z.literal("failAfterwards"), status }),
  /** The first half of the body as if it were all: broken JSON, a broken PEM. */
  z.strictObject({ kind: z.literal("truncatedBody") }),
  z.strictObject({ kind: z.literal("emptyBody") }),
  /** The answer with another status, such as 200, 202 or 206 for a create. */
  z.strictObject({ kind: z.literal("answerStatus"), status }),
  /** An unsolicited `100 Continue` before the answer, which a client must be able to read (RFC 9110, 15.2). */
  z.strictObject({ kind: z.literal("continueFirst") }),
  /** A compressed body, whatever `Accept-Encoding` asked for. */
  z.strictObject({ kind: z.literal("encodedBody"), encoding: z.enum(CONTENT_ENCODINGS).default("gzip") }),
  /** The whole body under a `Content-Length` that promises more, then the end of the connection. */
  z.strictObject({ kind: z.literal("overstatedLength") }),
  /** The whole body in chunks, then the end of the connection instead of the last chunk. */
  z.strictObject({ kind: z.literal("missingLastChunk") }),
  /** The whole body under a `Content-Length` that promises more, on a connection that stays open. */
  z.strictObject({ kind: z.literal("unendingBody") }),
  /** The body, filled up with blank lines to this many bytes. */
  z.strictObject({
    kind: z.literal("overlongBody"),
    bytes: z
      .int()
      .positive()
      .default(1024 * 1024 + 1),
  }),
  /** A create: the body as a JSON string instead of raw text. */
  z.strictObject({ kind: z.literal("jsonString") }),
  /** A create: a private key that does not belong to the certificate. */
  z.strictObject({ kind: z.literal("wrongKey") }),
  /** A create: the certificate without a private key. */
  z.strictObject({ kind: z.literal("noKey") }),
] as const;

/** Effects on what a list of certificates says. */
const listing = [
  /** `totalCount` counts the expired certificates too, though the list leaves them out. */
  z.strictObject({ kind: z.literal("countsExpired") }),
  /** `totalCount` is this much too high, or too low if negative. */
  z.strictObject({ kind: z.literal("countOff"), by: z.int() }),
  /**
   * Fields that Atlas' specification lets a list leave out are left out or null, and times are written in another form
   * of ISO 8601. `rel` and `href` are those of every link, the fields of a certificate those of every certificate.
   */
  z.strictObject({
    kind: z.literal("sparseList"),
    without: z.array(z.enum(LIST_FIELDS)).default([]),
    asNull: z.array(z.enum(LIST_FIELDS)).default([]),
    times: z.enum(TIME_FORMS).default("Z"),
  }),
  /** No certificate at all, and a count of 0. */
  z.strictObject({ kind: z.literal("emptyList") }),
  /** Each page is full of certificates that no other page has, and says that there is a next one. */
  z.strictObject({ kind: z.literal("endlessList") }),
  /** The list lacks what was issued less than this long ago. */
  z.strictObject({ kind: z.literal("laggingList"), ms: milliseconds }),
] as const;

/** Effects on the certificate that a create issues. */
const issuing = [
  /** The clock that dates the certificate is this much ahead (or behind, if negative). */
  z.strictObject({ kind: z.literal("wrongClock"), offsetMs: z.int() }),
  /** Another user's name as the subject, in RFC 2253 or plain. */
  z.strictObject({ kind: z.literal("wrongSubject"), subject: z.string().min(1) }),
] as const;

const effects = [...before, ...after, ...listing, ...issuing] as const;

/** The kinds of effect that there are. */
export const EFFECT_KINDS: readonly string[] = effects.map(({ shape }) => shape.kind.value);

const faultSchema = z.strictObject({
  /** The operation to disturb, or `any`. */
  operation: z.enum([...OPERATIONS, "any"]),
  /** Only requests for this project. */
  projectId: z.string().optional(),
  /** Only requests for this database user. */
  username: z.string().optional(),
  /** Only requests with the credentials of this `id`: the way to aim at one service account's token requests. */
  credentialsId: z.string().optional(),
  /** How many requests to disturb. */
  times: z.union([z.int().positive(), z.literal("always")]).default(1),
  effect: z.discriminatedUnion("kind", effects),
});

/** A disturbance of the next requests, as one writes it. */
export type Fault = z.input<typeof faultSchema>;
/** A disturbance with its defaults filled in. */
export type ParsedFault = z.output<typeof faultSchema>;
/** The effect of a fault on a request or its answer. */
export type FaultEffect = ParsedFault["effect"];

/** A fault that isn't one; the message names every wrong field. */
export class FaultError extends Error {
  override readonly name = "FaultError";
}

/** Checks a fault and fills in its defaults. @throws {FaultError} */
export function parseFault(value: unknown): ParsedFault {
  const parsed = faultSchema.safeParse(value);
  if (!parsed.success) throw new FaultError(`not a fault:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** The properties of a request that a fault may depend on. */
interface FaultTarget {
  readonly operation: Operation;
  readonly projectId?: string | undefined;
  readonly username?: string | undefined;
  readonly credentialsId?: string | undefined;
}

interface Armed {
  readonly fault: ParsedFault;
  /** Zero once it is used up; it stays in the list, as it may be put back. */
  left: number;
}

/**
 * The faults that wait for a request. A request meets at most one, the first that was added and fits. Requests that
 * don't authenticate meet none: a client with Digest sends one of those before every first real one.
 */
export class FaultList {
  #armed: Armed[] = [];

  /** @throws {FaultError} */
  add(fault: Fault): void {
    const parsed = parseFault(fault);
    const { times } = parsed;
    this.#armed.push({ fault: parsed, left: times === "always" ? Number.POSITIVE_INFINITY : times });
  }

  clear(): void {
    this.#armed = [];
  }

  /** The faults that are left, with how often each still acts. */
  get pending(): readonly ParsedFault[] {
    return this.#armed
      .filter(({ left }) => left > 0)
      .map(({ fault, left }) => ({ ...fault, times: Number.isFinite(left) ? left : "always" }));
  }

  /**
   * Uses up a fault for this request. A caller that takes one that acts on success only, and does not succeed, calls
   * `putBack`: it waits for the next request then.
   */
  take(target: FaultTarget): { readonly effect: FaultEffect; readonly putBack: () => void } | undefined {
    const armed = this.#armed.find(({ fault, left }) => left > 0 && fits(fault, target));
    if (armed === undefined) return undefined;
    armed.left -= 1;
    return {
      effect: armed.fault.effect,
      putBack: () => {
        armed.left += 1;
      },
    };
  }
}

function fits(fault: ParsedFault, target: FaultTarget): boolean {
  return (
    (fault.operation === "any" || fault.operation === target.operation) &&
    (fault.projectId === undefined || fault.projectId === target.projectId) &&
    (fault.username === undefined || fault.username === target.username) &&
    (fault.credentialsId === undefined || fault.credentialsId === target.credentialsId)
  );
}
