import type { CustomerX509Removal } from "../../../api/customer-x509-removal.ts";
import { HOUR_MS } from "../../../clock.ts";
import type { AuthoritiesState } from "../../access/read-authorities.ts";
import type { Snapshot } from "../core/snapshot.ts";

export const PROJECT = "32b6e34b3d91647abb20e7b8";
export const NOW = Date.parse("2026-11-24T12:00:00Z");
export const CA = `sha256:${"ab".repeat(32)}`;
export const OTHER_CA = `sha256:${"cd".repeat(32)}`;

/** The answer of Atlas: these authorities are set. */
export function isSet(...fingerprints: readonly string[]): AuthoritiesState {
  const notAfter = new Date(NOW + 1000 * HOUR_MS);
  return {
    kind: "read",
    authorities: fingerprints.map((fingerprint) => ({ fingerprint, subject: "CN=Root", notAfter })),
  };
}

/** A request of an hour ago that ends in five. */
export function removal(change: Partial<CustomerX509Removal> = {}): CustomerX509Removal {
  return {
    valid: true,
    name: "now",
    uid: "uid-1",
    resourceVersion: "1",
    generation: 1,
    creationTimestamp: "2026-11-24T11:00:00Z",
    deleting: false,
    spec: {
      projectRef: { name: "production" },
      certificateAuthorities: [CA],
      notAfter: "2026-11-24T17:00:00Z",
      acknowledgeRollingRestart: true,
    },
    status: {},
    ...change,
  };
}

/** A request that is on record since ten minutes ago. */
export function recorded(change: Partial<CustomerX509Removal> = {}): CustomerX509Removal {
  return removal({ status: { projectId: PROJECT, requestedAt: "2026-11-24T11:50:00Z" }, ...change });
}

/** The named authority is set, and nothing stands in the way. */
export function snapshot(change: Partial<Snapshot> = {}): Snapshot {
  return {
    nowMs: NOW,
    removal: removal(),
    project: { kind: "usable", projectId: PROJECT },
    atlas: isSet(CA),
    ...change,
  };
}
