import type { Situation } from "../model/situation.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { heldState } from "./held.ts";
import { history } from "./history.ts";
import { backoffEndMs, lastAttempt } from "./last-failure.ts";
import { usage } from "./limits.ts";
import { attemptState } from "./open-attempt.ts";

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
