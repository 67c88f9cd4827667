import type { WrongAnswer } from "./atlas/atlas-client.ts";
import type { Machine } from "./engine/machine.ts";
import type { Random } from "./engine/random.ts";
import type { Member } from "./plan/cast.ts";
import type { Item } from "./plan/plan.ts";
import type { Replica, World } from "./world.ts";

/** Everybody: all namespaces and all projects. */
export const EVERYWHERE = "*";

/** How long after the end of a disturbance its traces may last: the longest backoffs of watches and of the work queue. */
const SETTLING_MS = 600_000;

/** What happenings act on, and the memory of what they disturb: invariants with a time limit count calm times alone. */
export class Stage {
  readonly world: World;
  readonly random: Random;
  /** What the next answers of creates hold instead of their certificates, by project. */
  readonly wrongAnswers = new Map<string, WrongAnswer>();
  /** Secrets that somebody else owns, by uid. */
  readonly foreign = new Set<string>();
  /** Since when the grants of a project are withdrawn. */
  readonly withdrawnAt = new Map<string, number>();
  readonly #disturbedUntil = new Map<string, number>();

  constructor(world: World, random: Random) {
    this.world = world;
    this.random = random;
  }

  get now(): number {
    return this.world.scheduler.now;
  }

  member({ member }: Item): Member {
    const found = this.world.cast.members[member % this.world.cast.members.length];
    if (found === undefined) throw new Error("a simulation without resources");
    return found;
  }

  replica({ replica }: Item): Replica | undefined {
    return this.world.replicas[replica % this.world.cast.replicas];
  }

  tell(line: () => string): void {
    this.world.story.tell(line);
  }

  after(ms: number, run: () => void): void {
    this.world.scheduler.after(ms, run);
  }

  /** @param namespace whom it disturbs, or EVERYWHERE */
  disturb(namespace: string, forMs = 0): void {
    const until = Math.max(this.now + forMs, this.#disturbedUntil.get(namespace) ?? 0);
    this.#disturbedUntil.set(namespace, until);
  }

  /** Since when nothing has disturbed the namespace, traces included; in the future while something does. */
  calmSince(namespace: string): number {
    const until = Math.max(this.#disturbedUntil.get(namespace) ?? 0, this.#disturbedUntil.get(EVERYWHERE) ?? 0);
    return until === 0 ? 0 : until + SETTLING_MS;
  }

  /** Kills a process, for a reason that the story gives. */
  kill(machine: Machine, why: string): void {
    this.tell(() => `fault: ${machine.name} is killed ${why}`);
    machine.kill();
  }
}
