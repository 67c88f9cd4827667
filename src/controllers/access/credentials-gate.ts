import { timestamp } from "../../api/timestamp.ts";
import { AtlasError, type AtlasOperation } from "../../atlas/errors/atlas-error.ts";
import type { CallOptions } from "../../atlas/session.ts";
import type { Clock } from "../../clock.ts";
import { DeadlineReached, untilAborted, withDeadline } from "../../deadline.ts";
import type { AtlasApi } from "./atlas-api.ts";

export interface CredentialsGateOptions {
  /** Longest wait until rejected credentials are retried, in milliseconds. */
  readonly recheckIntervalMs: number;
  readonly clock: Clock;
}

type Phase =
  /** No call with them has told anything yet. */
  | { readonly kind: "untested" }
  /** Calls pass: Atlas accepted them, or did not answer the first call. */
  | { readonly kind: "open" }
  | { readonly kind: "rejected"; readonly error: AtlasError; readonly atMs: number; readonly untilMs: number };

/** The credentials that a Secret holds now. */
interface Holder {
  readonly content: string;
  phase: Phase;
  /** They came in place of others, and were not tried since. */
  isChange: boolean;
  /** The call that tries them; resolves with what it says of all other calls. */
  test: Promise<AtlasError | undefined> | undefined;
  /** Number of rejections in a row. */
  rejections: number;
}

/** State of a Secret that outlives its changes. */
interface Keeper {
  holder: Holder;
  /** Monotonic milliseconds. */
  changeTriedAt: number;
}

/** Changed credentials of one Secret are tried at most once in this time. */
const CHANGE_INTERVAL_MS = 10_000;

/** Wait after the first rejection; it doubles with each further one. */
const FIRST_RECHECK_MS = 10_000;

/** How long calls wait for the one that tries the credentials: a project that hangs must not hold up all others. */
const PATIENCE_MS = 2000;

/**
 * Stands between the resources and Atlas, so that credentials that Atlas rejects cost one call and not one for each
 * resource: they would be sent from the address that all tenants share. Credentials are tried by one call while the others
 * wait for what it says; once rejected, no call is sent until they change or a recheck is due, which again is one call.
 */
export class CredentialsGate {
  readonly #options: CredentialsGateOptions;
  readonly #keepers = new Map<string, Keeper>();
  /** When Secrets were deleted, monotonic milliseconds, in that order: one that comes back is a change. */
  readonly #deleted = new Map<string, number>();

  constructor(options: CredentialsGateOptions) {
    this.#options = options;
  }

  /**
   * @param secret the Secret, `namespace/name`; from now on it holds these credentials
   * @param content the same for the same credentials
   */
  guard(secret: string, content: string, api: AtlasApi): AtlasApi {
    const keeper = this.#hold(secret, content);
    const { holder } = keeper;
    const pass = <T>(operation: AtlasOperation, options: CallOptions | undefined, send: () => Promise<T>) =>
      this.#pass(keeper, holder, { operation, signal: options?.signal }, send);
    return {
      createDatabaseUserCertificate: (parameters, options) =>
        pass("createDatabaseUserCertificate", options, () => api.createDatabaseUserCertificate(parameters, options)),
      listAllDatabaseUserCertificates: (parameters, options) =>
        pass("listDatabaseUserCertificates", options, () => api.listAllDatabaseUserCertificates(parameters, options)),
      getUserSecurity: (parameters, options) =>
        pass("getUserSecurity", options, () => api.getUserSecurity(parameters, options)),
      disableCustomerManagedX509: (parameters, options) =>
        pass("disableCustomerManagedX509", options, () => api.disableCustomerManagedX509(parameters, options)),
    };
  }

  /** The Secret is gone. */
  forget(secret: string): void {
    const now = this.#options.clock.monotonic();
    if (this.#keepers.has(secret) && !this.#deleted.has(secret)) this.#deleted.set(secret, now);
    for (const [key, at] of this.#deleted) {
      if (now - at < CHANGE_INTERVAL_MS) break;
      this.#deleted.delete(key);
      this.#keepers.delete(key);
    }
  }

  #hold(secret: string, content: string): Keeper {
    this.#deleted.delete(secret);
    const known = this.#keepers.get(secret);
    if (known?.holder.content === content) return known;
    const holder: Holder = {
      content,
      phase: { kind: "untested" },
      isChange: known !== undefined,
      test: undefined,
      rejections: 0,
    };
    if (known === undefined) {
      const keeper: Keeper = { holder, changeTriedAt: Number.NEGATIVE_INFINITY };
      this.#keepers.set(secret, keeper);
      return keeper;
    }
    known.holder = holder;
    return known;
  }

