import fc from "fast-check";
import type { Assessment } from "../core/status/assessment.ts";
import { walks } from "./walks.ts";

export const RUNS = { numRuns: 4000, seed: Math.floor(Math.random() * 2 ** 31) };

/** Made once for all properties. */
const sample = fc.sample(walks, RUNS);

/** For every state that a sequence of reconciles can lead to. */
export function always(property: (done: Assessment) => void): void {
  try {
    for (const done of sample) property(done);
  } catch (error: unknown) {
    // The same walks again: the one that fails is shrunk, and the message names the seed.
    fc.assert(fc.property(walks, property), RUNS);
    throw error;
  }
}

/** The same, without the reconciles whose status is not written. */
export function alwaysReported(property: (done: Assessment) => void): void {
  always((done) => {
    if (done.outcome.kind !== "overtaken") property(done);
  });
}

/** The same, without those whose process died in the middle. */
export function alwaysEnded(property: (done: Assessment) => void): void {
  alwaysReported((done) => {
    if (done.outcome.kind !== "recorded") property(done);
  });
}
