import type { Clock } from "../../clock.ts";
import { Deadline, untilAborted } from "../../deadline.ts";
import type { KubeApi } from "../kube-api.ts";
import { KubeError } from "../kube-error.ts";
import type { Log } from "../log.ts";
import { microTime } from "../micro-time.ts";
import { LEASES, type LeaseObject, type LeaseSpec, ObservedLease } from "./lease-object.ts";

/** Each as in LeaseOptions; times in milliseconds. */
export interface LeaseClaimOptions {
  readonly client: Pick<KubeApi, "get" | "create" | "mergePatch">;
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** We are not, or no longer, the leader: another process may be. Stop at once. */
export class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
}

/** The state of a Lease object as this process knows it, and its attempts to become the holder. */
export class LeaseClaim {
  readonly #options: LeaseClaimOptions;
  #observed: ObservedLease | undefined;
  #leading = false;
  /** Goes up before our name is written to where it does not stand: another process may have led until then. */
  #term = 0;
  /** Start of the last renewal that succeeded: our time counts from there, others' from the answer at the earliest. */
  #renewedAt = { monotonic: 0, wall: 0 };

  constructor(options: LeaseClaimOptions) {
    this.#options = options;
  }

  /**
   * True for at most the renew deadline after a renewal. The wall clock counts too: on a suspended machine the monotonic
   * one stands still.
   */
  get held(): boolean {
    const { clock } = this.#options;
    return (
      this.#leading &&
      clock.monotonic() - this.#renewedAt.monotonic < this.#options.renewDeadlineMs &&
      clock.now() - this.#renewedAt.wall < this.#options.renewDeadlineMs
    );
  }

  /** The holder of the lease as far as we know; undefined if there is none. */
  get holder(): string | undefined {
    return this.#observed?.holder;
  }

  /** Milliseconds until the holder's time is over, if nothing is heard of it; undefined where no holder is known. */
  get expiresInMs(): number | undefined {
    return this.#observed?.expiresInMs(this.#options.clock.monotonic());
  }

  get ageMs(): number | undefined {
    return this.#leading ? this.#options.clock.monotonic() - this.#renewedAt.monotonic : undefined;
  }

  /** Milliseconds that are left to renew it. */
  get leftMs(): number {
    return this.#renewedAt.monotonic + this.#options.renewDeadlineMs - this.#options.clock.monotonic();
  }

  /** Terms are compared as well: a lease that was lost and regained does not pass. */
  leadership(): () => void {
    const term = this.#term;
    return () => {
      if (!this.held) {
        throw new LeaseLostError(`${this.#options.identity} does not surely hold the lease ${this.#name}`);
      }
      if (this.#term !== term) {
        throw new LeaseLostError(`${this.#options.identity} did not hold the lease ${this.#name} all the time`);
      }
    };
  }

  /** It is lost: from here on its object is read before it is written. */
  lose(): void {
    this.#leading = false;
  }

  /** One try to get or to renew it. False: another process holds it. */
  async try(outer: AbortSignal, timeoutMs: number): Promise<boolean> {
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
    // A leader renews what it wrote last; if others wrote meanwhile, the precondition fails and it reads the Lease.
    let current = this.#leading ? this.#observed : await this.#read(call);
    for (let tries = 1; ; tries += 1) {
      if (current?.isHeldByOther(identity, clock.monotonic())) return false;
      if (current?.holder !== identity) this.#term += 1;
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
        if (tries > 1 || !KubeError.is(error, "Conflict", "AlreadyExists", "NotFound")) throw error;
        current = await this.#read(call);
        if (current !== undefined && current.holder !== undefined && current.holder !== identity) return false;
      }
    }
  }

  async #read(call: { signal: AbortSignal; timeoutMs: number; urgent: true }): Promise<ObservedLease | undefined> {
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
  async release(): Promise<void> {
    const { clock, identity, log } = this.#options;
    let observed = this.#observed;
    if (!this.#leading || observed === undefined) return;
    this.#leading = false;
    const timeoutMs = Math.min(this.#options.retryPeriodMs, 2000);
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
          // The stop came in the middle of a renewal, which arrived anyway.
          if (tries > 1 || !KubeError.is(error, "Conflict")) throw error;
          observed = await untilAborted(this.#read(call), deadline.signal);
        }
      }
    } catch (error: unknown) {
      // It expires anyway.
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
      leaseDurationSeconds: Math.ceil(this.#options.leaseDurationMs / 1000),
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
