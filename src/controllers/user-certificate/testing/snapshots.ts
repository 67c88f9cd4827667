import { MANAGED_LABEL, SECRET_ANNOTATIONS } from "../../../api/names.ts";
import type { UserCertificate } from "../../../api/parse-user-certificate.ts";
import type { BlockedReason } from "../../../api/reasons.ts";
import { timestamp } from "../../../api/timestamp.ts";
import type { UserCertificateSpec } from "../../../api/user-certificate.ts";
import type { Issuance, RecentIssuance, UserCertificateStatus } from "../../../api/user-certificate-status.ts";
import type { CertificateFacts } from "../../../certificate/certificate-facts.ts";
import { DAY_MS, HOUR_MS } from "../../../clock.ts";
import { decide } from "../core/decide/decide.ts";
import { situationOf } from "../core/decide/situation.ts";
import type { Blocker } from "../core/model/blocker.ts";
import type { Outcome } from "../core/model/decision.ts";
import type { RestartResult } from "../core/model/restart.ts";
import type {
  ListedCertificate,
  ListState,
  ManagedSecret,
  OthersOfUser,
  Policy,
  SecretMetadata,
  SecretState,
  Snapshot,
} from "../core/model/snapshot.ts";
import { type Assessment, assess } from "../core/status/assessment.ts";
import { nextStatus } from "../core/status/next-status.ts";

/** Snapshots for tests of the pure core: a resource whose certificate is good, and ways to spoil it. */

export const SECOND_MS = 1000;

/** When a test takes place, unless it says otherwise. */
export const NOW = Date.parse("2030-01-11T00:00:00Z");
export const PROJECT = "32b6e34b3d91647abb20e7b8";
export const OTHER_PROJECT = "5efda6aea3f2ed2e7dd6ce05";
export const UID = "0a8c5b8e-3a0e-4d6e-9a53-6f2d8f1f1c01";

export const POLICY: Policy = {
  maxIssuesPerDay: 4,
  maxUnexpiredPerUser: 10,
  maxParked: 20,
  verifyIntervalMs: 6 * HOUR_MS,
  maxBackoffMs: HOUR_MS,
  recheckIntervalMs: 10 * 60_000,
  countsConsumers: true,
  restartsWorkloads: true,
};

/** Issued ten days ago for 90 days: renewed on the 60th. */
export const FACTS: CertificateFacts = {
  serialNumber: "1001",
  fingerprint: "AB:CD",
  notBefore: new Date("2030-01-01T00:00:00Z"),
  notAfter: new Date("2030-04-01T00:00:00Z"),
  subject: [{ type: "CN", value: "orders-api" }],
};
export const RENEWAL_MS = Date.parse("2030-03-02T00:00:00Z");

export function certificate(serialNumber: string, change: Partial<CertificateFacts> = {}): CertificateFacts {
  const fingerprint = serialNumber === FACTS.serialNumber ? FACTS.fingerprint : `AB:${serialNumber}`;
  return { ...FACTS, serialNumber, fingerprint, ...change };
}

/** Issued at NOW for 90 days. */
export const FRESH = certificate("1002", { notBefore: new Date(NOW), notAfter: new Date(NOW + 90 * DAY_MS) });

export function resource(
  change: {
    readonly spec?: Partial<UserCertificateSpec>;
    readonly status?: UserCertificateStatus;
    readonly generation?: number;
    readonly renewRequest?: string | undefined;
    readonly name?: string;
    readonly uid?: string;
  } = {},
): UserCertificate {
  const { spec, status, ...rest } = change;
  return {
    valid: true,
    namespace: "shop",
    name: "orders-api",
    uid: UID,
    resourceVersion: "7",
    generation: 1,
    creationTimestamp: "2030-01-01T00:00:00Z",
    deleting: false,
    renewRequest: undefined,
    spec: {
      projectId: PROJECT,
      credentialsRef: { name: "atlas-api" },
      username: "orders-api",
      monthsUntilExpiration: 3,
      secretName: "orders-api-mongodb",
      userSharedWithOtherClusters: false,
      deletionPolicy: "Retain",
      suspend: false,
      ...spec,
    },
    status: status ?? {},
    ...rest,
  };
}

