import { CUSTOMER_X509_REMOVAL, parseCustomerX509Removal } from "../../../api/customer-x509-removal.ts";
import { certificateAuthorities } from "../../../certificate/certificate-authorities.ts";
import { issuePem } from "../../../certificate/testing.ts";
import { Store } from "../../../kube/cache/store.ts";
import type { EventReport } from "../../../kube/events/event-object.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import { silentLog } from "../../../kube/log.ts";
import type { Outcome } from "../../../kube/queue/work-queue.ts";
import { ManualClock } from "../../../testing/manual-clock.ts";
import type { ProjectApi } from "../../access/atlas-api.ts";
import type { ProjectBlocker } from "../../access/project-directory.ts";
import { MemoryAtlas } from "../../user-certificate/testing/memory-atlas.ts";
import { MemoryCluster } from "../../user-certificate/testing/memory-cluster.ts";
import { RemovalStatus } from "../cluster/removal-status.ts";
import { RemovalReconciler, type RemovalReconcilerOptions } from "../reconciler.ts";
import { NOW, PROJECT } from "./snapshots.ts";

/** Two authorities of the customer's own. */
export const [ROOT, OTHER] = await Promise.all(["CN=Root", "CN=Other"].map(authority));

async function authority(subject: string): Promise<{ readonly pem: string; readonly fingerprint: string }> {
  const { certificatePem: pem } = await issuePem({ subject });
  return { pem, fingerprint: certificateAuthorities(pem)?.[0]?.fingerprint ?? "" };
}

export interface ProcessOptions extends Partial<Pick<RemovalReconcilerOptions, "leadership" | "onStep">> {
  readonly kube?: Pick<KubeApi, "get" | "mergePatch">;
  readonly api?: ProjectApi;
  readonly mark?: string;
}

/** An API server, an Atlas whose customer-managed X.509 is on, and operators over them. */
export class Scene {
  readonly clock = new ManualClock({ startAt: NOW });
  readonly cluster = new MemoryCluster();
  readonly atlas = new MemoryAtlas(this.clock);
  readonly events: EventReport[] = [];
  /** Why the project can't be used. */
  blocker: ProjectBlocker | undefined;

  constructor() {
    this.cluster.now = () => this.clock.now();
    this.atlas.customerAuthorities.set(PROJECT, ROOT?.pem ?? "");
  }

  apply(change: { readonly notAfter?: string; readonly certificateAuthorities?: readonly string[] } = {}): void {
    this.cluster.put(CUSTOMER_X509_REMOVAL, {
      metadata: { name: "now" },
      spec: {
        projectRef: { name: "production" },
        certificateAuthorities: [ROOT?.fingerprint],
        notAfter: "2026-11-24T17:00:00Z",
        acknowledgeRollingRestart: true,
        ...change,
      },
    } as never);
  }

  delete(): void {
    this.cluster.remove(CUSTOMER_X509_REMOVAL, { name: "now" });
  }

  /** A process whose cache sees what is stored now, and its own writes. */
  start({
    kube = this.cluster,
    api = this.atlas,
    leadership,
    mark,
    ...options
  }: ProcessOptions = {}): RemovalReconciler {
    const store: ConstructorParameters<typeof RemovalStatus>[0]["store"] = new Store();
    const stored = this.cluster.peek(CUSTOMER_X509_REMOVAL, { name: "now" });
    if (stored !== undefined) store.observe(parseCustomerX509Removal(stored));
    store.advance("", "1");
    return new RemovalReconciler({
      ...options,
      removal: (name) => store.get(name),
      project: async () =>
        this.blocker === undefined
          ? { kind: "usable", project: { projectId: PROJECT, api, credentialsPlace: "Secret atlas-production" } }
          : { kind: "unusable", blocker: this.blocker },
      statuses: new RemovalStatus({ kube, store, wake: () => {}, mark }),
      audience: { events: { record: (event) => void this.events.push(event) }, log: silentLog },
      leadership: leadership ?? (() => () => {}),
      recheckIntervalMs: 60_000,
      clock: this.clock,
      log: silentLog,
    });
  }

  reconcile(process = this.start()): Promise<Outcome> {
    return process.reconcile("now", new AbortController().signal);
  }

  get status() {
    const stored = this.cluster.peek(CUSTOMER_X509_REMOVAL, { name: "now" });
    const parsed = stored === undefined ? undefined : parseCustomerX509Removal(stored);
    return parsed?.valid ? parsed.status : undefined;
  }

  /** Types of the conditions that are True, with their reasons. */
  get conditions(): readonly string[] {
    const conditions = this.status?.conditions ?? [];
    return conditions.filter(({ status }) => status === "True").map(({ type, reason }) => `${type} ${reason}`);
  }

  get told(): readonly string[] {
    return this.events.map(({ type, reason }) => `${type} ${reason}`);
  }
}
