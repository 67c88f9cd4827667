import { type Clock, HOUR_MS, MINUTE_MS, systemClock } from "../../clock.ts";
import { CLEARED, whenAborted } from "../../deadline.ts";
import { DEFAULT_RATE_LIMITS, type RateLimits, type RateReport } from "./rate-limits.ts";
import { SharedBucket } from "./shared-bucket.ts";
import { type Waiting, WaitingTurns } from "./waiting-turns.ts";

/**
 * Verdict of an answer about the caller in the project: `granted` if Atlas carried the call out or refused it for what it found
 * in the project, `refused` if Atlas did not let the caller in, `unknown` in all other cases.
 */
export type ProjectAccess = "granted" | "refused" | "unknown";

/** The right to send one request. Exactly one of its methods is to be called, once. */
export interface Permit {
  /** The request was sent; this is what the answer said (nothing and `unknown`, when there was no answer). */
  settle(report: RateReport, access: ProjectAccess): void;
  /** The request was not sent. */
  giveBack(): void;
}

/** A request for a turn from a Pacer. */
export interface PermitRequest extends Waiting {
  /** The project whose bucket pays. */
  readonly groupId: string;
  /** Tells the credentials of the caller from all others. @default all without one are the same caller */
  readonly caller?: string | undefined;
}

/** One set of credentials in one project. */
interface Caller {
  readonly bucket: SharedBucket;
  /** Atlas let it into the project when it answered last. */
  isIn: boolean;
  usedAt: number;
  /** Requests turned away since the last refill, by turn and priority. */
  turnedAway: { readonly refilled: number; readonly counts: Map<string, number> };
}

interface Waiter extends PermitRequest {
  readonly from: Caller;
  readonly grant: (permit: Permit) => void;
}

interface Project {
  /** Shared by all callers of the project. */
  readonly bucket: SharedBucket;
  readonly callers: Map<string, Caller>;
  readonly waiting: WaitingTurns<Waiter>;
  /** Atlas has let a caller in: the project exists. */
  isConfirmed: boolean;
  /** Ends the sleep until the next token, when there is one. */
  alarm: AbortController | undefined;
  /** Monotonic time at which Atlas was last asked for the project's limits. */
  askedAt: number;
  usedAt: number;
}

/** Calls that one resource takes, as a rule: a list and a create. */
const CALLS_EACH = 2;

/**
 * Keeps the calls of a whole process inside Atlas' rate limits. Share one among all X509AuthenticationApi objects.
 *
 * Each caller has a token bucket for each project, and each project has one that its callers share. Only callers whom Atlas
 * lets into the project pay from that, and only their answers are believed about it: so a stranger who names a project
 * takes nothing from it. Turns have their shares of each bucket, and those who wait are served in rotation. Projects do not
 * wait for each other. What is not used for an hour is forgotten.
 */
export class Pacer {
  readonly #clock: Clock;
  readonly #limits: RateLimits;
  readonly #projects = new Map<string, Project>();
  #sweptAt: number;

  /** @param options - `limits` are assumed for a project until Atlas says otherwise; default 1200, refill 500 / 60 s */
  constructor(options: { readonly clock?: Clock; readonly limits?: RateLimits } = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#limits = options.limits ?? DEFAULT_RATE_LIMITS;
    this.#sweptAt = this.#clock.monotonic();
  }

  /** Waits for a turn. Rejects with the signal's reason when that aborts first; then nothing is to be settled. */
  async acquire(request: PermitRequest, signal?: AbortSignal): Promise<Permit> {
    signal?.throwIfAborted();
    const project = this.#project(request.groupId);
    const { promise, resolve, reject } = Promise.withResolvers<Permit>();
    const waiter: Waiter = {
      ...request,
      from: this.#caller(project, request),
      grant: (permit) => {
        unlink();
        resolve(permit);
      },
    };
    const unlink = whenAborted(signal, (reason) => {
      project.waiting.remove(waiter);
      reject(reason);
      this.#serve(project);
    });
    project.waiting.add(waiter);
    this.#serve(project);
    return promise;
  }

  /** Milliseconds until a request of this kind could get its turn if no other request came; 0 when at once. */
  waitMs(request: PermitRequest): number {
    const project = this.#project(request.groupId);
    return this.#waitMs(project, this.#caller(project, request), request);
  }

  /**
   * When a request that does not wait for its turn should come back, in milliseconds. Of many that are turned away, each
   * refill calls back as many as it lasts for.
   */
  comeBackMs(request: PermitRequest): number {
    const project = this.#project(request.groupId);
    const caller = this.#caller(project, request);
    const waitMs = this.#waitMs(project, caller, request);
    const now = this.#clock.monotonic();
    if (waitMs === 0 || caller.bucket.isBlocked(now)) return waitMs;
    const refilled = project.bucket.refilled(now) + caller.bucket.refilled(now);
    if (refilled > caller.turnedAway.refilled) caller.turnedAway = { refilled, counts: new Map() };
    const { counts } = caller.turnedAway;
    const kind = JSON.stringify([request.priority, request.turn]);
    const before = counts.get(kind) ?? 0;
    counts.set(kind, before + 1);
    const { refillTokens, refillPeriodMs } = project.bucket.limits;
    const periods = Math.floor((before * CALLS_EACH) / refillTokens);
    return Math.min(waitMs + periods * refillPeriodMs, Math.max(waitMs, HOUR_MS));
  }

  /**
   * Whether to ask Atlas for a project's limits now: at most once an hour, however many share this pacer. A caller
   * that gets true must ask, and pass the answer to `setLimits`.
   */
  limitsDue(groupId: string): boolean {
    const project = this.#project(groupId);
    const now = this.#clock.monotonic();
    if (now - project.askedAt < HOUR_MS) return false;
    project.askedAt = now;
    return true;
  }

