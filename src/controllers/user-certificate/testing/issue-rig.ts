import { SECRET_ANNOTATIONS } from "../../../api/names.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import type { CertificateApi } from "../../access/atlas-api.ts";
import { AtlasClock } from "../atlas/atlas-clock.ts";
import { calendarOf } from "../atlas/calendar.ts";
import { liveResources } from "../cluster/live-resource.ts";
import { ParkedCertificates } from "../cluster/parked-certificates.ts";
import { ResourceCache, SecretCache } from "../cluster/resource-cache.ts";
import { SecretInspector } from "../cluster/secret-inspector.ts";
import { SecretPreflight } from "../cluster/secret-preflight.ts";
import { SecretWriter } from "../cluster/secret-writer.ts";
import { StatusWriter } from "../cluster/status-writer.ts";
import { situationOf } from "../core/decide/situation.ts";
import type { SecretState, Snapshot } from "../core/model/snapshot.ts";
import { Issuer, type IssueStep } from "../issue.ts";
import { ResourceMemories } from "../resource-memory.ts";
import type { MemoryCluster } from "./memory-cluster.ts";
import { Scene, SECRET } from "./scene.ts";
import { ABSENT, type certificate, firstReconcile, listed, managed, UID } from "./snapshots.ts";

/** The metadata of a Secret that the operator manages. */
const OWN = {
  annotations: { [SECRET_ANNOTATIONS.certificateUid]: UID, [SECRET_ANNOTATIONS.certificateName]: "orders-api" },
};
const decision = {
  kind: "issue",
  reason: "SecretMissing",
  message: "Secret orders-api-mongodb does not exist.",
} as const;

export interface IssueRigOptions {
  readonly secret?: (cluster: MemoryCluster) => SecretState;
  readonly atlas?: Snapshot["atlas"];
  readonly status?: Snapshot["resource"]["status"];
  readonly renewRequest?: string;
  readonly onStep?: (step: IssueStep) => void;
  readonly leadership?: () => () => void;
  readonly isAllowed?: () => boolean;
}

/** An Issuer over an API server and an Atlas in memory, for one resource that needs its first certificate. */
export function issueRig(options: IssueRigOptions = {}) {
  const scene = new Scene();
  scene.apply({}, options.renewRequest === undefined ? {} : { renewRequest: options.renewRequest });
  const { cluster, clock, atlas } = scene;
  const steps: IssueStep[] = [];
  const secretCache = new SecretCache();
  const inspector = new SecretInspector({ kube: cluster, cache: secretCache });
  const parked = new ParkedCertificates();
  const live = liveResources(cluster);
  const issuer = new Issuer({
    preflight: new SecretPreflight({ kube: cluster, inspector, live, clock }),
    secrets: new SecretWriter({
      ...{ kube: cluster, inspector, cache: secretCache, live },
      passwords: { read: async () => undefined },
      onForeignChange: () => {},
    }),
    statuses: new StatusWriter({ kube: cluster, cache: new ResourceCache(), onForeignChange: () => {} }),
    announcer: { announceFindings: () => {} },
    parked,
    memories: new ResourceMemories(),
    identity: "pod-1",
    leadership: options.leadership ?? (() => () => {}),
    isAllowed: options.isAllowed ?? (() => true),
    newId: () => "attempt-1",
    atlasClock: new AtlasClock(clock),
    calendar: calendarOf(),
    random: () => 0.5,
    onStep: (step) => {
      steps.push(step);
      options.onStep?.(step);
    },
  });
  if (options.status !== undefined) scene.putStatus(options.status);
  const list = options.atlas ?? listed();
  const snapshot = firstReconcile({
    resource: scene.resource(),
    secret: options.secret?.(cluster) ?? ABSENT,
    atlas: list,
  });
  const issue = (signal = new AbortController().signal, api: CertificateApi = atlas) =>
    issuer.issue(situationOf(snapshot), decision, api, signal);
  return { scene, cluster, atlas, steps, parked, issuer, snapshot, issue };
}

/** A Secret of the operator's that holds a certificate. */
export const holding = (facts: ReturnType<typeof certificate>) => (cluster: MemoryCluster) => {
  const { metadata } = cluster.put(SECRETS, { type: "kubernetes.io/tls", metadata: { ...SECRET, ...OWN } });
  return managed(facts, { uid: metadata.uid, resourceVersion: metadata.resourceVersion });
};
