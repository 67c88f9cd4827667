import { expect, type RunnerTestCase, TestRunner } from "vitest";
import { RENEW_REQUEST, type Scene } from "../integration/operator/scene.ts";
import type { ImageOperator } from "./image-operator.ts";

/** What an attack cost its victim, for the table at the end of the run. */
export interface AttackResult {
  /** Until the victim's first certificate, in milliseconds. */
  readonly readyMs: number;
  /** Until its renewal on request, in milliseconds. */
  readonly renewalMs: number;
  /** Of all tenants. */
  readonly creates: number;
  /** Of the operator. */
  readonly peakMiB: number;
  /** To Atlas, of all tenants. */
  readonly requests: number;
}

declare module "vitest" {
  interface TaskMeta {
    attack?: AttackResult;
  }
}

/** The one that must not be harmed: a tenant with the resource orders-api. */
export interface Victim extends Pick<Scene, "creates" | "patch" | "untilIssued"> {
  readonly atlas: { readonly log: Pick<Scene["atlas"]["log"], "count"> };
  apply(): Promise<unknown>;
}

/** How much larger than usual an attack is: `ISOLATION_SCALE=2 npm run isolation`. */
export const SCALE = Number(process.env.ISOLATION_SCALE ?? 1);

/** The longest that the victim may wait for a certificate, in milliseconds. */
export const LIMIT_MS = 5000;

/** Lets the victim get its first certificate and a renewal while the attack goes on, and notes what it cost. */
export async function expectUnharmed(victim: Victim, operator: ImageOperator, limitMs = LIMIT_MS): Promise<void> {
  let serialNumber: string | undefined;
  const readyMs = await timed(async () => {
    await victim.apply();
    serialNumber = (await victim.untilIssued()).status.serialNumber;
  });
  const renewalMs = await timed(async () => {
    await victim.patch("orders-api", { metadata: { annotations: { [RENEW_REQUEST]: "1" } } });
    await victim.untilIssued("orders-api", serialNumber);
  });
  await expectWithin(limitMs, { readyMs, renewalMs }, victim, operator);
}

/** Notes for the table what the attack cost the victim. */
export async function expectWithin(
  limitMs: number,
  { readyMs, renewalMs }: Pick<AttackResult, "readyMs" | "renewalMs">,
  victim: Victim,
  operator: ImageOperator,
): Promise<void> {
  const requests = victim.atlas.log.count();
  const result = { readyMs, renewalMs, creates: victim.creates, peakMiB: await operator.peakMiB(), requests };
  const test = TestRunner.getCurrentTest<RunnerTestCase | undefined>();
  if (test !== undefined) test.meta.attack = result;
  expect(readyMs).toBeLessThan(limitMs);
  expect(renewalMs).toBeLessThan(limitMs);
}

export async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
