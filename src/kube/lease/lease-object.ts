import type { KubeObject, ResourceType } from "../resource-type.ts";

/** Times are MicroTime texts with six fractional digits. */
export interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export interface LeaseObject extends KubeObject {
  readonly spec?: LeaseSpec;
}

export const LEASES: ResourceType<LeaseObject> = {
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  kind: "Lease",
  namespaced: true,
};

/** A Lease as it was read, and since when it has been like that by our own clock. */
export class ObservedLease {
  readonly resourceVersion: string;
  /** Undefined when it has been released. */
  readonly holder: string | undefined;
  readonly acquireTime: string | undefined;
  readonly transitions: number;
  readonly #record: string;
  readonly #since: number;
  readonly #durationMs: number;

  private constructor(lease: LeaseObject, record: string, since: number) {
    const spec = lease.spec ?? {};
    this.resourceVersion = lease.metadata.resourceVersion;
    this.holder = spec.holderIdentity || undefined;
    this.acquireTime = spec.acquireTime;
    this.transitions = spec.leaseTransitions ?? 0;
    this.#record = record;
    this.#since = since;
    this.#durationMs = Math.max(1, spec.leaseDurationSeconds ?? 1) * 1000;
  }

  /**
   * @param previous what we saw before: if holder and renewal are the same, the time goes on from then. A label put on
   *   the Lease is not a renewal.
   * @param now monotonic milliseconds
   */
  static of(lease: LeaseObject, previous: ObservedLease | undefined, now: number): ObservedLease {
    const record = JSON.stringify([lease.spec?.holderIdentity, lease.spec?.renewTime, lease.spec?.leaseTransitions]);
    const isUnchanged = previous !== undefined && previous.#record === record;
    return new ObservedLease(lease, record, isUnchanged ? previous.#since : now);
  }

  /** How long its holder may still count on it, in milliseconds. */
  expiresInMs(now: number): number {
    return this.holder === undefined ? 0 : this.#since + this.#durationMs - now;
  }

  /** Whether we must leave it alone. */
  isHeldByOther(identity: string, now: number): boolean {
    return this.holder !== undefined && this.holder !== identity && this.expiresInMs(now) > 0;
  }
}
