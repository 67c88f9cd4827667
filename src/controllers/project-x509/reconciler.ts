import { type MarkOption, marked } from "../../api/condition-states.ts";
import type { ProjectX509 } from "../../api/project-x509.ts";
import type { Clock } from "../../clock.ts";
import { KubeError } from "../../kube/kube-error.ts";
import { mergePatchOf } from "../../kube/merge-patch.ts";
import type { Outcome as QueueOutcome } from "../../kube/queue/work-queue.ts";
import type { StatusSender } from "../../kube/status-sender.ts";
import type { NamedProject } from "../access/project-directory.ts";
import { readAuthorities } from "../access/read-authorities.ts";
import { afterOvertaken } from "../name-queue.ts";
import type { Audience } from "../tell.ts";
import type { CachedProject } from "../user-certificate/cluster/project-cache.ts";
import { announce } from "./announce.ts";
import { isNews, nextStatus } from "./core/next-status.ts";
import type { Snapshot } from "./core/snapshot.ts";

export interface ProjectReconcilerOptions extends MarkOption {
  readonly project: (name: string) => ProjectX509 | undefined;
  readonly access: (name: string) => Promise<NamedProject>;
  /** The resources that name the project. */
  readonly resources: (name: string) => Snapshot["resources"];
  readonly tokensLeft: (projectId: string) => number;
  /** Called once customer-managed X.509 of a project is off, and its status says so. */
  readonly onSwitchedOff: (name: string) => void;
  readonly sender: Pick<StatusSender<CachedProject>, "send">;
  readonly audience: Audience;
  /** Interval between reconciles of a healthy project, in milliseconds. */
  readonly refreshMs: number;
  /** Longest wait while something is wrong. */
  readonly recheckIntervalMs: number;
  readonly clock: Clock;
}

/** Keeps the status of projects current: slowly, and without a write where nothing changed. */
export class ProjectReconciler {
  readonly #options: ProjectReconcilerOptions;

  constructor(options: ProjectReconcilerOptions) {
    this.#options = options;
  }

  /** @param name of an AtlasProjectX509 */
  async reconcile(name: string, signal: AbortSignal): Promise<QueueOutcome> {
    const { clock, project: find, recheckIntervalMs, refreshMs } = this.#options;
    const project = find(name);
    if (project === undefined) return { kind: "done" };
    const snapshot = await this.#read(project, signal);
    signal.throwIfAborted();
    if (!(await this.#report(snapshot))) return afterOvertaken(clock);
    const isGood = snapshot.atlas.kind === "read" && snapshot.atlas.authorities.length === 0;
    const asked = "blocker" in snapshot.atlas ? (snapshot.atlas.blocker.atLeastMs ?? 0) : 0;
    return {
      kind: "again",
      at: clock.now() + Math.max(isGood ? refreshMs : Math.min(refreshMs, recheckIntervalMs), asked),
    };
  }

  async #read(project: ProjectX509, signal: AbortSignal): Promise<Snapshot> {
    const { access, clock, resources, tokensLeft } = this.#options;
    const named = await access(project.name);
    const { answeredAt, authorities: atlas } =
      named.kind === "usable"
        ? await readAuthorities(named.project, signal)
        : { answeredAt: undefined, authorities: { kind: "unreachable", blocker: named.blocker } as const };
    return {
      nowMs: clock.now(),
      answeredMs: answeredAt?.getTime(),
      project,
      atlas,
      resources: resources(project.name),
      tokens: tokensLeft(project.spec.projectId),
    };
  }

  /** @returns false where the project was changed in the meantime */
  async #report(snapshot: Snapshot): Promise<boolean> {
    const { audience, mark, sender } = this.#options;
    const { project } = snapshot;
    const next = nextStatus(snapshot);
    const status = { ...next, conditions: marked(next.conditions ?? [], mark) };
    if (!isNews(project.status, status)) return true;
    try {
      await sender.send(project, mergePatchOf(project.status, status) ?? {});
    } catch (error: unknown) {
      if (KubeError.is(error, "Conflict")) return false;
      if (KubeError.is(error, "NotFound")) return true;
      throw error;
    }
    const wasOn = project.status.customerManagedX509?.enabled === true;
    if (wasOn && next.customerManagedX509?.enabled === false) this.#options.onSwitchedOff(project.name);
    announce(audience, project, next);
    return true;
  }
}
