import type { Clock } from "../clock.ts";
import { Deadline, untilAborted } from "../deadline.ts";
import type { KubeApi } from "./kube-api.ts";
import { KubeError } from "./kube-error.ts";
import { LEASES, type LeaseObject, type LeaseSpec, ObservedLease } from "./lease-object.ts";
import type { Log } from "./log.ts";
import { microTime } from "./micro-time.ts";

export interface LeaseOptions {
  readonly client: Pick<KubeApi, "get" | "create" | "mergePatch">;
  readonly namespace: string;
  /** Name of the Lease object, the same for all replicas. */
  readonly name: string;
  /** Who we are: unique among all processes that ever ran, such as the pod's name and something random. */
  readonly identity: string;
  /** For how long others must leave the lease alone after a renewal, in milliseconds. @default 15000 */
  readonly leaseDurationMs?: number;
  /** For how long after a renewal we count ourselves the leader, in milliseconds. @default 10000 */
  readonly renewDeadlineMs?: number;
  /** How often we try to renew or to get it, in milliseconds. @default 2000 */
  readonly retryPeriodMs?: number;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
}

interface LeadOptions {
  readonly signal: AbortSignal;
  /** The work of the leader. It ends soon after its signal has aborted, and goes on with the same work if run again. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
}

interface LostLeadership {
  /** Why its work was told to end: the loss, or a stop that came before it. */
  readonly reason: unknown;
  /** Settles when its work has ended. */
  readonly unfinished: Promise<void>;
}

/** We are not, or no longer, the leader: somebody else may be. Stop at once. */
export class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
}

