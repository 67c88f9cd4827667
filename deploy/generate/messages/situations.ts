import type { AtlasError } from "../../../src/atlas/errors/atlas-error.ts";
import { judgeData, type SecretData } from "../../../src/certificate/secret-data.ts";
import { HOUR_MS } from "../../../src/clock.ts";
import { atlasBlocker } from "../../../src/controllers/user-certificate/atlas/atlas-blocker.ts";
import type { Blocker } from "../../../src/controllers/user-certificate/core/model/blocker.ts";
import type { ManagedSecret, Snapshot } from "../../../src/controllers/user-certificate/core/model/snapshot.ts";
import {
  ABSENT,
  FACTS,
  firstReconcile,
  issuance,
  listed,
  recent,
  reconciled,
  resource,
  secretMetadataFor,
} from "../../../src/controllers/user-certificate/testing/snapshots.ts";
import { KubeError } from "../../../src/kube/kube-error.ts";
import { type Sample, seen } from "./samples.ts";

export const SPEC = resource().spec;

export const EXPIRED_MS = FACTS.notAfter.getTime() + HOUR_MS;

export const FORBIDDEN = new KubeError({
  reason: "Forbidden",
  operation: "patch secrets shop/orders-api-mongodb",
  status: 403,
  explanation: 'secrets "orders-api-mongodb" is forbidden: exceeded quota: secrets',
});

export const UNREACHABLE = new KubeError({
  reason: "Network",
  operation: "patch secrets shop/orders-api-mongodb",
  explanation: "connect ECONNREFUSED 10.96.0.1:443",
});

/** A resource without a certificate. */
export function nothingYet(of: Parameters<typeof resource>[0] = {}, change: Partial<Snapshot> = {}): Snapshot {
  return firstReconcile({ secret: ABSENT, atlas: listed(), resource: resource(of), ...change });
}

export function recorded(title: string, snapshot: Snapshot): Sample {
  const { issuance: before } = snapshot.resource.status;
  const done = reconciled(snapshot);
  if (done.decision.kind !== "issue") throw new Error(`${title}: ${done.decision.kind}, ${done.blocker?.problem}`);
  const attempt = issuance({ reason: done.decision.reason, ...before });
  return seen(title, { ...done, ...reconciled(snapshot, { kind: "recorded", attempt }) });
}

export function failure(snapshot: Snapshot, blocker: Blocker, staysOpen = false) {
  const attempt = staysOpen ? issuance() : undefined;
  return reconciled(snapshot, { kind: "failed", blocker, attempt, staysOpen });
}

export function refused(error: AtlasError, spec = SPEC) {
  return { kind: "refused", blocker: atlasBlocker(error, spec) } as const;
}

/** The spec of a resource that uses an AtlasProjectX509. */
export const THROUGH_PROJECT = {
  projectRef: { name: "production" },
  projectId: undefined,
  credentialsRef: undefined,
} as const;

export function holding(data: SecretData, change: Partial<ManagedSecret["metadata"]> = {}): ManagedSecret {
  return { kind: "managed", metadata: secretMetadataFor(FACTS, change), content: judgeData(data) };
}

export function ofRecord(serialNumber: string, notAfter: string) {
  return recent({ serialNumber, notAfter, time: "2030-01-01T00:00:00Z" });
}
