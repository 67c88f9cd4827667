import { backoffEndMs, renewalDueMs, verificationDueMs } from "./facts.ts";
import { heldAfter, type Round, troubleOf } from "./round.ts";

/**
 * When the resource is looked at next, in milliseconds since the epoch, if nothing changes until then: when a wait is
 * over, when Atlas' list or the renewal is due, and when the certificate expires, for then Ready must turn False.
 * Undefined where only a change matters.
 *
 * @param round with the status as it was written
 */
export function nextLookMs(round: Round): number | undefined {
  const { observed, outcome, nowMs } = round;
  if (outcome.kind === "overtaken" || outcome.kind === "repaired") return nowMs;
  const trouble = troubleOf(round);
  const held = heldAfter(round);
  const expiryMs = held?.notAfter.getTime();
  const times = [
    expiryMs,
    trouble?.retry.kind === "at" ? trouble.retry.atMs : undefined,
    backoffEndMs(observed, nowMs),
  ];
  // What a trouble stands in the way of is not looked at before the trouble is over.
  if (trouble === undefined) times.push(renewalDueMs(observed, held), verificationDueMs(observed, held));
  const coming = times.filter((time) => time !== undefined && time > nowMs).map(Number);
  return coming.length === 0 ? undefined : Math.min(...coming);
}
