import type { Clock } from "../../clock.ts";
import { isAbortReason, whenAborted } from "../../deadline.ts";
import type { KubeApi } from "../kube-api.ts";
import type { Log } from "../log.ts";
import { LeaseClaim, LeaseLostError } from "./lease-claim.ts";

export interface LeaseOptions {
  readonly client: Pick<KubeApi, "get" | "create" | "mergePatch">;
  readonly namespace: string;
  /** Name of the Lease object, the same for all replicas. */
  readonly name: string;
  /** Identity of this process: unique among all processes that ever ran, such as the pod's name and a random suffix. */
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

/**
 * Leader election on a Lease (coordination.k8s.io/v1), like client-go's: the process that writes its name into the Lease
 * leads for as long as it renews. Times are measured by our own monotonic clock, never compared with the other's.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #claim: LeaseClaim;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;

  constructor(options: LeaseOptions) {
    this.#options = options;
    const leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000;
    // The middle must leave a margin for work that has just begun; the inner one room for several tries.
    if (leaseDurationMs <= this.#renewDeadlineMs || this.#renewDeadlineMs <= this.#retryPeriodMs * 1.2) {
      throw new RangeError(
        `lease times must be lease duration > renew deadline > 1.2 × retry period, and are ` +
          `${leaseDurationMs}, ${this.#renewDeadlineMs} and ${this.#retryPeriodMs} ms`,
      );
    }
    const times = { leaseDurationMs, renewDeadlineMs: this.#renewDeadlineMs, retryPeriodMs: this.#retryPeriodMs };
    this.#claim = new LeaseClaim({ ...options, ...times });
  }

  /** Whether we surely hold the lease at this moment: false well before anyone else may take it. */
  get held(): boolean {
    return this.#claim.held;
  }

  /** Milliseconds since our last renewal; undefined while we don't lead. */
  get ageMs(): number | undefined {
    return this.#claim.ageMs;
  }

  /**
   * Gives a check for something that must not go on in a later leadership: it throws LeaseLostError unless the lease is
   * `held`, and no other process can have held it since this call.
   */
  leadership(): () => void {
    return this.#claim.leadership();
  }

  /**
   * Waits for the lease, then runs `lead` and renews until that ends. When `signal` aborts, the signal of `lead` aborts
   * too; the lease is renewed until `lead` has finished, released, and the promise resolves. When the lease is lost,
   * the signal of `lead` aborts with a LeaseLostError, which this throws once `lead` has finished. Until then it
   * contends again, for what is left to finish may take forever; if it gets the lease, it runs `lead` once more.
   */
  async run({ signal, lead }: LeadOptions): Promise<void> {
    if (!(await this.#isAcquired(signal))) return;
    let lost = await this.#leadUntilLost({ signal, lead });
    while (lost !== undefined && (await this.#isAcquiredMeanwhile(lost.unfinished, signal))) {
      const { unfinished } = lost;
      const both = async (leading: AbortSignal) => void (await Promise.all([finishing(lead, leading), unfinished]));
      lost = await this.#leadUntilLost({ signal, lead: both });
    }
    if (lost?.reason instanceof LeaseLostError) throw lost.reason;
  }

  /** @returns what was left behind with the loss; undefined where the work has finished and the lease is given back */
  async #leadUntilLost({ signal, lead }: LeadOptions): Promise<LostLeadership | undefined> {
    const leadership = new AbortController();
    const finished = new AbortController();
    const unlink = whenAborted(signal, (reason) => leadership.abort(reason));
    const loss = this.#keepRenewing(finished.signal).catch((error: unknown) => {
      this.#claim.lose();
      leadership.abort(error);
      return error;
    });
    const work = finishing(lead, leadership.signal).finally(unlink);
    const lostAtWork = await Promise.race([work.catch(() => {}), loss]);
    if (lostAtWork === undefined) {
      finished.abort();
      const lostAtTheEnd = await loss;
      await this.#claim.release();
      await work;
      if (lostAtTheEnd === undefined) return undefined;
    }
    return { reason: leadership.signal.reason, unfinished: work };
  }

