import { CUSTOMER_X509_REMOVAL, type CustomerX509Removal } from "../../api/customer-x509-removal.ts";
import { timestamp } from "../../api/timestamp.ts";
import type { Clock } from "../../clock.ts";
import type { Log } from "../../kube/log.ts";
import type { Outcome as QueueOutcome } from "../../kube/queue/work-queue.ts";
import type { NamedProject } from "../access/project-directory.ts";
import { readAuthorities } from "../access/read-authorities.ts";
import { afterOvertaken } from "../name-queue.ts";
import { type Audience, logUnparsable } from "../tell.ts";
import { announce } from "./announce.ts";
import { callRemoval } from "./atlas/remove.ts";
import type { RemovalStatus } from "./cluster/removal-status.ts";
import { type Decision, decide, type Failure } from "./core/decide.ts";
import { nextStatus, nextTimeMs } from "./core/next-status.ts";
import type { Assessment, Outcome } from "./core/outcome.ts";
import type { Snapshot } from "./core/snapshot.ts";

/** The steps that change something; tests stop the process there. */
type RemovalStep = "record" | "call";

export interface RemovalReconcilerOptions {
  readonly removal: (
    name: string,
  ) => CustomerX509Removal | { readonly valid: false; readonly problem: string } | undefined;
  readonly project: (name: string) => Promise<NamedProject>;
  readonly statuses: RemovalStatus;
  readonly audience: Audience;
  /** Gives the check of one call. It throws if this process may no longer act: its lease may have run out since. */
  readonly leadership: () => () => void;
  /** Longest wait while a person has to act, in milliseconds. */
  readonly recheckIntervalMs: number;
  /** Called before each step that changes something. */
  readonly onStep?: ((step: RemovalStep, removal: CustomerX509Removal) => void | Promise<void>) | undefined;
  /** Called for each request that is complete. */
  readonly onComplete?: ((removal: CustomerX509Removal) => void) | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

interface Reading {
  readonly snapshot: Snapshot;
  readonly named: NamedProject;
}

interface Acted {
  readonly outcome: Outcome;
  readonly removal: CustomerX509Removal;
}

type RequestDecision = Extract<Decision, { kind: "request" }>;

export const CRD_OUTDATED: Failure = {
  reason: "CrdOutdated",
  problem:
    "The installed CRD belongs to a different operator version: the API server dropped part of the status, so nothing was changed.",
  remedy: "Apply the CRDs of this operator version, then create a new AtlasCustomerX509Removal.",
};

/** read ▶ decide ▶ act ▶ report, for one request at a time. */
export class RemovalReconciler {
  readonly #options: RemovalReconcilerOptions;

  constructor(options: RemovalReconcilerOptions) {
    this.#options = options;
  }

  /** @param name of an AtlasCustomerX509Removal */
  async reconcile(name: string, signal: AbortSignal): Promise<QueueOutcome> {
    const removal = this.#options.removal(name);
    if (removal === undefined) return { kind: "done" };
    if (!removal.valid) {
      logUnparsable(this.#options.log, CUSTOMER_X509_REMOVAL, name, removal.problem);
      return { kind: "done" };
    }
    if (removal.deleting) return { kind: "done" };
    const { reading, decision } = await this.#read(removal, signal);
    const acted = decision.kind === "request" ? await this.#request(reading, decision, signal) : undefined;
    const { outcome, removal: current } = acted ?? { outcome: { kind: "nothing" } as const, removal };
    return this.#report({ snapshot: reading.snapshot, decision, outcome }, current);
  }

  /** Atlas is asked only where that can change the decision. */
  async #read(removal: CustomerX509Removal, signal: AbortSignal) {
    const { clock } = this.#options;
    const named = await this.#options.project(removal.spec.projectRef.name);
    const project = named.kind === "usable" ? { kind: named.kind, projectId: named.project.projectId } : named;
    const before: Snapshot = { nowMs: clock.now(), removal, project, atlas: { kind: "notAsked" } };
    const first = decide(before);
    if (first.kind !== "ask" || named.kind !== "usable") {
      return { reading: { snapshot: before, named }, decision: first };
    }
    const { answeredAt, authorities } = await readAuthorities(named.project, signal);
    const nowMs = Math.max(clock.now(), answeredAt?.getTime() ?? 0);
    const snapshot: Snapshot = { ...before, nowMs, atlas: authorities };
    return { reading: { snapshot, named }, decision: decide(snapshot) };
  }

  /**
   * Puts the call on record, then makes it: once, by the process that recorded it, and never again.
   *
   * @returns what came of it, and the object as the record left it
   */
  async #request({ snapshot, named }: Reading, decision: RequestDecision, signal: AbortSignal): Promise<Acted> {
    const { audience, clock, leadership, onStep, statuses } = this.#options;
    const { removal, nowMs } = snapshot;
    const overtaken: Acted = { outcome: { kind: "overtaken" }, removal };
    if (named.kind !== "usable") return overtaken;
    const assertLeading = leadership();
    const record = { projectId: decision.projectId, requestedAt: timestamp(nowMs) };
    const recorded: Assessment = { snapshot, decision, outcome: { kind: "recorded", ...record } };
    await onStep?.("record", removal);
    assertLeading();
    signal.throwIfAborted();
    const before = removal.status.conditions ?? [];
    const written = await statuses.write(removal, nextStatus(recorded, before) ?? {}, signal);
    if (written.kind === "overtaken") return overtaken;
    if (written.kind === "notKept") {
      return { outcome: { kind: "refused", ...record, failure: CRD_OUTDATED }, removal: written.removal };
    }
    announce(audience, recorded);
    await onStep?.("call", removal);
    const result = await callRemoval(named.project, removal, { assertLeading, clock });
    return { outcome: { ...result, ...record }, removal: written.removal };
  }

  async #report(assessment: Assessment, current: CustomerX509Removal): Promise<QueueOutcome> {
    const { audience, recheckIntervalMs, statuses } = this.#options;
    const status = nextStatus(assessment, current.status.conditions ?? []);
    if (status !== undefined) {
      const written = await statuses.write(current, status);
      if (written.kind === "overtaken") return afterOvertaken(this.#options.clock);
      announce(audience, assessment);
      if (assessment.decision.kind === "complete") this.#options.onComplete?.(current);
    }
    const at = nextTimeMs(assessment, recheckIntervalMs);
    return at === undefined ? { kind: "done" } : { kind: "again", at };
  }
}
