import { findCondition } from "../../../src/api/conditions.ts";
import { HOUR_MS, MINUTE_MS } from "../../../src/clock.ts";
import { objectKey } from "../../../src/kube/resource-type.ts";
import { RESOURCES, type ResourceObject } from "../cluster/kinds.ts";
import type { Stage } from "../stage.ts";
import { hindranceOf } from "./hindrance.ts";
import { type Holding, holdingOf } from "./holding.ts";
import type { Ledger } from "./ledger.ts";
import type { Report } from "./violation.ts";

/** How long Ready may be True with such a Secret, while nothing is disturbed. */
const PATIENCE_MS: Readonly<Record<Holding["kind"], number>> = {
  good: Number.POSITIVE_INFINITY,
  missing: 2 * MINUTE_MS,
  unreadable: 2 * MINUTE_MS,
  mismatch: 2 * MINUTE_MS,
  otherUser: 2 * MINUTE_MS,
  expired: MINUTE_MS,
  // The next verification finds it, and two more lists confirm it.
  revoked: 6 * HOUR_MS + 45 * MINUTE_MS,
};
/** The longest backoff, a recheck, and the turn of others. */
const READY_WITHIN_MS = 2 * HOUR_MS;
const UNDISTURBED_READY_WITHIN_MS = 2 * MINUTE_MS;

/** How often a resource is looked at where nothing changes in its namespace: Atlas may drop a certificate at any time. */
const LOOK_EVERY_MS = { good: 5 * MINUTE_MS, other: MINUTE_MS / 4 };

/** Since when a resource has been as it is. */
interface Case {
  readonly uid: string;
  kind: Holding["kind"];
  serialNumber: string | undefined;
  notAfter: number;
  username: string;
  secretName: string;
  since: number;
  /** Since when it could be Ready and is not. */
  ableSince: number | undefined;
  /** When to look again, unless something changes before. */
  nextAt: number;
}

/** Follows what each resource holds and claims to be: invariants a, g, h and j. */
export class Readiness {
  readonly #stage: Stage;
  readonly #ledger: Ledger;
  readonly #report: Report;
  readonly #cases = new Map<string, Case>();
  /** Namespaces in which something has changed since the last look. */
  readonly #changed = new Set<string>();
  #nextAt = 0;

  constructor(stage: Stage, ledger: Ledger, report: Report) {
    this.#stage = stage;
    this.#ledger = ledger;
    this.#report = report;
  }

  /** Since when the Secret has held this good certificate of the user that the resource names; undefined where it does not. */
  goodSince(key: string): number | undefined {
    const known = this.#cases.get(key);
    return known?.kind === "good" ? known.since : undefined;
  }

  /** Look at the resources of a namespace at once: something has changed there. */
  changed(namespace: string): void {
    this.#changed.add(namespace);
    this.#nextAt = 0;
  }

  step(): void {
    const { now, world } = this.#stage;
    if (now < this.#nextAt) return;
    this.#nextAt = Number.POSITIVE_INFINITY;
    for (const resource of world.server.all(RESOURCES)) {
      const dueAt = this.#cases.get(objectKey(resource.metadata))?.nextAt ?? 0;
      const isDue = now >= dueAt || this.#changed.has(resource.metadata.namespace ?? "");
      this.#nextAt = Math.min(this.#nextAt, isDue ? this.#look(resource) : dueAt);
    }
    this.#changed.clear();
  }

  /** @returns when to look again */
  #look(resource: ResourceObject): number {
    const current = this.#observe(resource);
    const { now } = this.#stage;
    if (!isReady(resource)) {
      this.#soon(resource, current);
      current.nextAt = now + LOOK_EVERY_MS.other;
      return current.nextAt;
    }
    this.#onlyWithAGoodPair(resource, current);
    current.ableSince = undefined;
    const isGood = current.kind === "good";
    current.nextAt = isGood ? Math.min(current.notAfter, now + LOOK_EVERY_MS.good) : now + LOOK_EVERY_MS.other;
    return current.nextAt;
  }

  #observe(resource: ResourceObject): Case {
    const key = objectKey(resource.metadata);
    const { kind, certificate } = holdingOf(this.#stage.world, resource);
    const { uid } = resource.metadata;
    const { secretName, username } = resource.spec;
    const serialNumber = certificate?.serialNumber;
    const known = this.#cases.get(key);
    const isSame = known?.uid === uid && known.kind === kind && known.serialNumber === serialNumber;
    const isSameSpec = known?.username === username && known.secretName === secretName;
    if (known !== undefined && isSame && isSameSpec) return known;
    // What was there when it expired has been expired since then; another may have been put in its place.
    const wasThere = known?.uid === uid && known.serialNumber === serialNumber;
    const since = kind === "expired" && wasThere ? (certificate?.notAfter ?? 0) : this.#stage.now;
    const ableSince = known?.uid === uid ? known.ableSince : undefined;
    const notAfter = certificate?.notAfter ?? Number.POSITIVE_INFINITY;
    const next: Case = { uid, kind, serialNumber, notAfter, username, secretName, since, ableSince, nextAt: 0 };
    this.#cases.set(key, next);
    return next;
  }

  /** a and g. */
  #onlyWithAGoodPair(resource: ResourceObject, { kind, since }: Case): void {
    const { namespace = "" } = resource.metadata;
    if (kind === "revoked" && resource.spec.suspend) return;
    const calmForMs = this.#stage.now - Math.max(since, this.#stage.calmSince(namespace));
    if (calmForMs <= PATIENCE_MS[kind]) return;
    const what = `Ready is True, and for ${Math.round((this.#stage.now - since) / 1000)} s the Secret has been: ${kind}`;
    this.#report(kind === "expired" ? "g" : "a", objectKey(resource.metadata), what);
  }

  /** h and j. */
  #soon(resource: ResourceObject, current: Case): void {
    const { now } = this.#stage;
    const key = objectKey(resource.metadata);
    const { namespace = "" } = resource.metadata;
    const hindrance = hindranceOf(this.#stage, this.#ledger, resource);
    if (hindrance !== undefined) {
      current.ableSince = undefined;
      return;
    }
    current.ableSince = Math.max(current.ableSince ?? now, this.#ledger.touchedAt.get(namespace) ?? 0);
    const calmSince = this.#stage.calmSince(namespace);
    const forMs = now - Math.max(current.ableSince, calmSince);
    const reason = findCondition(resource.status ?? {}, "Ready")?.reason ?? "no condition";
    const what = `not Ready for ${Math.round(forMs / 1000)} s (${reason}) and nothing is in its way`;
    if (forMs > READY_WITHIN_MS) this.#report("h", key, what);
    if (calmSince === 0 && forMs > UNDISTURBED_READY_WITHIN_MS) this.#report("j", key, what);
  }
}

export function isReady({ status }: ResourceObject): boolean {
  return findCondition(status ?? {}, "Ready")?.status === "True";
}
