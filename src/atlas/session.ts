import type { Clock } from "../clock.ts";
import { DeadlineReached, withDeadline } from "../deadline.ts";
import type { Authenticator } from "./authentication/authenticator.ts";
import { retryAfterOf } from "./errors/answer-times.ts";
import { AtlasError, changesSomething } from "./errors/atlas-error.ts";
import { foundInProject } from "./errors/classify.ts";
import type { ErrorContext } from "./errors/error-context.ts";
import { abortedError, errorFromAnswer, errorFromFailure, pacedOutError } from "./errors/make-error.ts";
import type { Pacer, Permit, PermitRequest, ProjectAccess } from "./pacing/pacer.ts";
import { readRateReport } from "./pacing/rate-limits.ts";
import type { CallPriority } from "./pacing/turn-shares.ts";
import { repeat } from "./repeat.ts";
import { type AtlasAnswer, isSuccess } from "./transport/exchange-handler.ts";
import type { AtlasRequest, AtlasTransport } from "./transport/transport.ts";
import { TransportFailure } from "./transport/transport-failure.ts";

/** Options of every operation. */
export interface CallOptions {
  /**
   * Ends the call. A create that was sent already fails as `ambiguous`, everything else as `aborted`, or as `unavailable`
   * where it was a time limit (the reason is a DeadlineReached): then it is Atlas that gave no answer.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * With whom this call shares its part of the project's rate limit, such as the namespace that it is made for: one turn
   * leaves tokens for all others, and those who wait are served in rotation.
   * @default the call pays no heed to others
   */
  readonly turn?: string | undefined;
  /**
   * Which of the calls of one turn go first when the project's rate limit makes them wait: `renew` before `issue` before
   * `verify`, and `verify` takes at most half of the tokens.
   * @default "issue" for what changes something, "verify" for what reads
   */
  readonly priority?: CallPriority | undefined;
  /** When the certificate that is in use expires: of the same priority, the earlier goes first. */
  readonly expiresAt?: Date | undefined;
  /**
   * Milliseconds for the whole call: waiting for its turn, authentication and repeated tries included.
   * @default 120_000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Called right before each request of the call leaves, when waiting for its turn, for authentication and for a
   * connection is over: the last moment to think better of it. What it throws ends the call as `aborted`, and the
   * request is not sent.
   */
  readonly beforeSending?: (() => void) | undefined;
}

/** One operation, ready to be sent. */
export interface Call extends ErrorContext {
  readonly groupId: string;
  readonly method: AtlasRequest["method"];
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly readPath?: string;
  /** As in AtlasRequest. */
  readonly isWhole?: AtlasRequest["isWhole"];
  /** False for what Atlas does not count in the project's bucket: it takes no turn, and its headers are of another. */
  readonly paced?: boolean;
  /** Sent at most once, although it changes nothing: no caller waits for it. */
  readonly once?: boolean;
}

export interface SessionOptions {
  readonly transport: AtlasTransport;
  readonly authenticator: Authenticator;
  readonly pacer: Pacer;
  /** As in PermitRequest. */
  readonly caller: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** As in X509AuthenticationApiOptions. */
  readonly longestWaitMs?: number | undefined;
}

/** For a call whose caller sets no time. */
export const CALL_TIMEOUT_MS = 120_000;

/** Stands in for the turn of a call that needs none. */
const NO_PERMIT: Permit = { settle: () => {}, giveBack: () => {} };

/**
 * Sends calls with their authentication, in their turn, and knows which of them may be sent again: what reads, as often
 * as `repeat` allows; what changes something, only after a 401, because then nothing was done.
 */
export class Session {
  readonly #options: SessionOptions;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** @throws AtlasError unless the answer is a success */
  async call(call: Call, options: CallOptions): Promise<AtlasAnswer> {
    const { clock, random, longestWaitMs } = this.#options;
    const ms = options.timeoutMs ?? CALL_TIMEOUT_MS;
    return withDeadline({ clock, ms, signal: options.signal }, async (signal) => {
      if (call.once || changesSomething(call.operation)) return this.#attempt(call, options, signal);
      let fresh = false;
      return repeat({ clock, random, signal, longestWaitMs, operation: call.operation }, async () => {
        try {
          return await this.#attempt({ ...call, fresh }, options, signal);
        } catch (error) {
          // Misdirected: the server does not serve this host over this connection (RFC 9110, section 15.5.20).
          fresh ||= error instanceof AtlasError && error.status === 421;
          throw error;
        }
      });
    });
  }

