import type { Invariant } from "./invariants/violation.ts";
import type { Choice } from "./plan/plan.ts";
import { type Run, type RunOptions, run } from "./simulation.ts";

export interface Shrunk {
  /** The items that are left of the plan, by their index. */
  readonly kept: ReadonlySet<number>;
  /** The members that are left of the cast, by their index. */
  readonly members: ReadonlySet<number>;
  /** The run with them alone, told. */
  readonly run: Run;
}

/** How many runs it may take. */
const MOST_RUNS = 80;

/**
 * Leaves out of a seed's plan and cast what its violation does not need: halves first, then ever smaller parts, as long as
 * the same invariant breaks. What is left is a story that a person can follow.
 */
export async function shrink(seed: number, choice: Choice, invariant: Invariant): Promise<Shrunk> {
  let runs = 0;
  const breaks = async (options: Pick<RunOptions, "kept" | "members">) => {
    runs += 1;
    const { violations } = await run({ seed, choice, ...options, until: invariant });
    return violations.some((violation) => violation.invariant === invariant);
  };
  const { plan } = await run({ seed, choice, until: invariant });
  const isEnough = () => runs >= MOST_RUNS;
  const kept = await fewest(plan.items.length, isEnough, (some) => breaks({ kept: some }));
  const members = await fewest(plan.cast.members.length, isEnough, (some) => breaks({ kept, members: some }));
  return { kept, members, run: await run({ seed, choice, kept, members, until: invariant, isTold: true }) };
}

/** Which of so many things it takes: none of them could be left out alone. */
async function fewest(
  count: number,
  isEnough: () => boolean,
  suffices: (some: ReadonlySet<number>) => Promise<boolean>,
): Promise<ReadonlySet<number>> {
  let kept = Array.from({ length: count }, (_, index) => index);
  for (let size = kept.length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < kept.length && !isEnough(); ) {
      const without = kept.toSpliced(from, size);
      if (await suffices(new Set(without))) kept = without;
      else from += size;
    }
  }
  return new Set(kept);
}

/** The command that runs it again. */
export function replayCommand(seed: number, choice: Choice, { kept, members }: Shrunk): string {
  const flag = (name: string, items: Iterable<unknown>) => ` --${name} ${[...items].join(",") || "none"}`;
  const choose = flag(choice.kind === "exactly" ? "features" : "among", choice.features);
  return `npm run simulation -- --seed ${seed}${choose}${flag("keep", kept)}${flag("members", members)}`;
}
