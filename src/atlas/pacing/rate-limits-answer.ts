import * as z from "zod";
import type { RateLimits } from "./rate-limits.ts";

/** No limit is beyond this: in seconds it is thirty years. Its milliseconds are a number still. */
const MAX_FIGURE = 1e9;

/** A figure stands alone or beside its default, when the project has limits of its own. */
const figure = z
  .union([z.number(), z.object({ value: z.number() }).transform(({ value }) => value)])
  .refine((value) => value > 0 && value <= MAX_FIGURE);

const endpointSet = z.object({
  capacity: figure,
  refillRate: figure,
  refillDurationSeconds: figure,
  endpoints: z.array(z.unknown()).optional(),
});

const rateLimitsAnswer = z.union([endpointSet, z.object({ results: z.array(z.unknown()) })]);

/**
 * Finds the limits of the certificate endpoints in the answer of `GET /rateLimits` (Atlas' `RateLimitEndpointSet`).
 *
 * @returns undefined when the answer has none
 */
export function readRateLimits(answer: unknown): RateLimits | undefined {
  const parsed = rateLimitsAnswer.safeParse(answer);
  if (!parsed.success) return undefined;
  const candidates = "results" in parsed.data ? parsed.data.results : [parsed.data];
  const sets = candidates.flatMap((candidate) => {
    const set = endpointSet.safeParse(candidate);
    return set.success ? [set.data] : [];
  });
  // The request asks for one endpoint's set only; a server that ignores that sends all of them.
  const ours = sets.find((set) => JSON.stringify(set.endpoints ?? []).includes("databaseUsers/{username}/certs"));
  const set = ours ?? (sets.length === 1 ? sets[0] : undefined);
  if (set === undefined) return undefined;
  return {
    capacityTokens: set.capacity,
    refillTokens: set.refillRate,
    refillPeriodMs: set.refillDurationSeconds * 1000,
  };
}