  /** Takes over the limits that Atlas has for a project. */
  setLimits(groupId: string, limits: RateLimits): void {
    const project = this.#project(groupId);
    for (const { bucket } of [project, ...project.callers.values()]) bucket.setLimits(limits, this.#clock.monotonic());
    this.#serve(project);
  }

  /** Requests that a caller whom Atlas lets into the project may send at this moment, as far as this process knows. */
  tokensLeft(groupId: string): number {
    const project = this.#projects.get(groupId);
    return project === undefined ? this.#limits.capacityTokens : this.#tokensLeft(project);
  }

  /** The projects that Atlas has let a caller into, for metrics. */
  groupIds(): readonly string[] {
    this.#forgetUnused();
    return [...this.#projects].flatMap(([groupId, { isConfirmed }]) => (isConfirmed ? [groupId] : []));
  }

  /** The sum of `tokensLeft` of all other projects that were called; undefined if there are none. */
  unconfirmedTokensLeft(): number | undefined {
    this.#forgetUnused();
    const others = [...this.#projects.values()].filter(({ isConfirmed }) => !isConfirmed);
    if (others.length === 0) return undefined;
    return others.reduce((sum, project) => sum + this.#tokensLeft(project), 0);
  }

  #tokensLeft({ bucket, callers, isConfirmed }: Project): number {
    const now = this.#clock.monotonic();
    const shared = bucket.tokensLeft(now);
    const own = [...callers.values()]
      .filter(({ isIn }) => isIn || !isConfirmed)
      .map((caller) => caller.bucket.tokensLeft(now));
    return own.length === 0 ? shared : Math.min(shared, Math.max(...own));
  }

  /** Lets everyone go whose turn it is, and wakes up again when the next one's is. */
  #serve(project: Project): void {
    project.alarm?.abort(CLEARED);
    project.alarm = undefined;
    const waitMs = (waiter: Waiter) => this.#waitMs(project, waiter.from, waiter);
    const next = () => project.waiting.take((waiter) => waitMs(waiter) === 0);
    for (let waiter = next(); waiter !== undefined; waiter = next()) waiter.grant(this.#permit(project, waiter));
    if (project.waiting.isEmpty) return;
    const shortestMs = Iterator.from(project.waiting)
      .map(waitMs)
      .reduce((one, other) => Math.min(one, other));
    this.#wakeUpIn(shortestMs, project);
  }

  #waitMs(project: Project, { bucket, isIn }: Caller, waiting: Waiting): number {
    const now = this.#clock.monotonic();
    const sharedMs = isIn ? project.bucket.turnWaitMs(waiting, now) : project.bucket.waitMs(now);
    return Math.max(bucket.turnWaitMs(waiting, now), sharedMs);
  }

  /** Takes a token of the caller's bucket, and one of the project's from a caller whom Atlas lets in. */
  #permit(project: Project, { from, turn }: Waiter): Permit {
    const { bucket } = project;
    const isPaid = from.isIn;
    from.bucket.take(turn);
    if (isPaid) bucket.take(turn);
    return {
      settle: (report, access) => {
        const now = this.#clock.monotonic();
        from.bucket.report(report, now);
        if (access !== "unknown") from.isIn = access === "granted";
        if (access === "granted") {
          project.isConfirmed = true;
          if (!isPaid) bucket.take(turn);
          bucket.report({ limit: report.limit, remaining: report.remaining }, now);
        } else if (isPaid && access === "refused") bucket.giveBack(turn);
        else if (isPaid) bucket.report({}, now);
        this.#serve(project);
      },
      giveBack: () => {
        from.bucket.giveBack(turn);
        if (isPaid) bucket.giveBack(turn);
        this.#serve(project);
      },
    };
  }

  #wakeUpIn(waitMs: number, project: Project): void {
    const alarm = new AbortController();
    project.alarm = alarm;
    this.#clock.sleep(waitMs, alarm.signal).then(
      () => this.#serve(project),
      () => undefined,
    );
  }

  #project(groupId: string): Project {
    const now = this.#clock.monotonic();
    const known = this.#projects.get(groupId);
    if (known !== undefined) {
      known.usedAt = now;
      return known;
    }
    this.#forgetUnused();
    const project: Project = {
      bucket: new SharedBucket(this.#limits, now),
      callers: new Map(),
      waiting: new WaitingTurns(),
      isConfirmed: false,
      alarm: undefined,
      askedAt: Number.NEGATIVE_INFINITY,
      usedAt: now,
    };
    this.#projects.set(groupId, project);
    return project;
  }

  #caller(project: Project, { caller: id = "" }: PermitRequest): Caller {
    const now = this.#clock.monotonic();
    const known = project.callers.get(id);
    if (known !== undefined) {
      known.usedAt = now;
      return known;
    }
    this.#forgetUnused();
    const caller: Caller = {
      bucket: new SharedBucket(project.bucket.limits, now),
      isIn: false,
      usedAt: now,
      turnedAway: { refilled: 0, counts: new Map() },
    };
    project.callers.set(id, caller);
    return caller;
  }

  /** Project ids and credentials come from users, so their number has no bound. */
  #forgetUnused(): void {
    const now = this.#clock.monotonic();
    if (now - this.#sweptAt < MINUTE_MS) return;
    this.#sweptAt = now;
    for (const [groupId, { callers, waiting, usedAt }] of this.#projects) {
      if (!waiting.isEmpty) continue;
      for (const [id, caller] of callers) if (now - caller.usedAt >= HOUR_MS) callers.delete(id);
      if (now - usedAt >= HOUR_MS) this.#projects.delete(groupId);
    }
  }
}