  async #pass<T>(
    keeper: Keeper,
    holder: Holder,
    call: { readonly operation: AtlasOperation; readonly signal: AbortSignal | undefined },
    send: () => Promise<T>,
  ): Promise<T> {
    for (;;) {
      const { phase } = holder;
      const now = this.#options.clock.monotonic();
      if (phase.kind === "open") return this.#noting(holder, send);
      // Those that were let pass may finish what they began; others must not cost a call each time the Secret changes.
      if (keeper.holder !== holder) throw replaced(call.operation);
      if (phase.kind === "rejected") {
        if (now < phase.untilMs) throw rejected(call.operation, phase, phase.untilMs - now);
        holder.phase = { kind: "untested" };
      } else if (holder.test === undefined) {
        this.#countChange(keeper, call.operation, now);
        return this.#test(holder, send);
      } else {
        const shared = await this.#waitFor(holder, holder.test, call.signal);
        if (shared !== undefined) throw unanswered(call.operation, shared);
      }
    }
  }

  /** @throws AtlasError if changed credentials were tried a moment ago */
  #countChange(keeper: Keeper, operation: AtlasOperation, now: number): void {
    if (!keeper.holder.isChange) return;
    const waitMs = keeper.changeTriedAt + CHANGE_INTERVAL_MS - now;
    if (waitMs > 0) throw changedAgain(operation, waitMs);
    keeper.changeTriedAt = now;
    keeper.holder.isChange = false;
  }

  async #test<T>(holder: Holder, send: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<AtlasError | undefined>();
    holder.test = promise;
    let shared: AtlasError | undefined;
    try {
      return await this.#noting(holder, send);
    } catch (error: unknown) {
      const isSilence = error instanceof AtlasError && holder.phase.kind === "untested" && SILENCE.has(error.kind);
      if (isSilence) {
        shared = error;
        // Whether they are good must not hang on this one call, which may be about a project that hangs.
        holder.phase = { kind: "open" };
      }
      throw error;
    } finally {
      holder.test = undefined;
      resolve(shared);
    }
  }

  /** Sends, and takes note of what the answer says of the credentials. */
  async #noting<T>(holder: Holder, send: () => Promise<T>): Promise<T> {
    try {
      const answer = await send();
      this.#accept(holder);
      return answer;
    } catch (error: unknown) {
      if (error instanceof AtlasError) {
        if (error.kind === "credentials") this.#reject(holder, error);
        else if (!INCONCLUSIVE.has(error.kind)) this.#accept(holder);
      }
      throw error;
    }
  }

  #accept(holder: Holder): void {
    holder.phase = { kind: "open" };
    holder.rejections = 0;
  }

  #reject(holder: Holder, error: AtlasError): void {
    // Of several calls under way at the same time, one counts.
    if (holder.phase.kind === "rejected") return;
    const { clock, recheckIntervalMs } = this.#options;
    const waitMs = Math.min(FIRST_RECHECK_MS * 2 ** Math.min(holder.rejections, 30), recheckIntervalMs);
    holder.rejections += 1;
    holder.phase = { kind: "rejected", error, atMs: clock.now(), untilMs: clock.monotonic() + waitMs };
  }

  /** @returns what the test says of all other calls; undefined if this one has to make its own call */
  async #waitFor(
    holder: Holder,
    test: Promise<AtlasError | undefined>,
    signal: AbortSignal | undefined,
  ): Promise<AtlasError | undefined> {
    const { clock } = this.#options;
    try {
      return await withDeadline({ clock, ms: PATIENCE_MS, signal }, (patience) => untilAborted(test, patience));
    } catch (error: unknown) {
      if (signal?.aborted || !(error instanceof DeadlineReached)) throw error;
      if (holder.phase.kind === "untested") holder.phase = { kind: "open" };
      return undefined;
    }
  }
}

/** Atlas gave no answer, so that others would get none either. */
const SILENCE: ReadonlySet<string> = new Set(["unavailable", "ambiguous", "badAnswer"]);

/** Errors that say nothing about the credentials; a rate limit belongs to one project. */
const INCONCLUSIVE: ReadonlySet<string> = new Set([...SILENCE, "rateLimited", "aborted"]);

// No problem of another resource's call is repeated: it would name that one's user and project.

function rejected(
  operation: AtlasOperation,
  { error, atMs }: Extract<Phase, { kind: "rejected" }>,
  retryAfterMs: number,
): AtlasError {
  const { status, errorCode } = error;
  const code = [status, errorCode].filter((part) => part !== undefined).join(" ");
  const problem = `Atlas rejected the credentials at ${timestamp(atMs)}${code === "" ? "" : ` (${code})`}.`;
  return new AtlasError({ kind: "credentials", operation, status, errorCode, problem, retryAfterMs });
}

function unanswered(operation: AtlasOperation, { status, retryAfterMs }: AtlasError): AtlasError {
  const answer = status === undefined ? "did not answer" : `answered ${status} to`;
  const problem = `Atlas ${answer} the first call with these credentials, which this one waited for.`;
  return new AtlasError({ kind: "unavailable", operation, status, problem, retryAfterMs });
}

function changedAgain(operation: AtlasOperation, retryAfterMs: number): AtlasError {
  const problem = `The credentials changed more than once within ${CHANGE_INTERVAL_MS / 1000} s, and the operator tries changed credentials at most once in that time.`;
  return new AtlasError({ kind: "rateLimited", operation, problem, retryAfterMs });
}

function replaced(operation: AtlasOperation): AtlasError {
  const problem = "The credentials were replaced before the call was sent.";
  return new AtlasError({ kind: "unavailable", operation, problem });
}