export function secretMetadataFor(facts: CertificateFacts, change: Partial<SecretMetadata> = {}): SecretMetadata {
  return {
    namespace: "shop",
    name: "orders-api-mongodb",
    uid: "uid-secret",
    resourceVersion: "40",
    deleting: false,
    labels: { [MANAGED_LABEL]: "true" },
    annotations: {
      [SECRET_ANNOTATIONS.certificateName]: "orders-api",
      [SECRET_ANNOTATIONS.certificateUid]: UID,
      [SECRET_ANNOTATIONS.projectId]: PROJECT,
      [SECRET_ANNOTATIONS.username]: "orders-api",
      [SECRET_ANNOTATIONS.serialNumber]: facts.serialNumber,
      [SECRET_ANNOTATIONS.notAfter]: facts.notAfter.toISOString(),
      [SECRET_ANNOTATIONS.fingerprint]: facts.fingerprint,
    },
    ownerReferences: [],
    ownLabelKeys: [MANAGED_LABEL],
    ownAnnotationKeys: Object.values(SECRET_ANNOTATIONS),
    ownDataKeys: [],
    otherWriters: [],
    ...change,
  };
}

/** The operator's Secret with a good pair. */
export function managed(facts: CertificateFacts = FACTS, change: Partial<SecretMetadata> = {}): ManagedSecret {
  return {
    kind: "managed",
    metadata: secretMetadataFor(facts, change),
    content: { kind: "pair", facts, formatsCurrent: true, extras: {} },
  };
}

/** The operator's Secret after its data was damaged. */
export function damaged(kind: "missing" | "undecodable" | "mismatch"): ManagedSecret {
  return { kind: "managed", metadata: secretMetadataFor(FACTS), content: { kind, problem: "tls.key is missing" } };
}

export const ABSENT: SecretState = { kind: "absent" };
export const FOREIGN: SecretState = {
  kind: "foreign",
  metadata: secretMetadataFor(FACTS, { annotations: {}, labels: {} }),
  problem: "its type is Opaque, not kubernetes.io/tls",
};

export function listed(...certificates: readonly (string | ListedCertificate)[]): ListState {
  return {
    kind: "listed",
    certificates: certificates.map((item) =>
      typeof item === "string" ? { serialNumber: item, notAfter: FACTS.notAfter } : item,
    ),
  };
}

/** A certificate as Atlas lists it. */
export function entryFor(
  { serialNumber, notAfter }: CertificateFacts,
  change: Partial<ListedCertificate> = {},
): ListedCertificate {
  return { serialNumber, notAfter, ...change };
}

/** As many serial numbers as asked for. */
export function serials(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => String(2000 + index));
}

/** An entry of the history: issued an hour ago, unless it says otherwise. */
export function recent(change: Partial<RecentIssuance> = {}): RecentIssuance {
  return { time: timestamp(NOW - HOUR_MS), reason: "RenewRequested", ...change };
}

export function blocker(reason: BlockedReason, change: Partial<Blocker> = {}): Blocker {
  return { reason, problem: `${reason} happened.`, needsPerson: false, retry: { kind: "backoff" }, ...change };
}

export function refused(reason: BlockedReason, change: Partial<Blocker> = {}): ListState {
  return { kind: "refused", blocker: blocker(reason, change) };
}

export const NO_OTHERS: OthersOfUser = { count: 0, issuances: [], attempts: [], unconfirmed: [], explained: new Set() };

