import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import { type Clock, HOUR_MS } from "../../clock.ts";
import { DeadlineReached, withDeadline } from "../../deadline.ts";
import type { Log } from "../../kube/log.ts";
import type { Outcome as QueueOutcome } from "../../kube/queue/work-queue.ts";
import { objectKey } from "../../kube/resource-type.ts";
import { logUnparsable } from "../tell.ts";
import type { Announcer } from "./announce.ts";
import type { AtlasClock } from "./atlas/atlas-clock.ts";
import type { DepartedHistories } from "./cluster/departed-histories.ts";
import { type ParkedCertificates, viewOf } from "./cluster/parked-certificates.ts";
import type { CachedResource, ResourceCache } from "./cluster/resource-cache.ts";
import { readFailure } from "./cluster/secret-blockers.ts";
import type { SecretWriter } from "./cluster/secret-writer.ts";
import type { StatusWriter } from "./cluster/status-writer.ts";
import { decide, needsAtlas } from "./core/decide/decide.ts";
import { urgencyOf } from "./core/decide/urgency.ts";
import type { Decision, Outcome } from "./core/model/decision.ts";
import { type Assessment, assess } from "./core/status/assessment.ts";
import { expiredUnread } from "./core/status/expired-unread.ts";
import { nextReconcileMs } from "./core/status/next-reconcile.ts";
import type { Issuer } from "./issue.ts";
import type { IssuingTurns } from "./issuing-turns.ts";
import type { ResourceMemories } from "./resource-memory.ts";
import type { Restarter } from "./restart.ts";
import type { Reading, SnapshotReader } from "./snapshot-reader.ts";

export interface ReconcilerOptions {
  readonly resources: ResourceCache;
  readonly reader: SnapshotReader;
  readonly issuer: Issuer;
  readonly secrets: SecretWriter;
  readonly statuses: StatusWriter;
  readonly restarter: Restarter;
  readonly announcer: Announcer;
  readonly parked: ParkedCertificates;
  readonly departed: DepartedHistories;
  readonly memories: ResourceMemories;
  readonly turns: IssuingTurns;
  readonly atlasClock: AtlasClock;
  /** Called after each reconcile, when its status is written or could not be. It must not throw. */
  readonly onReconciled?: ((assessment: Assessment) => void) | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/**
 * How long reading may take, in milliseconds: Atlas' lists of two users and the API server's answers. Well below the queue's
 * limit for the whole item: what that one ends is given up without a word, and silence must show in the status.
 */
const READ_TIMEOUT_MS = 30_000;

/** A resource that waits for its turn is woken by the one before it; this is for the case that it is not. */
const TURN_TIMEOUT_MS = 60_000;

interface Decided {
  readonly reading: Reading;
  readonly decision: Decision;
}

/** read ▶ decide ▶ act ▶ report, for one resource at a time. */
export class Reconciler {
  readonly #options: ReconcilerOptions;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** @param key `namespace/name` of an AtlasUserCertificate */
  async reconcile(key: string, signal: AbortSignal): Promise<QueueOutcome> {
    const { clock, turns } = this.#options;
    let isWaiting = false;
    try {
      const outcome = await this.#reconcile(key, signal);
      isWaiting = outcome === "waits for its turn";
      return outcome === "waits for its turn" ? { kind: "again", at: clock.now() + TURN_TIMEOUT_MS } : outcome;
    } finally {
      if (!isWaiting) turns.leave(key);
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<QueueOutcome | "waits for its turn"> {
    const resource = this.#options.resources.get(key);
    if (resource === undefined || resource.deleting) return { kind: "done" };
    if (!resource.valid) {
      logUnparsable(this.#options.log, USER_CERTIFICATE, key, resource.problem);
      return { kind: "done" };
    }
    const unsent = this.#options.issuer.unsentAttempt(resource);
    if (unsent !== undefined) {
      await this.#options.statuses.withdraw(resource, unsent);
      return { kind: "again", at: this.#options.clock.now() };
    }
    let decided = await this.#read(resource, signal, (readSignal) => this.#decideFromCaches(resource, readSignal));
    // Read at the last moment: at a start, a hundred reconciles come here within a millisecond.
    const { isTimeAsked } = this.#options.reader;
    if (!needsAtlas(decided.reading.situation, decided.decision, isTimeAsked)) return this.#finish(decided, signal);
    if (decided.decision.kind !== "issue") decided = await this.#decideLive(resource, decided, signal);
    if (decided.decision.kind !== "issue") return this.#finish(decided, signal);
    // Read again within the turn: another resource of the user may have issued since.
    const urgency = urgencyOf(decided.reading.situation, decided.decision);
    const endTurn = this.#options.turns.take(resource.spec, key, urgency);
    if (endTurn === undefined) return "waits for its turn";
    try {
      return await this.#finish(await this.#decideLive(resource, decided, signal), signal);
    } finally {
      endTurn();
    }
  }

  /** Drops what was kept for a resource that is gone. */
  forget(resource: CachedResource): void {
    if (resource.valid) this.#options.departed.note(resource);
    this.#dropParked(resource.uid);
    this.#options.memories.forget(resource.uid);
  }

  #dropParked(uid: string): void {
    const parked = this.#options.parked.remove(uid);
    const why = "its AtlasUserCertificate was deleted before its Secret could be written";
    if (parked !== undefined) this.#options.announcer.announceOrphan(parked.resource, viewOf(parked), why);
  }

  async #decideFromCaches(resource: UserCertificate, signal: AbortSignal): Promise<Decided> {
    const reading = await this.#options.reader.fromCaches(resource, signal);
    return { reading, decision: decide(reading.situation) };
  }

  async #decideLive(resource: UserCertificate, before: Decided, signal: AbortSignal): Promise<Decided> {
    const urgency = urgencyOf(before.reading.situation, before.decision);
    return this.#read(resource, signal, async (readSignal) => {
      const reading = await this.#options.reader.live(resource, urgency, readSignal);
      return { reading, decision: decide(reading.situation) };
    });
  }

