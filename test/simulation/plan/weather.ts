import type { Machine } from "../engine/machine.ts";
import type { Call, Effect, Interceptor } from "../engine/network.ts";
import type { Random } from "../engine/random.ts";

/** A time in which calls of a kind fail with some probability. */
export interface Spell {
  /** Whether leases may feel it. @default false */
  readonly shakesLeases?: boolean;
  readonly hits: (call: Call, machine: Machine) => boolean;
  readonly probability: number;
  readonly effect: (call: Call, machine: Machine) => Effect;
}

/** A fault that waits for its call: the nth that it hits. */
export interface Trap {
  readonly hits: (call: Call, machine: Machine) => boolean;
  nth: number;
  readonly spring: (call: Call, machine: Machine) => Effect;
}

const NONE: Effect = { kind: "none" };

/** All that goes wrong with calls at present. */
export class Weather implements Interceptor {
  readonly spells = new Set<Spell>();
  readonly traps = new Set<Trap>();
  slowness = 1;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  effect(call: Call, machine: Machine): Effect {
    for (const trap of this.traps) {
      if (!trap.hits(call, machine)) continue;
      trap.nth -= 1;
      if (trap.nth > 0) continue;
      this.traps.delete(trap);
      return trap.spring(call, machine);
    }
    for (const spell of this.spells) {
      if (spell.hits(call, machine) && this.#random.chance(spell.probability)) return spell.effect(call, machine);
    }
    return NONE;
  }

  /** Whether a lease may fail to be renewed now. */
  get shakesLeases(): boolean {
    for (const spell of this.spells) if (spell.shakesLeases === true) return true;
    return false;
  }

  /** From now on nothing goes wrong any more. */
  clear(): void {
    this.spells.clear();
    this.traps.clear();
    this.slowness = 1;
  }
}
