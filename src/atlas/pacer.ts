import { type Clock, systemClock } from "../clock.ts";
import { DEFAULT_RATE_LIMITS, type RateLimits, type RateReport } from "./rate-limits.ts";
import { TokenBucket } from "./token-bucket.ts";

/**
 * What a call is for. `issue`: there is no working certificate; `renew`: there is one that will expire; `verify`: just
 * looking. In this order they get their turn, and `verify` at most half of the project's rate.
 */
export type CallPriority = "issue" | "renew" | "verify";

const RANK: Readonly<Record<CallPriority, number>> = { issue: 0, renew: 1, verify: 2 };

/** The right to send one request. Exactly one of its methods is to be called, once. */
export interface Permit {
  /** The request was sent; this is what the answer said of the rate limit (nothing, when there was no answer). */
  settle(report: RateReport): void;
  /** The request was not sent. */
  giveBack(): void;
}

/** Who asks a Pacer for a turn. */
export interface PermitRequest {
  /** The project whose bucket pays. */
  readonly groupId: string;
  readonly priority: CallPriority;
  /** When the certificate in use expires: of the same priority, the earlier goes first. */
  readonly expiresAt?: Date | undefined;
}

interface Waiter extends PermitRequest {
  readonly grant: () => void;
}

interface Project {
  readonly bucket: TokenBucket;
  /** In the order of their turns. */
  readonly waiters: Waiter[];
  /** Ends the sleep until the next token, when there is one. */
  alarm: AbortController | undefined;
  /** Monotonic time at which Atlas was last asked for the project's limits. */
  askedAt: number;
}

/** Why a project's alarm is turned off. One for all: without it each abort makes an exception with a stack. */
const SERVED = new Error("the alarm is set anew");

/** Above this many projects, those that are as good as new are forgotten. */
const REMEMBERED_PROJECTS = 1000;

/** How long what Atlas said of a project's limits is taken for true. */
const LIMITS_GOOD_FOR_MS = 60 * 60 * 1000;

/**
 * Keeps the calls of a whole process inside Atlas' rate limits: a token bucket per project. Share one among all
 * X509AuthenticationApi objects; projects do not wait for each other.
 */
export class Pacer {
  readonly #clock: Clock;
  readonly #limits: RateLimits;
  readonly #projects = new Map<string, Project>();

  /** @param options - `limits` are assumed for a project until Atlas says otherwise; default 1200, refill 500 / 60 s */
  constructor(options: { readonly clock?: Clock; readonly limits?: RateLimits } = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#limits = options.limits ?? DEFAULT_RATE_LIMITS;
  }

  /** Waits for a turn. Rejects with the signal's reason when that aborts first; then nothing is to be settled. */
  async acquire(request: PermitRequest, signal?: AbortSignal): Promise<Permit> {
    signal?.throwIfAborted();
    const project = this.#project(request.groupId);
    const verify = request.priority === "verify";
    await this.#turn(project, request, signal);
    return {
      settle: (report) => {
        project.bucket.report(report, this.#clock.monotonic());
        this.#serve(project);
      },
      giveBack: () => {
        project.bucket.giveBack(verify);
        this.#serve(project);
      },
    };
  }

  /** Milliseconds until a request of this kind could get its turn if no other came; 0 when at once. */
  waitMs(groupId: string, priority: CallPriority): number {
    return this.#project(groupId).bucket.waitMs(priority === "verify", this.#clock.monotonic());
  }

  /**
   * Whether to ask Atlas for a project's limits now: at most once an hour, however many share this pacer. Who is told
   * true has the one turn to ask, and gives the answer to `setLimits`.
   */
  limitsDue(groupId: string): boolean {
    const project = this.#project(groupId);
    const now = this.#clock.monotonic();
    if (now - project.askedAt < LIMITS_GOOD_FOR_MS) return false;
    project.askedAt = now;
    return true;
  }

  /** Takes over the limits that Atlas has for a project. */
  setLimits(groupId: string, limits: RateLimits): void {
    const project = this.#project(groupId);
    project.bucket.setLimits(limits, this.#clock.monotonic());
    this.#serve(project);
  }

  /** Requests that the project's bucket allows at this moment, as far as this process knows. */
  tokensLeft(groupId: string): number {
    return this.#projects.get(groupId)?.bucket.tokensLeft(this.#clock.monotonic()) ?? this.#limits.capacityTokens;
  }

  /** The projects with a bucket of their own, for metrics. */
  groupIds(): readonly string[] {
    return [...this.#projects.keys()];
  }

  #turn(project: Project, request: PermitRequest, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      project.waiters.splice(project.waiters.indexOf(waiter), 1);
      reject(signal?.reason);
      this.#serve(project);
    };
    const waiter: Waiter = {
      ...request,
      grant: () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      },
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    const behind = project.waiters.findIndex((other) => goesFirst(waiter, other));
    project.waiters.splice(behind === -1 ? project.waiters.length : behind, 0, waiter);
    this.#serve(project);
    return promise;
  }

  /** Lets everyone go whose turn it is, and wakes up again when the next one's is. */
  #serve(project: Project): void {
    project.alarm?.abort(SERVED);
    project.alarm = undefined;
    const now = this.#clock.monotonic();
    for (let next = project.waiters[0]; next !== undefined; next = project.waiters[0]) {
      const verify = next.priority === "verify";
      const waitMs = project.bucket.waitMs(verify, now);
      if (waitMs > 0) {
        this.#wakeUpIn(waitMs, project);
        return;
      }
      project.bucket.take(verify);
      project.waiters.shift();
      next.grant();
    }
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
    const known = this.#projects.get(groupId);
    if (known !== undefined) return known;
    if (this.#projects.size >= REMEMBERED_PROJECTS) this.#forgetIdle();
    const bucket = new TokenBucket(this.#limits, this.#clock.monotonic());
    const project: Project = { bucket, waiters: [], alarm: undefined, askedAt: Number.NEGATIVE_INFINITY };
    this.#projects.set(groupId, project);
    return project;
  }

  /** Project ids come from users, so their number has no bound. */
  #forgetIdle(): void {
    const now = this.#clock.monotonic();
    for (const [groupId, { bucket, waiters, askedAt }] of this.#projects) {
      // With the memory of having asked, the reason not to ask again would be forgotten.
      const asked = now - askedAt < LIMITS_GOOD_FOR_MS;
      if (waiters.length === 0 && !asked && bucket.isFull(now)) this.#projects.delete(groupId);
    }
  }
}

/** Strictly: of two equals, the one that came first keeps its place. */
function goesFirst(one: Waiter, other: Waiter): boolean {
  const rank = RANK[one.priority] - RANK[other.priority];
  if (rank !== 0) return rank < 0;
  return (
    (one.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY) < (other.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY)
  );
}
