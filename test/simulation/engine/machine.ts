import type { Clock } from "../../../src/clock.ts";
import type { Scheduler, TimeBase } from "./scheduler.ts";

/** The longest wait that Node's timers can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Timers for housekeeping may be this late: what only sweeps need not cost a step a minute. */
const DROWSY_MS = 1_800_000;

/**
 * One process as its surroundings see it: it has clocks, it can be frozen, and it can die. What it was told is never
 * taken back, but a dead process hears nothing any more, and a frozen one hears it later.
 */
export class Machine {
  readonly name: string;
  /** The clock of everything but the lease. */
  readonly clock: Clock;
  readonly leaseClock: Clock;
  /** For parts that only sweep: a sleep of a minute or more may take half an hour. */
  readonly drowsyClock: Clock;
  /** How far its wall clock is ahead, in milliseconds. */
  aheadMs: number;
  onDeath: (machine: Machine) => void = () => {};
  readonly #scheduler: Scheduler;
  #isAlive = true;
  #isFrozen = false;
  #wasFrozen = false;
  #held: (() => void)[] = [];

  constructor(name: string, scheduler: Scheduler, aheadMs: number) {
    this.name = name;
    this.aheadMs = aheadMs;
    this.#scheduler = scheduler;
    this.clock = new MachineClock(this, scheduler.real);
    this.leaseClock = new MachineClock(this, scheduler.lease);
    this.drowsyClock = new MachineClock(this, scheduler.real, DROWSY_MS);
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** Whether it ever was: nobody can tell a frozen process from a dead one. */
  get wasFrozen(): boolean {
    return this.#wasFrozen;
  }

  /** Lets the process go on with what has happened to it: now, when it is no longer frozen, or never. */
  run(work: () => void): void {
    if (!this.#isAlive) return;
    if (this.#isFrozen) this.#held.push(work);
    else work();
  }

  /** SIGKILL: its memory is gone. */
  kill(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#held = [];
    this.onDeath(this);
  }

  /** SIGSTOP, and SIGCONT after so long. What fell due meanwhile comes in its order, one step each. */
  freeze(ms: number): void {
    this.#isFrozen = true;
    this.#wasFrozen = true;
    this.#scheduler.after(ms, () => {
      this.#isFrozen = false;
      for (const work of this.#held) this.#scheduler.after(0, () => this.run(work));
      this.#held = [];
    });
  }
}

class MachineClock implements Clock {
  readonly #machine: Machine;
  readonly #time: TimeBase;
  readonly #startedAt: number;
  readonly #drowsyMs: number;

  constructor(machine: Machine, time: TimeBase, drowsyMs = 0) {
    this.#machine = machine;
    this.#time = time;
    this.#startedAt = time.now();
    this.#drowsyMs = drowsyMs;
  }

  now(): number {
    return this.#time.now() + this.#machine.aheadMs;
  }

  monotonic(): number {
    return this.#time.now() - this.#startedAt;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const forMs = ms >= 60_000 ? Math.max(ms, this.#drowsyMs) : ms;
      const timer = this.#time.after(Math.ceil(Math.min(Math.max(forMs, 1), MAX_TIMER_MS)), () =>
        this.#machine.run(() => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        }),
      );
      const onAbort = () => {
        timer.run = undefined;
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}