  async #read(
    resource: UserCertificate,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<Decided>,
  ): Promise<Decided> {
    const { clock } = this.#options;
    try {
      return await withDeadline({ clock, ms: READ_TIMEOUT_MS, signal }, work);
    } catch (error: unknown) {
      // A process that was told to stop may no longer lead, and writes nothing. One that ran out of time still may.
      const isCalledOff = signal.aborted && !(signal.reason instanceof DeadlineReached);
      if (!isCalledOff) await this.#reportUnread(resource, error);
      throw error;
    }
  }

  async #finish({ reading, decision }: Decided, signal: AbortSignal): Promise<QueueOutcome> {
    const outcome = await this.#act(reading, decision, signal);
    const { atlasClock, random, resources, restarter } = this.#options;
    const { situation } = reading;
    const { resource } = situation;
    // It was deleted while its certificate was on the way: no reconcile will store that.
    if (outcome.kind === "parked" && resources.get(objectKey(resource))?.uid !== resource.uid)
      this.#dropParked(resource.uid);
    // Last of all: nothing waits for a restart.
    const restartResults = await restarter.restart(resource, outcome, signal);
    return this.#report(
      assess({ situation, decision, outcome, restartResults, nowMs: atlasClock.now(), random: random() }),
    );
  }

  async #act({ situation, access }: Reading, decision: Decision, signal: AbortSignal): Promise<Outcome> {
    const { announcer, issuer, parked, secrets } = this.#options;
    const { resource, secret } = situation;
    switch (decision.kind) {
      case "keep":
      case "blocked":
        return { kind: "nothing" };
      case "issue":
        // The credentials changed between the decision and now.
        return access.kind === "usable" ? issuer.issue(situation, decision, access.api, signal) : { kind: "overtaken" };
      case "store": {
        const waiting = parked.get(resource.uid);
        return waiting === undefined ? { kind: "overtaken" } : issuer.store(resource, secret, waiting);
      }
      case "discard":
        parked.remove(resource.uid);
        announcer.announceOrphan(resource, decision.parked, decision.problem);
        return { kind: "discarded" };
      case "repair": {
        const blocker = await secrets.repair(resource, decision, signal);
        if (blocker === "overtaken") return { kind: "overtaken" };
        if (blocker !== undefined) return { kind: "failed", blocker, attempt: undefined, staysOpen: false };
        this.#noteRepair(resource);
        return { kind: "repaired", differences: decision.differences };
      }
      default:
        return decision satisfies never;
    }
  }

  async #report(assessment: Assessment): Promise<QueueOutcome> {
    const { announcer, atlasClock, onReconciled, statuses } = this.#options;
    try {
      if (assessment.outcome.kind !== "overtaken") {
        announcer.announceFindings(assessment);
        announcer.announceIssued(assessment);
        await statuses.report(assessment);
        announcer.announce(assessment);
      }
    } finally {
      onReconciled?.(assessment);
    }
    const at = nextReconcileMs(assessment);
    if (at === undefined) return { kind: "done" };
    return { kind: "again", at: atlasClock.toLocal(at), priority: hoursLeft(assessment) };
  }

  async #reportUnread(resource: UserCertificate, error: unknown): Promise<void> {
    const { atlasClock, statuses } = this.#options;
    const conditions = expiredUnread(resource, readFailure(error), atlasClock.now());
    if (conditions !== undefined) await statuses.reportUnread(resource, conditions);
  }

  #noteRepair(resource: UserCertificate): void {
    const memory = this.#options.memories.of(resource);
    const nowMs = this.#options.atlasClock.now();
    memory.repairs = [...memory.repairs.filter((time) => time > nowMs - HOUR_MS), nowMs];
  }
}

/** Near expiry goes first: fewer hours left, smaller number. */
function hoursLeft({ held, nowMs }: Assessment): number {
  return held === undefined ? 0 : Math.max(0, Math.round((held.notAfter.getTime() - nowMs) / HOUR_MS));
}