/** A good Secret and a resource without a status: the first reconcile. */
export function firstReconcile(change: Partial<Snapshot> = {}): Snapshot {
  const { atlas = { kind: "notAsked" } } = change;
  return {
    nowMs: NOW,
    isClockMeasured: true,
    resource: resource(),
    secret: managed(),
    secretHolder: undefined,
    project: { kind: "own" },
    credentials: { kind: "usable", version: "31" },
    keystorePassword: { kind: "unwanted" },
    atlas,
    attempted: atlas,
    listedMs: undefined,
    others: NO_OTHERS,
    parked: undefined,
    parkedCounts: { inNamespace: 0, inTotal: 0 },
    recentRepairs: [],
    policy: POLICY,
    ...change,
  };
}

/** The status of a resource that holds FACTS, verified an hour ago; its history is left to each test. */
export const SETTLED_STATUS: UserCertificateStatus = withoutHistory(
  statusAfter(
    assess({
      situation: situationOf(firstReconcile({ atlas: listed(FACTS.serialNumber), nowMs: NOW - HOUR_MS })),
      decision: { kind: "keep" },
      outcome: { kind: "nothing" },
      nowMs: NOW - HOUR_MS,
      random: 0,
    }),
  ),
);

function withoutHistory({ recentIssuances: _history, ...status }: UserCertificateStatus): UserCertificateStatus {
  return status;
}

/** Nothing to do: a good Secret, a status that says so, Atlas not asked. */
export function settled(
  change: Partial<Snapshot> & {
    readonly status?: UserCertificateStatus;
    readonly spec?: Partial<UserCertificateSpec>;
    readonly generation?: number;
    readonly renewRequest?: string;
  } = {},
): Snapshot {
  const { status, spec, generation, renewRequest, ...rest } = change;
  const own = {
    ...(spec !== undefined && { spec }),
    ...(generation !== undefined && { generation }),
    ...(renewRequest !== undefined && { renewRequest }),
  };
  return firstReconcile({ resource: resource({ status: { ...SETTLED_STATUS, ...status }, ...own }), ...rest });
}

export function issuance(change: Partial<Issuance> = {}): Issuance {
  return {
    id: "attempt-1",
    startedAt: "2030-01-10T23:59:00Z",
    reason: "SecretMissing",
    projectId: PROJECT,
    username: "orders-api",
    knownSerials: [],
    ...change,
  };
}

/** A reconcile in which decide() decided and nothing came of it, unless an outcome is given. */
export function reconciled(
  seen: Snapshot,
  outcome: Outcome = { kind: "nothing" },
  nowMs = seen.nowMs,
  random = 0.5,
  restartResults: readonly RestartResult[] = [],
): Assessment {
  const situation = situationOf(seen);
  return assess({ situation, decision: decide(situation), outcome, restartResults, nowMs, random });
}

/** The status that a reconcile leaves. */
export function statusAfter(assessment: Assessment): UserCertificateStatus {
  return nextStatus(assessment, assessment.situation.resource.status);
}

/** The same resource with the status that a reconcile left. */
export function following(done: Assessment, change: Partial<Snapshot> = {}): Snapshot {
  const { situation, nowMs } = done;
  const resource = { ...situation.resource, status: statusAfter(done) };
  const { atlas = { kind: "notAsked" } } = change;
  return { ...situation, nowMs, resource, atlas, attempted: atlas, ...change };
}

/** The attempt's certificate is in its Secret. */
export function issued(attempt: Partial<Issuance> = {}, facts = FRESH): Extract<Outcome, { kind: "issued" }> {
  return { kind: "issued", facts, attempt: issuance(attempt) };
}

/** The attempt's certificate waits for its Secret. */
export function parked(attempt: Partial<Issuance> = {}, facts = FRESH): Extract<Outcome, { kind: "parked" }> {
  const waits = blocker("SecretNotWritable", { needsPerson: true, retry: { kind: "onChange" } });
  return { kind: "parked", facts, attempt: issuance(attempt), pod: "pod-1", nextTryMs: NOW + 1500, blocker: waits };
}

export function failure(reason: BlockedReason, change: Partial<Extract<Outcome, { kind: "failed" }>> = {}): Outcome {
  return { kind: "failed", blocker: blocker(reason), attempt: undefined, staysOpen: false, ...change };
}
