import { findCondition, RESTART_CONDITION } from "../../../src/api/conditions.ts";
import { BLOCKED_REASONS } from "../../../src/api/reasons.ts";
import { MINUTE_MS } from "../../../src/clock.ts";
import { objectKey } from "../../../src/kube/resource-type.ts";
import type { Change } from "../cluster/api-server.ts";
import { RESOURCE_TYPE, RESOURCES, type ResourceObject, SECRET_TYPE } from "../cluster/kinds.ts";
import type { Call } from "../engine/network.ts";
import { FIELD_MANAGER, POLICY } from "../operator/operator-process.ts";
import type { Stage } from "../stage.ts";
import { holdingOf, renewalDueAt } from "./holding.ts";
import { type Ledger, userOf } from "./ledger.ts";
import { isReady } from "./readiness.ts";
import type { Report } from "./violation.ts";

/** What was begun before may still be finished. */
const SETTLED_MS = 30 * MINUTE_MS;
/** Verifications are spread: the interval is at most so much shorter. */
const VERIFY_LEAST_MS = POLICY.verifyIntervalMs * 0.78;
/** In calm times more calls than this in ten minutes are a loop. */
const MOST_CALLS = 600;

interface Resting {
  since: number;
  writes: number;
  lists: number;
}

/** Counts what the operator does while there is nothing to do: invariant f. */
export class Rest {
  readonly #stage: Stage;
  readonly #ledger: Ledger;
  readonly #report: Report;
  readonly #resting = new Map<string, Resting>();
  #calls = { since: 0, count: 0 };
  #nextAt = 0;

  constructor(stage: Stage, ledger: Ledger, report: Report) {
    this.#stage = stage;
    this.#ledger = ledger;
    this.#report = report;
  }

  step(): void {
    const { now, world } = this.#stage;
    if (now < this.#nextAt) return;
    this.#nextAt = now + 5 * MINUTE_MS;
    for (const resource of world.server.all(RESOURCES)) {
      const key = objectKey(resource.metadata);
      if (!this.#rests(resource)) this.#resting.delete(key);
      else if (!this.#resting.has(key)) this.#resting.set(key, { since: now, writes: 0, lists: 0 });
    }
  }

  change({ type, key, by, after }: Change): void {
    if (by !== FIELD_MANAGER || (type !== RESOURCE_TYPE && type !== SECRET_TYPE)) return;
    const resources = this.#stage.world.server.all(RESOURCES);
    for (const resource of resources) {
      const resourceKey = objectKey(resource.metadata);
      const secret = `${resource.metadata.namespace}/${resource.spec.secretName}`;
      const isOwn = type === RESOURCE_TYPE ? key === resourceKey : key === secret;
      const resting = isOwn ? this.#resting.get(resourceKey) : undefined;
      if (resting === undefined || after === undefined) continue;
      if (!this.#rests(resource)) {
        // An issue has begun since the last look.
        this.#resting.delete(resourceKey);
        continue;
      }
      resting.writes += 1;
      this.#judge(resourceKey, resting, "writes");
    }
  }

  call({ what, verb, scope }: Call): void {
    const { now } = this.#stage;
    if (what.startsWith("leases")) return;
    if (now - this.#calls.since > 10 * MINUTE_MS) this.#calls = { since: now, count: 0 };
    this.#calls.count += 1;
    const isCalm = this.#stage.calmSince(scope) < this.#calls.since;
    if (isCalm && this.#calls.count > MOST_CALLS) this.#report("f", what, `${MOST_CALLS} calls in ten minutes: a loop`);
    if (verb !== "GET") return;
    for (const resource of this.#stage.world.server.all(RESOURCES)) {
      if (userOf(resource.spec) !== what) continue;
      const key = objectKey(resource.metadata);
      const resting = this.#resting.get(key);
      if (resting === undefined) continue;
      resting.lists += 1;
      this.#judge(key, resting, "lists");
    }
  }

  #judge(key: string, { since, writes, lists }: Resting, what: "writes" | "lists"): void {
    const forMs = this.#stage.now - since;
    const namespace = key.slice(0, key.indexOf("/"));
    // Since the last look somebody has given it something to do.
    if ((this.#ledger.touchedAt.get(namespace) ?? 0) > since || this.#stage.calmSince(namespace) > since) return;
    // What others of the same user do may need lists too.
    if (what === "lists" && this.#isShared(key)) return;
    const verifications = 2 + Math.floor((forMs + SETTLED_MS) / VERIFY_LEAST_MS);
    // What is forgotten of the past is a write of its own.
    const isTooMuch = what === "writes" ? writes > 2 * verifications : lists > verifications;
    if (!isTooMuch) return;
    const count = what === "writes" ? writes : lists;
    const hours = (forMs / (60 * MINUTE_MS)).toFixed(1);
    this.#report("f", key, `${count} ${what} in ${hours} h in which there was nothing to do`);
  }

  #isShared(key: string): boolean {
    const resources = this.#stage.world.server.all(RESOURCES);
    const own = resources.find(({ metadata }) => objectKey(metadata) === key);
    return own !== undefined && resources.filter(({ spec }) => userOf(spec) === userOf(own.spec)).length > 1;
  }

  #rests(resource: ResourceObject): boolean {
    const { now, world } = this.#stage;
    const { namespace = "" } = resource.metadata;
    const status = resource.status ?? {};
    const isBusy = ["Issuing", "Stalled"].some((type) => findCondition(status, type as "Issuing")?.status === "True");
    const isHeldUp = BLOCKED_REASONS.some((reason) => reason === findCondition(status, "Ready")?.reason);
    const isRestarting = findCondition(status, RESTART_CONDITION)?.reason === "RestartDue";
    if (!isReady(resource) || isBusy || isRestarting || isHeldUp || status.issuance !== undefined) return false;
    const quietSince = Math.max(this.#stage.calmSince(namespace), this.#ledger.touchedAt.get(namespace) ?? 0);
    if (now < quietSince + SETTLED_MS) return false;
    const { kind, certificate } = holdingOf(world, resource);
    return kind === "good" && certificate !== undefined && now < renewalDueAt(resource, certificate) - MINUTE_MS;
  }
}
