import type { InvalidUserCertificate, UserCertificate } from "../../api/parse-user-certificate.ts";
import type { Clock } from "../../clock.ts";
import { DeadlineReached, withDeadline } from "../../deadline.ts";
import type { Log } from "../../kube/log.ts";
import { objectKey } from "../../kube/resource-type.ts";
import type { Outcome as QueueOutcome } from "../../kube/work-queue.ts";
import { type ActorOptions, act } from "./act.ts";
import type { Announcer } from "./announce.ts";
import type { CertificateCache } from "./caches.ts";
import { decide, needsAtlas } from "./decide.ts";
import { heldCertificate } from "./facts.ts";
import { nextLookMs } from "./next-look.ts";
import type { Observation, Observer } from "./observe.ts";
import type { Decision, Observed, Policy } from "./observed.ts";
import type { Outcome } from "./outcome.ts";
import type { Round } from "./round.ts";
import type { StatusWriter } from "./status-writer.ts";
import { expiredUnseen } from "./unobserved.ts";
import { urgencyOf } from "./urgency.ts";

export interface ReconcilerOptions extends ActorOptions {
  readonly certificates: CertificateCache;
  readonly observer: Observer;
  readonly statuses: StatusWriter;
  readonly announcer: Announcer;
  readonly policy: Policy;
  /** Told of each round, when what it left is written, or could not be. It must not throw. */
  readonly onRound?: ((round: Round) => void) | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

const HOUR_MS = 3_600_000;

/**
 * How long looking at the world may take, all pages of Atlas' list included. Well below the queue's limit for the whole
 * item: what that one ends is given up without a word, and an Atlas that never answers must show in the status.
 */
const LOOK_TIMEOUT_MS = 75_000;

interface Look {
  readonly observation: Observation;
  readonly decision: Decision;
}

/** observe ▶ decide ▶ act ▶ report, for one resource at a time. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  /** When this process repaired the Secret of a resource, by its uid: two writers that fight must be noticed. */
  readonly #repairs = new Map<string, readonly number[]>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** @param key `namespace/name` of an AtlasUserCertificate */
  async reconcile(key: string, signal: AbortSignal): Promise<QueueOutcome> {
    const resource = this.#options.certificates.get(key);
    if (resource === undefined || resource.deleting) return { kind: "done" };
    if (!resource.valid) return this.#refuse(resource);
    const { observation, decision } = await this.#look(resource, signal);
    const outcome = await act(observation, decision, this.#options, signal);
    if (outcome.kind === "repaired") this.#noteRepair(resource);
    return this.#report({
      observed: withItsSecret(observation.observed, outcome),
      decision,
      outcome,
      nowMs: this.#now(),
      random: this.#random(),
    });
  }

  /** Lets go of what was kept for a resource that is gone. */
  forget(uid: string): void {
    this.#repairs.delete(uid);
    this.#options.announcer.forget(uid);
  }

  async #look(resource: UserCertificate, signal: AbortSignal): Promise<Look> {
    const { clock, policy } = this.#options;
    try {
      const options = { clock, ms: LOOK_TIMEOUT_MS, signal };
      return await withDeadline(options, (lookSignal) => this.#decide(resource, lookSignal));
    } catch (error: unknown) {
      // Whoever was told to stop may not lead any more, and writes nothing. Whose time is over still may.
      const isCalledOff = signal.aborted && !(signal.reason instanceof DeadlineReached);
      const round = isCalledOff ? undefined : expiredUnseen(resource, error, { policy, nowMs: this.#now() });
      if (round !== undefined) await this.#report(round);
      throw error;
    }
  }

  async #decide(resource: UserCertificate, signal: AbortSignal): Promise<Look> {
    const { observer } = this.#options;
    const repairs = this.#recentRepairs(resource);
    const cached = await observer.fromCaches(resource, repairs, signal);
    const provisional = decide(cached.observed, this.#now());
    if (!needsAtlas(cached.observed, provisional, this.#now())) return { observation: cached, decision: provisional };
    const urgency = urgencyOf(cached.observed, provisional);
    const observation = await observer.live(resource, repairs, urgency, signal);
    return { observation, decision: decide(observation.observed, this.#now()) };
  }

  async #report(round: Round): Promise<QueueOutcome> {
    const { statuses, announcer, onRound } = this.#options;
    try {
      if (round.outcome.kind !== "overtaken") {
        announcer.announceFindings(round.observed);
        announcer.announceIssued(round);
        await statuses.report(round);
        announcer.announce(round);
      }
    } finally {
      onRound?.(round);
    }
    const written = this.#options.certificates.get(objectKey(round.observed.resource));
    const resource = written?.valid ? written : round.observed.resource;
    const at = nextLookMs({ ...round, observed: { ...round.observed, resource } });
    return at === undefined ? { kind: "done" } : { kind: "again", at, priority: hoursLeft(round) };
  }

  /** Nothing can be decided for a resource that can't be read, and nothing is written over what was not understood. */
  #refuse({ namespace, name, problem }: InvalidUserCertificate): QueueOutcome {
    this.#options.log.error(
      { resource: objectKey({ namespace, name }), problem },
      "this resource can't be read: its CRD is another version's. Apply the CRDs of this operator's version",
    );
    return { kind: "done" };
  }

  #recentRepairs({ uid }: UserCertificate): readonly number[] {
    return (this.#repairs.get(uid) ?? []).filter((time) => time > this.#now() - HOUR_MS);
  }

  #noteRepair(resource: UserCertificate): void {
    this.#repairs.set(resource.uid, [...this.#recentRepairs(resource), this.#now()]);
  }

  #now(): number {
    return this.#options.clock.now();
  }

  #random(): number {
    return this.#options.random();
  }
}

/** The observation, with the Secret that was written: the resource came to name another while the certificate waited. */
function withItsSecret(observed: Observed, outcome: Outcome): Observed {
  if (outcome.kind !== "issued" || outcome.secretName === undefined) return observed;
  const { resource } = observed;
  return { ...observed, resource: { ...resource, spec: { ...resource.spec, secretName: outcome.secretName } } };
}

/** Near expiry goes first: fewer hours left, smaller number. */
function hoursLeft({ observed, nowMs }: Round): number {
  const held = heldCertificate(observed);
  return held === undefined ? 0 : Math.max(0, Math.round((held.notAfter.getTime() - nowMs) / HOUR_MS));
}
