import type { Issuance } from "../../../api/user-certificate-status.ts";
import { situationOf } from "../core/decide/situation.ts";
import type { Snapshot } from "../core/model/snapshot.ts";
import { issuance, settled } from "./snapshots.ts";

/** When the attempt was recorded, and when its certificate expires. */
export const STARTED_MS = Date.parse("2030-01-10T23:59:00Z");
export const EXPIRES = "2030-04-01T00:00:00Z";

/** An attempt on record that began while Atlas listed certificate 1001. */
export function open(change: Partial<Issuance> = {}): Issuance {
  return issuance({ knownSerials: ["1001"], ...change });
}

/** A snapshot with that attempt. */
export function attempting(change: Parameters<typeof settled>[0] = {}, attempt = open()): Snapshot {
  return settled({ ...change, status: { issuance: attempt, ...change.status } });
}

export function historyOf(snapshot: Snapshot) {
  return situationOf(snapshot).history;
}
