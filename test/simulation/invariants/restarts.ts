import { RESTART_ANNOTATION } from "../../../src/api/names.ts";
import { MINUTE_MS } from "../../../src/clock.ts";
import type { WorkloadObject } from "../../../src/controllers/user-certificate/cluster/workloads.ts";
import type { KubeObject } from "../../../src/kube/resource-type.ts";
import type { Change } from "../cluster/api-server.ts";
import { APP, DEPLOYMENT_TYPE, RESOURCE_TYPE, RESOURCES, type ResourceObject } from "../cluster/kinds.ts";
import { FIELD_MANAGER } from "../operator/operator-process.ts";
import type { Stage } from "../stage.ts";
import { holdingOf } from "./holding.ts";
import type { Attempt, Ledger } from "./ledger.ts";
import type { Report } from "./violation.ts";

/** Shortest interval between two restarts; times are kept in whole seconds. */
const INTERVAL_MS = 10 * MINUTE_MS - 1000;
/** In calm times a restart takes no longer: the interval, a retry after a failure, and the same again for what it waits for. */
const LATEST_MS = 40 * MINUTE_MS;

/** Judges the restarts of each tenant's app: invariant n. */
export class Restarts {
  readonly #stage: Stage;
  readonly #ledger: Ledger;
  readonly #report: Report;
  /** What was recorded to be restarted: by namespace, when a certificate was written. */
  readonly #recorded = new Map<string, Set<string>>();
  /** When the app of a namespace was last restarted. */
  readonly #restartedAt = new Map<string, number>();
  #nextAt = 0;

  constructor(stage: Stage, ledger: Ledger, report: Report) {
    this.#stage = stage;
    this.#ledger = ledger;
    this.#report = report;
  }

  change({ type, before, after, by }: Change): void {
    const namespace = after?.metadata.namespace ?? "";
    if (type === RESOURCE_TYPE && after !== undefined) {
      const recorded = this.#recorded.get(namespace) ?? new Set();
      this.#recorded.set(namespace, recorded);
      // The type's name says that these are resources.
      for (const { writtenAt } of (after as ResourceObject).status?.pendingRestarts ?? []) recorded.add(writtenAt);
    }
    if (type === DEPLOYMENT_TYPE && by === FIELD_MANAGER) this.#restarted(namespace, before, after);
  }

  step(): void {
    const { now } = this.#stage;
    if (now < this.#nextAt) return;
    this.#nextAt = now + 5 * MINUTE_MS;
    for (const attempt of this.#ledger.attempts) if (this.#isForgotten(attempt)) this.#reportForgotten(attempt);
  }

  #restarted(namespace: string, before: KubeObject | undefined, after: KubeObject | undefined): void {
    const { cast } = this.#stage.world;
    const [was = "", is = ""] = [annotationOf(before), annotationOf(after)];
    if (!this.#recorded.get(namespace)?.has(is)) this.#report("n", namespace, `a restart for nothing (${is})`);
    if (is <= was) this.#report("n", namespace, `a restart for what was restarted before (${was}, then ${is})`);
    const { now } = this.#stage;
    const lastAt = this.#restartedAt.get(namespace) ?? 0;
    const isClockRight = cast.clocksAheadMs.every((ms) => ms === 0);
    if (isClockRight && now - lastAt < INTERVAL_MS) {
      this.#report("n", namespace, `two restarts within ${Math.round((now - lastAt) / 1000)} s`);
    }
    this.#restartedAt.set(namespace, now);
  }

  /** Whether an attempt put another certificate in the place of one, and the app has not been restarted since. */
  #isForgotten({ held, namespace, resource, storedAt, uid }: Attempt): boolean {
    const { now, world } = this.#stage;
    if (held === undefined || storedAt === undefined) return false;
    if ((this.#restartedAt.get(namespace) ?? 0) >= storedAt) return false;
    const quietSince = Math.max(storedAt, this.#stage.calmSince(namespace), this.#ledger.touchedAt.get(namespace) ?? 0);
    if (now < quietSince + LATEST_MS) return false;
    const current = world.server.all(RESOURCES).find(({ metadata }) => metadata.uid === uid);
    if (current === undefined || current.metadata.deletionTimestamp !== undefined) return false;
    // No one restarts an app for a certificate that Atlas has dropped.
    if (holdingOf(world, current).kind !== "good") return false;
    return !current.spec.suspend && current.spec.secretName === resource.spec.secretName;
  }

  #reportForgotten({ key, reason, storedAt = 0 }: Attempt): void {
    const at = new Date(storedAt).toISOString();
    this.#report("n", key, `${APP.kind} ${APP.name} was not restarted after the certificate of ${at} (${reason})`);
  }
}

function annotationOf(object: KubeObject | undefined): string | undefined {
  // The type's name says that these are Deployments.
  return (object as WorkloadObject | undefined)?.spec?.template?.metadata?.annotations?.[RESTART_ANNOTATION];
}
