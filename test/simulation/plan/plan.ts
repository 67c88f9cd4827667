import { HOUR_MS } from "../../../src/clock.ts";
import type { Random } from "../engine/random.ts";
import { type Cast, drawCast, NOISY } from "./cast.ts";
import { ALL_FEATURES, type Feature } from "./features.ts";
import { HAPPENINGS, type Happening, type HappeningKind } from "./happenings.ts";

/** Something that is done to the operator, at a time. What it means is its kind's; see happenings.ts. */
export interface Item {
  readonly kind: HappeningKind;
  /** Milliseconds after the start. */
  readonly atMs: number;
  /** Which of the cast's members it concerns. */
  readonly member: number;
  readonly replica: number;
  /** How long it lasts, for what lasts. */
  readonly forMs: number;
  /** How often, for what happens now and then: from 0 to 1. */
  readonly probability: number;
  /** Which one, for what happens to a call: the first, the second, … from then on. */
  readonly nth: number;
  /** For what has kinds of its own. */
  readonly variant: number;
}

export interface Plan {
  readonly seed: number;
  readonly features: ReadonlySet<Feature>;
  readonly cast: Cast;
  readonly items: readonly Item[];
}

export const RUN_MS = 48 * HOUR_MS;
/** From here on nothing goes wrong and nobody changes anything: what was wrong must come right. */
export const CALM_AFTER_MS = 36 * HOUR_MS;

/** Which features a run has: exactly these, or those that its seed draws from these. */
export interface Choice {
  readonly kind: "exactly" | "among";
  readonly features: ReadonlySet<Feature>;
}

export const ANYTHING: Choice = { kind: "among", features: new Set(ALL_FEATURES) };

export function drawPlan(seed: number, choice: Choice, random: Random): Plan {
  const used = choice.kind === "exactly" ? choice.features : drawFeatures(random.fork("features"), choice.features);
  const cast = drawCast(random.fork("cast"), used);
  return { seed, features: used, cast, items: drawItems(random.fork("items"), used, cast) };
}

/** Not all at once: where everything goes wrong all the time, nothing gets far enough to go wrong in a new way. */
function drawFeatures(random: Random, features: ReadonlySet<Feature>): ReadonlySet<Feature> {
  const share = random.pick([0.15, 0.3, 0.5]);
  // Each is drawn for, so that leaving one out does not change the others.
  return new Set(ALL_FEATURES.filter((feature) => random.chance(share) && features.has(feature)));
}

function drawItems(random: Random, features: ReadonlySet<Feature>, cast: Cast): readonly Item[] {
  const kinds = Object.entries(HAPPENINGS)
    .filter(([, { feature }]) => features.has(feature))
    // The entries' keys are the kinds.
    .map(([kind]) => kind as HappeningKind);
  if (kinds.length === 0) return [];
  const items = Array.from({ length: random.whole(10, 40) }, () =>
    drawItem(random, random.pick(kinds), features, cast),
  );
  return items.toSorted((one, other) => one.atMs - other.atMs);
}

function drawItem(random: Random, kind: HappeningKind, features: ReadonlySet<Feature>, cast: Cast): Item {
  const [leastMs, mostMs] = lastsOf(kind);
  const forMs = random.magnitude(leastMs, mostMs);
  const everybody = cast.members.map((_, index) => index);
  const noisy = everybody.filter((index) => cast.members[index]?.tenant.namespace === NOISY);
  return {
    kind,
    atMs: random.whole(0, CALM_AFTER_MS - forMs),
    member: random.pick(features.has("noisy") ? noisy : everybody),
    replica: random.whole(0, cast.replicas - 1),
    forMs,
    probability: random.magnitude(5, 100) / 100,
    nth: random.magnitude(1, 12),
    variant: random.whole(0, 1000),
  };
}

function lastsOf(kind: HappeningKind): readonly [number, number] {
  const happening: Happening = HAPPENINGS[kind];
  return happening.lasts ?? [1, 1];
}
