import type { Situation } from "../model/situation.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { heldState } from "./held.ts";
import { attemptState, history } from "./history.ts";
import { backoffEndMs, lastAttempt } from "./last-attempt.ts";
import { usage } from "./usage.ts";

/** Computes what follows from a snapshot. Pure. */
export function situationOf(snapshot: Snapshot): Situation {
  const withHeld = { ...snapshot, ...heldState(snapshot) };
  const withAttempt = { ...withHeld, ...attemptState(withHeld) };
  const withHistory = { ...withAttempt, history: history(withAttempt) };
  const last = lastAttempt(snapshot);
  return {
    ...withHistory,
    lastAttempt: last,
    backoffEndMs: last && backoffEndMs(snapshot, last),
    usage: usage(withHistory),
  };
}
