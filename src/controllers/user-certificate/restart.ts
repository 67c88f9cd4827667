import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import type { PendingRestart } from "../../api/rollout-restart.ts";
import type { KubeApi } from "../../kube/kube-api.ts";
import { KubeError } from "../../kube/kube-error.ts";
import type { Log } from "../../kube/log.ts";
import { objectKey } from "../../kube/resource-type.ts";
import type { AtlasClock } from "./atlas/atlas-clock.ts";
import type { ResourceCache } from "./cluster/resource-cache.ts";
import { observeWorkload, restartFailed, restartWorkload } from "./cluster/workloads.ts";
import { decideRestart, isToRestart, restartDueMs, titleOf } from "./core/decide/restarts.ts";
import type { Outcome } from "./core/model/decision.ts";
import type { RestartResult } from "./core/model/restart.ts";
import type { ResourceMemories } from "./resource-memory.ts";

export interface RestarterOptions {
  readonly kube: Pick<KubeApi, "get" | "mergePatch">;
  readonly resources: Pick<ResourceCache, "pendingRestarts">;
  readonly memories: ResourceMemories;
  readonly isEnabled: boolean;
  /** Called after each restart and each failure of one. It must not throw. */
  readonly onRestart?: ((result: "restarted" | "failed") => void) | undefined;
  readonly atlasClock: AtlasClock;
  readonly log: Log;
}

/** Times in a status are whole seconds. */
const SECOND_MS = 1000;

/** Wait after someone else changed the workload at the same time, in milliseconds. */
const CONFLICT_RETRY_MS = 2000;

/**
 * Restarts the workloads that still wait for a renewal. At rest it makes no calls: a workload is read only while its
 * restart is pending and due.
 */
export class Restarter {
  readonly #options: RestarterOptions;

  constructor(options: RestarterOptions) {
    this.#options = options;
  }

  /**
   * Never fails because of the API server: each result says whether its restart succeeded.
   *
   * @param outcome of this reconcile: a certificate that has just been stored makes all restarts pending again
   */
  async restart(resource: UserCertificate, outcome: Outcome, signal: AbortSignal): Promise<readonly RestartResult[]> {
    const { spec, status } = resource;
    const isOutdated = outcome.kind === "issued" || outcome.kind === "overtaken";
    if (!this.#options.isEnabled || spec.suspend || isOutdated) return [];
    const pending = (status.pendingRestarts ?? []).filter((one) => isToRestart(spec, one));
    return Promise.all(pending.map((one) => this.#ofMemory(resource, one) ?? this.#look(resource, one, signal)));
  }

  /** Until its time comes, the last result stands, unless the spec has changed. */
  #ofMemory({ generation, uid }: UserCertificate, pending: PendingRestart): RestartResult | undefined {
    const nowMs = this.#options.atlasClock.now();
    const dueMs = restartDueMs(pending);
    if (dueMs > nowMs) return { kind: "waiting", pending, untilMs: dueMs };
    const known = this.#options.memories.of({ uid }).restarts?.get(titleOf(pending));
    const isKnown = known?.generation === generation && known.result.pending.writtenAt === pending.writtenAt;
    return isKnown && "untilMs" in known.result && known.result.untilMs > nowMs ? known.result : undefined;
  }

  async #look(resource: UserCertificate, pending: PendingRestart, signal: AbortSignal): Promise<RestartResult> {
    const result = await this.#act(resource, pending, signal).catch((error: unknown) => {
      if (signal.aborted) throw error;
      return this.#failed(resource, pending, error);
    });
    if (result.kind === "restarted") this.#options.onRestart?.("restarted");
    if (result.kind === "blocked") this.#options.onRestart?.("failed");
    const { generation } = resource;
    const memory = this.#options.memories.of(resource);
    memory.restarts ??= new Map();
    memory.restarts.set(titleOf(pending), { generation, result });
    return result;
  }

  async #act({ namespace }: UserCertificate, pending: PendingRestart, signal: AbortSignal): Promise<RestartResult> {
    const { atlasClock, kube, resources } = this.#options;
    const { kind, name } = pending;
    const ref = { namespace, name };
    const observed = await observeWorkload(kube, kind, ref, signal);
    const nowMs = atlasClock.now();
    const decision = decideRestart(pending, observed, nowMs);
    switch (decision.kind) {
      case "covered":
        return { kind: "covered", pending };
      case "wait":
        return { kind: "waiting", pending, untilMs: decision.untilMs };
      case "blocked":
        return { ...decision, pending, untilMs: nowMs + decision.blocker.retryMs };
      case "restart": {
        // The Secrets of other resources that were written before now reach the pods by this restart too. Their times are
        // whole seconds: of this second there may be another one to come.
        const others = resources.pendingRestarts(namespace, pending).map(({ writtenAt }) => writtenAt);
        const written = [pending.writtenAt, ...others.filter((one) => Date.parse(one) + SECOND_MS <= nowMs)];
        const writtenAt = written.reduce((newest, one) => (one > newest ? one : newest));
        await restartWorkload(kube, { kind, ref, workload: decision.workload, writtenAt }, signal);
        return { kind: "restarted", pending };
      }
      default:
        return decision satisfies never;
    }
  }

  #failed(resource: UserCertificate, pending: PendingRestart, error: unknown): RestartResult {
    const nowMs = this.#options.atlasClock.now();
    // Someone else changed the workload: it is read again.
    if (KubeError.is(error, "Conflict")) return { kind: "waiting", pending, untilMs: nowMs + CONFLICT_RETRY_MS };
    if (!KubeError.is(error)) {
      this.#options.log.error({ resource: objectKey(resource), err: error }, "cannot restart a workload");
    }
    const blocker = restartFailed(pending, error);
    return { kind: "blocked", pending, blocker, untilMs: nowMs + blocker.retryMs };
  }
}
