import type { Clock } from "../../clock.ts";
import { DeadlineReached, untilAborted } from "../../deadline.ts";
import { AtlasError } from "../errors/atlas-error.ts";
import type { ErrorContext } from "../errors/error-context.ts";
import { pacedOutError } from "../errors/make-error.ts";
import { repeat } from "../repeat.ts";

export interface SharedFetchOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** As in X509AuthenticationApiOptions. */
  readonly longestWaitMs?: number | undefined;
}

/**
 * Fetches what authentication needs, once for all callers that wait for it, and repeats it after failures that pass. A
 * server that asks for a longer wait than callers accept gets no further request until that wait is over.
 */
export class SharedFetch<T> {
  readonly #options: SharedFetchOptions;
  readonly #context: ErrorContext;
  readonly #attempt: () => Promise<T>;
  #running: Promise<T> | undefined;
  #lastFailure: AtlasError | undefined;
  #pausedUntilMonotonicMs = Number.NEGATIVE_INFINITY;

  constructor(options: SharedFetchOptions, context: ErrorContext, attempt: () => Promise<T>) {
    this.#options = options;
    this.#context = context;
    this.#attempt = attempt;
  }

  /** @throws the last failure when the caller's time ends between two attempts */
  async get(signal: AbortSignal): Promise<T> {
    const pauseMs = this.#pausedUntilMonotonicMs - this.#options.clock.monotonic();
    if (pauseMs > 0) throw pacedOutError(this.#context, pauseMs);
    this.#running ??= this.#fetch();
    try {
      return await untilAborted(this.#running, signal);
    } catch (error) {
      throw error instanceof DeadlineReached ? (this.#lastFailure ?? error) : error;
    }
  }

  async #fetch(): Promise<T> {
    this.#lastFailure = undefined;
    try {
      return await repeat({ ...this.#options, signal: undefined, operation: this.#context.operation }, async () => {
        try {
          return await this.#attempt();
        } catch (error) {
          if (error instanceof AtlasError) this.#lastFailure = error;
          throw error;
        }
      });
    } catch (error) {
      if (error instanceof AtlasError && error.retryAfterMs !== undefined) {
        this.#pausedUntilMonotonicMs = this.#options.clock.monotonic() + error.retryAfterMs;
      }
      throw error;
    } finally {
      this.#running = undefined;
    }
  }
}
