import type { Invariant } from "./invariants/violation.ts";
import type { Feature } from "./plan/features.ts";
import { type Run, run } from "./simulation.ts";

export interface Shrunk {
  /** The items that are left of the plan, by their index. */
  readonly kept: ReadonlySet<number>;
  /** The run with them alone, told. */
  readonly run: Run;
}

/** How many runs it may take. */
const MOST_RUNS = 80;

/**
 * Leaves out of a seed's plan what its violation does not need: halves first, then ever smaller parts, as long as the
 * same invariant breaks. What is left is a story that a person can follow.
 */
export async function shrink(
  seed: number,
  features: ReadonlySet<Feature> | undefined,
  invariant: Invariant,
): Promise<Shrunk> {
  const whole = await run({ seed, features, until: invariant });
  let kept = whole.plan.items.map((_, index) => index);
  let runs = 0;
  const breaks = async (candidate: readonly number[]) => {
    runs += 1;
    const tried = await run({ seed, features, kept: new Set(candidate), until: invariant });
    return tried.violations.some((violation) => violation.invariant === invariant);
  };
  for (let size = kept.length; size >= 1 && runs < MOST_RUNS; size = Math.floor(size / 2)) {
    for (let from = 0; from < kept.length && runs < MOST_RUNS; ) {
      const without = kept.toSpliced(from, size);
      if (await breaks(without)) kept = without;
      else from += size;
    }
  }
  return { kept: new Set(kept), run: await run({ seed, features, kept: new Set(kept), until: invariant, isTold: true }) };
}

/** The command that runs it again. */
export function replayCommand(seed: number, features: ReadonlySet<Feature> | undefined, kept: ReadonlySet<number>): string {
  const chosen = features === undefined ? "" : ` --features ${features.size === 0 ? "none" : [...features].join(",")}`;
  return `npm run simulation -- --seed ${seed}${chosen} --keep ${kept.size === 0 ? "none" : [...kept].join(",")}`;
}