  /** Contends until what a lost leadership has left behind is finished. Throws what that throws. */
  async #isAcquiredMeanwhile(unfinished: Promise<void>, signal: AbortSignal): Promise<boolean> {
    const stop = new AbortController();
    const unlink = whenAborted(signal, (reason) => stop.abort(reason));
    const ended = unfinished.finally(() => stop.abort());
    try {
      // Work usually ends at once, unless a certificate can't be written yet. Wait for it before contending again.
      await Promise.race([ended, this.#options.clock.sleep(this.#retryPeriodMs, stop.signal).catch(() => {})]);
      if (!stop.signal.aborted) {
        this.#options.log.warn(
          { lease: this.#name },
          "work of the lost leadership continues; contending for the lease again meanwhile",
        );
      }
      if (await this.#isAcquired(stop.signal)) return true;
      await ended;
      return false;
    } finally {
      unlink();
    }
  }

  /** False where the signal has aborted. */
  async #isAcquired(signal: AbortSignal): Promise<boolean> {
    try {
      signal.throwIfAborted();
      await this.#acquire(signal);
      return true;
    } catch (error: unknown) {
      if (signal.aborted) return false;
      throw error;
    }
  }

  async #acquire(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    log.info({ lease: this.#name, identity: this.#options.identity }, "waiting for the lease");
    for (;;) {
      try {
        if (await this.#claim.try(signal, this.#renewDeadlineMs / 2)) {
          log.info({ lease: this.#name, identity: this.#options.identity }, "leading");
          return;
        }
      } catch (error: unknown) {
        signal.throwIfAborted();
        log.warn({ lease: this.#name, err: error }, "could not read the lease");
      }
      const retryMs = this.#retryPeriodMs * (1 + random() / 10);
      // As soon as the other's time is over, rather than at the next round.
      const expiresMs = this.#claim.expiresInMs;
      await clock.sleep(expiresMs === undefined || expiresMs <= 0 ? retryMs : Math.min(retryMs, expiresMs), signal);
    }
  }

  /** Resolves when `signal` aborts; throws LeaseLostError. */
  async #keepRenewing(signal: AbortSignal): Promise<undefined> {
    const { clock, random, log } = this.#options;
    let periodMs = this.#retryPeriodMs;
    for (;;) {
      try {
        await clock.sleep(Math.min(periodMs * (1 + random() / 10), Math.max(0, this.#claim.leftMs)), signal);
        if (this.#claim.leftMs <= 0) {
          throw new LeaseLostError(`the lease ${this.#name} could not be renewed for ${this.#renewDeadlineMs} ms`);
        }
        // Half of the deadline at most: over a dead connection the next try gets a new one.
        if (!(await this.#claim.try(signal, Math.min(this.#claim.leftMs, this.#renewDeadlineMs / 2)))) {
          throw new LeaseLostError(`the lease ${this.#name} is held by ${this.#claim.holder}`);
        }
        periodMs = this.#retryPeriodMs;
      } catch (error: unknown) {
        if (error instanceof LeaseLostError) {
          log.error({ lease: this.#name, err: error }, "lost the lease");
          throw error;
        }
        if (signal.aborted) return undefined;
        // Time is short now: twice as often.
        periodMs = this.#retryPeriodMs / 2;
        log.warn({ lease: this.#name, err: error, leftMs: this.#claim.leftMs }, "could not renew the lease");
      }
    }
  }

  get #name(): string {
    return `${this.#options.namespace}/${this.#options.name}`;
  }
}

/** Ends with `lead`. */
async function finishing(lead: LeadOptions["lead"], signal: AbortSignal): Promise<void> {
  try {
    await lead(signal);
  } catch (error: unknown) {
    if (!isAbortReason(error, signal)) throw error;
  }
}