/**
 * Leader election on a Lease (coordination.k8s.io/v1), the way of client-go: whoever writes its name into the Lease
 * leads for as long as it renews. Times are measured by our own monotonic clock, never compared with the other's.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  #observed: ObservedLease | undefined;
  #leading = false;
  /** Goes up before our name is written to where it does not stand: somebody else may have led until then. */
  #term = 0;
  /** Start of the last renewal that succeeded: our time counts from there, others' from the answer at the earliest. */
  #renewedAt = { monotonic: 0, wall: 0 };

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000;
    // The middle must leave a margin for work that has just begun; the inner one room for several tries.
    if (this.#leaseDurationMs <= this.#renewDeadlineMs || this.#renewDeadlineMs <= this.#retryPeriodMs * 1.2) {
      throw new RangeError(
        `lease times must be lease duration > renew deadline > 1.2 × retry period, and are ` +
          `${this.#leaseDurationMs}, ${this.#renewDeadlineMs} and ${this.#retryPeriodMs} ms`,
      );
    }
  }

  /**
   * Whether we surely hold the lease at this moment. True for at most the renew deadline after a renewal, hence false
   * well before anyone else may take it. The wall clock counts too: on a suspended machine the monotonic one stands
   * still.
   */
  get held(): boolean {
    const { clock } = this.#options;
    return (
      this.#leading &&
      clock.monotonic() - this.#renewedAt.monotonic < this.#renewDeadlineMs &&
      clock.now() - this.#renewedAt.wall < this.#renewDeadlineMs
    );
  }

  /** Throws LeaseLostError unless `held`. */
  assertHeld(): void {
    if (!this.held) {
      throw new LeaseLostError(`${this.#options.identity} does not surely hold the lease ${this.#name}`);
    }
  }

  /** Whether we lead, though perhaps with a renewal overdue. */
  get leading(): boolean {
    return this.#leading;
  }

  /** Who holds the lease as far as we know; undefined if nobody does. */
  get holder(): string | undefined {
    return this.#observed?.holder;
  }

  /** Milliseconds since our last renewal; undefined while we don't lead. */
  get ageMs(): number | undefined {
    return this.#leading ? this.#options.clock.monotonic() - this.#renewedAt.monotonic : undefined;
  }

  /**
   * Gives a check for something that must not go on in a later leadership: it throws LeaseLostError unless the lease is
   * `held`, and nobody else can have held it since this call.
   */
  leadership(): () => void {
    const term = this.#term;
    return () => {
      this.assertHeld();
      if (this.#term !== term) {
        throw new LeaseLostError(`${this.#options.identity} did not hold the lease ${this.#name} all the time`);
      }
    };
  }

  /**
   * Waits for the lease, then runs `lead` and renews until that ends. When `signal` aborts, the signal of `lead` aborts
   * too; the lease is renewed until `lead` has finished, released, and the promise resolves. When the lease is lost,
   * the signal of `lead` aborts with a LeaseLostError, which this throws once `lead` has finished. Until then it
   * contends again, for what is left to finish may take for ever; if it gets the lease, it runs `lead` once more.
   */
  async run({ signal, lead }: LeadOptions): Promise<void> {
    if (!(await this.#isAcquired(signal))) {
      return;
    }
    let lost = await this.#leadUntilLost({ signal, lead });
    while (lost !== undefined && (await this.#isAcquiredMeanwhile(lost.unfinished, signal))) {
      const { unfinished } = lost;
      const both = async (leading: AbortSignal) => void (await Promise.all([finishing(lead, leading), unfinished]));
      lost = await this.#leadUntilLost({ signal, lead: both });
    }
    if (lost?.reason instanceof LeaseLostError) {
      throw lost.reason;
    }
  }

  /** @returns what was left behind with the loss; undefined where the work has finished and the lease is given back */
  async #leadUntilLost({ signal, lead }: LeadOptions): Promise<LostLeadership | undefined> {
    const leadership = new AbortController();
    const finished = new AbortController();
    const onAbort = () => leadership.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) {
      onAbort();
    }
    const loss = this.#keepRenewing(finished.signal).catch((error: unknown) => {
      this.#leading = false;
      leadership.abort(error);
      return error;
    });
    const work = finishing(lead, leadership.signal).finally(() => signal.removeEventListener("abort", onAbort));
    const lostAtWork = await Promise.race([work.catch(() => {}), loss]);
    if (lostAtWork === undefined) {
      finished.abort();
      const lostAtTheEnd = await loss;
      await this.#release();
      await work;
      if (lostAtTheEnd === undefined) {
        return undefined;
      }
    }
    return { reason: leadership.signal.reason, unfinished: work };
  }

  /** Contends until what a lost leadership has left behind is finished. Throws what that throws. */
  async #isAcquiredMeanwhile(unfinished: Promise<void>, signal: AbortSignal): Promise<boolean> {
    const stop = new AbortController();
    const onAbort = () => stop.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) {
      onAbort();
    }
    const ended = unfinished.finally(() => stop.abort());
    try {
      // What ends at once, as it does but for a certificate that can't be written yet, shall not contend.
      await Promise.race([ended, this.#options.clock.sleep(this.#retryPeriodMs, stop.signal).catch(() => {})]);
      if (!stop.signal.aborted) {
        this.#options.log.warn(
          { lease: this.#name },
          "work of the lost leadership goes on: contending again meanwhile",
        );
      }
      if (await this.#isAcquired(stop.signal)) {
        return true;
      }
      await ended;
      return false;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** False where the signal has aborted. */
  async #isAcquired(signal: AbortSignal): Promise<boolean> {
    try {
      signal.throwIfAborted();
      await this.#acquire(signal);
      return true;
    } catch (error: unknown) {
      if (signal.aborted) {
        return false;
      }
      throw error;
    }
  }

  async #acquire(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    log.info({ lease: this.#name, identity: this.#options.identity }, "waiting for the lease");
    for (;;) {
      try {
        if (await this.#try(signal, this.#renewDeadlineMs / 2)) {
          log.info({ lease: this.#name, identity: this.#options.identity }, "leading");
          return;
        }
      } catch (error: unknown) {
        signal.throwIfAborted();
        log.warn({ lease: this.#name, err: error }, "could not look at the lease");
      }
      const retryMs = this.#retryPeriodMs * (1 + random() / 10);
      // As soon as the other's time is over, rather than at the next round.
      const expiresMs = this.#observed?.expiresInMs(clock.monotonic());
      await clock.sleep(expiresMs === undefined || expiresMs <= 0 ? retryMs : Math.min(retryMs, expiresMs), signal);
    }
  }

  /** Resolves when `signal` aborts; throws LeaseLostError. */
  async #keepRenewing(signal: AbortSignal): Promise<undefined> {
    const { clock, random, log } = this.#options;
    let periodMs = this.#retryPeriodMs;
    for (;;) {
      const leftMs = () => this.#renewedAt.monotonic + this.#renewDeadlineMs - clock.monotonic();
      try {
        await clock.sleep(Math.min(periodMs * (1 + random() / 10), Math.max(0, leftMs())), signal);
        if (leftMs() <= 0) {
          throw new LeaseLostError(`the lease ${this.#name} could not be renewed for ${this.#renewDeadlineMs} ms`);
        }
        // Half of the deadline at most: over a dead connection the next try gets a new one.
        if (!(await this.#try(signal, Math.min(leftMs(), this.#renewDeadlineMs / 2)))) {
          throw new LeaseLostError(`the lease ${this.#name} is held by ${this.holder}`);
        }
        periodMs = this.#retryPeriodMs;
      } catch (error: unknown) {
        if (error instanceof LeaseLostError) {
          log.error({ lease: this.#name, err: error }, "lost the lease");
          throw error;
        }
        if (signal.aborted) {
          return undefined;
        }
        // Time is short now: twice as often.
        periodMs = this.#retryPeriodMs / 2;
        log.warn({ lease: this.#name, err: error, leftMs: leftMs() }, "could not renew the lease");
      }
    }
  }

  /** One try to get or to renew it. False: somebody else holds it. */
  async #try(outer: AbortSignal, timeoutMs: number): Promise<boolean> {
    // A deadline of our own, so that a client that hangs can't make a leader that doesn't know it has lost.
    const deadline = new Deadline(this.#options.clock, timeoutMs, outer);
    try {
      return await untilAborted(this.#tryOnce({ signal: deadline.signal, timeoutMs, urgent: true }), deadline.signal);
    } finally {
      deadline.abort();
    }
  }

  async #tryOnce(call: { signal: AbortSignal; timeoutMs: number; urgent: true }): Promise<boolean> {
    const { client, clock, identity } = this.#options;
    // A leader renews what it wrote last; if others wrote meanwhile, the precondition fails and it looks again.
    let current = this.#leading ? this.#observed : await this.#look(call);
    for (let tries = 1; ; tries += 1) {
      if (current?.isHeldByOther(identity, clock.monotonic())) {
        return false;
      }
      if (current?.holder !== identity) {
        this.#term += 1;
      }
      const startedAt = { monotonic: clock.monotonic(), wall: clock.now() };
      try {
        const spec = this.#spec(current, startedAt.wall);
        const written =
          current === undefined
            ? await client.create(
                LEASES,
                { metadata: { name: this.#options.name, namespace: this.#options.namespace }, spec },
                call,
              )
            : await this.#patch(current.resourceVersion, spec, call);
        call.signal.throwIfAborted();
        this.#observe(written);
        this.#renewedAt = startedAt;
        this.#leading = true;
        return true;
      } catch (error: unknown) {
        // Once more with what is there now; a second time means more than bad luck, such as a missing namespace.
        if (tries > 1 || !KubeError.is(error, "Conflict", "AlreadyExists", "NotFound")) {
          throw error;
        }
        current = await this.#look(call);
        if (current !== undefined && current.holder !== undefined && current.holder !== identity) {
          return false;
        }
      }
    }
  }

  async #look(call: { signal: AbortSignal; timeoutMs: number; urgent: true }): Promise<ObservedLease | undefined> {
    const { client, namespace, name } = this.#options;
    try {
      const lease = await client.get(LEASES, { namespace, name }, call);
      call.signal.throwIfAborted();
      return this.#observe(lease);
    } catch (error: unknown) {
      if (KubeError.is(error, "NotFound")) {
        this.#observed = undefined;
        return undefined;
      }
      throw error;
    }
  }

  /** Gives the lease back, so that the next leader need not wait for its end. */
  async #release(): Promise<void> {
    const { clock, identity, log } = this.#options;
    let observed = this.#observed;
    if (!this.#leading || observed === undefined) {
      return;
    }
    this.#leading = false;
    const timeoutMs = Math.min(this.#retryPeriodMs, 2000);
    const deadline = new Deadline(clock, timeoutMs, undefined);
    const call = { signal: deadline.signal, timeoutMs, urgent: true } as const;
    const now = microTime(clock.now());
    const spec = { holderIdentity: "", leaseDurationSeconds: 1, acquireTime: now, renewTime: now };
    try {
      for (let tries = 1; observed?.holder === identity; tries += 1) {
        try {
          await untilAborted(this.#patch(observed.resourceVersion, spec, call), deadline.signal);
          log.info({ lease: this.#name }, "released the lease");
          return;
        } catch (error: unknown) {
          // The stop came in the middle of a renewal, which arrived all the same.
          if (tries > 1 || !KubeError.is(error, "Conflict")) {
            throw error;
          }
          observed = await untilAborted(this.#look(call), deadline.signal);
        }
      }
    } catch (error: unknown) {
      // It runs out by itself.
      log.warn({ lease: this.#name, err: error }, "could not release the lease");
    } finally {
      deadline.clear();
    }
  }

  #spec(current: ObservedLease | undefined, now: number): LeaseSpec {
    const { identity } = this.#options;
    const isOurs = current?.holder === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.#leaseDurationMs / 1000),
      acquireTime: (isOurs ? current.acquireTime : undefined) ?? microTime(now),
      renewTime: microTime(now),
      leaseTransitions: current === undefined ? 0 : current.transitions + (isOurs ? 0 : 1),
    };
  }

  async #patch(
    resourceVersion: string,
    spec: LeaseSpec,
    call: { signal: AbortSignal; timeoutMs: number; urgent: true },
  ): Promise<LeaseObject> {
    const { client, namespace, name } = this.#options;
    return client.mergePatch(LEASES, { namespace, name }, { metadata: { resourceVersion }, spec }, call);
  }

  #observe(lease: LeaseObject): ObservedLease {
    this.#observed = ObservedLease.of(lease, this.#observed, this.#options.clock.monotonic());
    return this.#observed;
  }

  get #name(): string {
    return `${this.#options.namespace}/${this.#options.name}`;
  }
}

/** Ends with `lead`; to end with the reason it was told to end for is to end well. */
async function finishing(lead: LeadOptions["lead"], signal: AbortSignal): Promise<void> {
  try {
    await lead(signal);
  } catch (error: unknown) {
    if (!signal.aborted || error !== signal.reason) {
      throw error;
    }
  }
}
