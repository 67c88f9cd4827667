import { ManualClock } from "../../testing/manual-clock.ts";
import { GROUP_ID } from "../testing/samples.ts";
import { Pacer, type Permit, type PermitRequest, type ProjectAccess } from "./pacer.ts";
import type { CallPriority } from "./turn-shares.ts";

export const OTHER_GROUP_ID = "a".repeat(24);
/** One token a second, ten at most. */
export const LIMITS = { capacityTokens: 10, refillTokens: 1, refillPeriodMs: 1000 };

export function setUp(limits = LIMITS) {
  const clock = new ManualClock();
  return { clock, pacer: new Pacer({ clock, limits }) };
}

/** A call of a caller whom Atlas lets into the project. */
export const ISSUE: PermitRequest = { groupId: GROUP_ID, priority: "issue" };

export async function take(pacer: Pacer, count: number, priority: CallPriority = "issue"): Promise<Permit[]> {
  const permits: Permit[] = [];
  for (let index = 0; index < count; index += 1) permits.push(await pacer.acquire({ groupId: GROUP_ID, priority }));
  return permits;
}

/** Sends so many requests, and Atlas answers each of them in the same way. */
export async function call(
  pacer: Pacer,
  count: number,
  request: Partial<PermitRequest>,
  access: ProjectAccess = "granted",
) {
  for (let index = 0; index < count; index += 1) (await pacer.acquire({ ...ISSUE, ...request })).settle({}, access);
}

/** Asks for turns at once and notes in which order they are granted. */
export function queue(pacer: Pacer, wanted: readonly ({ name: string } & Partial<PermitRequest>)[]) {
  const granted: string[] = [];
  for (const { name, ...request } of wanted) {
    pacer.acquire({ ...ISSUE, ...request }).then(() => granted.push(name));
  }
  return granted;
}