  async #attempt(
    call: Call & Pick<AtlasRequest, "fresh">,
    options: CallOptions,
    signal: AbortSignal,
  ): Promise<AtlasAnswer> {
    const first = await this.#send(call, options, signal);
    const { answer } =
      first.answer.status === 401 && this.#options.authenticator.refused(first.authorization, first.answer)
        ? await this.#send(call, options, signal)
        : first;
    if (isSuccess(answer)) return answer;
    throw errorFromAnswer(answer, call, this.#options.clock);
  }

  async #send(
    call: Call & Pick<AtlasRequest, "fresh">,
    options: CallOptions,
    signal: AbortSignal,
  ): Promise<{ readonly authorization: string; readonly answer: AtlasAnswer }> {
    const permit = await this.#permit(call, options, signal);
    const authorization = await this.#authorization(call, permit, signal);
    let answer: AtlasAnswer;
    try {
      const headers = { ...call.headers, Authorization: authorization };
      const { beforeSending } = options;
      answer = await this.#options.transport.exchange({ ...call, headers, signal, beforeSending });
    } catch (error) {
      if (error instanceof TransportFailure && !error.sent) permit.giveBack();
      else permit.settle({}, "unknown");
      throw errorFromFailure(error, call);
    }
    permit.settle(readRateReport(answer, retryAfterOf(answer, this.#options.clock)), this.#accessOf(answer, call));
    return { authorization, answer };
  }

  #accessOf(answer: AtlasAnswer, call: Call): ProjectAccess {
    if (isSuccess(answer) || foundInProject(errorFromAnswer(answer, call, this.#options.clock))) return "granted";
    return answer.status === 401 || answer.status === 403 ? "refused" : "unknown";
  }

  async #permit(call: Call, options: CallOptions, signal: AbortSignal): Promise<Permit> {
    if (call.paced === false) return NO_PERMIT;
    const { pacer, caller } = this.#options;
    const priority = options.priority ?? (changesSomething(call.operation) ? "issue" : "verify");
    const { turn, expiresAt } = options;
    const request: PermitRequest = { groupId: call.groupId, caller, turn, priority, expiresAt };
    try {
      return await this.#turn(request, signal);
    } catch (error) {
      if (!(error instanceof DeadlineReached)) throw abortedError(call, error);
      const waitMs = pacer.comeBackMs(request);
      // It need not have been the turn that took the time: it may have been over before.
      throw waitMs === 0 ? outOfTime(call, error) : pacedOutError(call, waitMs);
    }
  }

  /** @throws DeadlineReached when it is too long in coming, at once where that can be seen */
  async #turn(request: PermitRequest, signal: AbortSignal): Promise<Permit> {
    const { pacer, clock, longestWaitMs: ms } = this.#options;
    if (ms === undefined) return pacer.acquire(request, signal);
    if (pacer.waitMs(request) > ms) throw new DeadlineReached(ms);
    return withDeadline({ clock, ms, signal }, (turnSignal) => pacer.acquire(request, turnSignal));
  }

  async #authorization(call: Call, permit: Permit, signal: AbortSignal): Promise<string> {
    try {
      return await this.#options.authenticator.authorize(call, signal);
    } catch (error) {
      permit.giveBack();
      if (error instanceof AtlasError) throw error;
      if (!(error instanceof DeadlineReached)) throw abortedError(call, error);
      throw outOfTime(call, error);
    }
  }
}

/** The error for a call whose time was over before it was sent. */
function outOfTime(call: Call, { message }: DeadlineReached): AtlasError {
  return errorFromFailure(new TransportFailure({ reason: "timeout", message, sent: false }), call);
}
