import { customResourceDefinition, KINDS } from "../../api/crd.ts";
import type { UserCertificateSpec } from "../../api/user-certificate.ts";
import type { AtlasErrorKind } from "../../atlas/errors/atlas-error.ts";
import { atlasError } from "../../controllers/user-certificate/testing/memory-atlas.ts";
import { NOW, SETTLED_STATUS } from "../../controllers/user-certificate/testing/snapshots.ts";
import { SECRETS } from "../../kube/core-types.ts";
import { KubeError } from "../../kube/kube-error.ts";
import { LEASES } from "../../kube/lease/lease-object.ts";
import { microTime } from "../../kube/micro-time.ts";
import type { ReadOnlyAtlas } from "../atlas-checks.ts";
import { checkReport } from "../check.ts";
import { checkSections } from "../check-sections.ts";
import { DEFINITIONS, DEPLOYMENTS, POLICIES } from "../kinds.ts";
import { object, PAGE, TestCluster } from "./test-cluster.ts";

export const HOME = "operators";
/** As parsed from crds/. */
export const definitions = () =>
  KINDS.map((kind) => structuredClone(customResourceDefinition(kind)) as never as { metadata: { name: string } });
export const forbidden = new KubeError({ reason: "Forbidden", operation: "test" });
export const base64 = (text: string) => Buffer.from(text).toString("base64");

/** An installation without a flaw, and an Atlas that has user orders-api. */
export class CheckScene {
  readonly cluster: TestCluster;
  readonly denied = new Set<string>();
  readonly users = new Map<string, string | undefined>([["orders-api", "MANAGED"]]);
  certificates = 2;
  customerX509: { cas?: string } = {};
  answeredAt: Date | undefined = new Date(NOW);
  fault: AtlasErrorKind | undefined;
  connections = 0;

  constructor(spec: Partial<UserCertificateSpec> = {}, status = SETTLED_STATUS) {
    const cluster = new TestCluster(object("orders-api", spec, status));
    const { memory } = cluster;
    for (const definition of definitions()) memory.put(DEFINITIONS, definition as never);
    memory.put(DEPLOYMENTS, deployment());
    memory.put(LEASES, lease());
    memory.put(POLICIES, { metadata: { name: "atlas-cert-operator.operators", labels: LABELS } });
    const data = { clientId: base64("mdb_sa_id_0123"), clientSecret: base64("a-secret") };
    const metadata = { labels: { "atlascerts.io/credentials": "true" } };
    memory.put(SECRETS, { metadata: { namespace: "shop", name: "atlas-api" }, data });
    memory.put(SECRETS, { metadata: { ...metadata, namespace: HOME, name: "production" }, data });
    // Reviews are answered, and stored nowhere.
    Object.assign(cluster.kube, {
      create: async (_: unknown, review: { spec: { resourceAttributes: { verb: string; resource: string } } }) => {
        if (this.denied.has("reviews")) throw forbidden;
        const { resource, verb } = review.spec.resourceAttributes;
        return { ...review, status: { allowed: !this.denied.has(`${verb} ${resource}`) } };
      },
    });
    this.cluster = cluster;
  }

  get atlas(): ReadOnlyAtlas {
    const user = (username: string) => {
      if (!this.users.has(username)) throw atlasError("userNotFound");
      return this.users.get(username);
    };
    return {
      getUserSecurity: async () => {
        if (this.fault !== undefined) throw atlasError(this.fault);
        return { customerX509: this.customerX509, answeredAt: this.answeredAt };
      },
      getDatabaseUser: async ({ username }) => ({ x509Type: user(username), answeredAt: undefined }),
      listAllDatabaseUserCertificates: async () => ({
        certificates: Array.from({ length: this.certificates }, (_, index) => {
          return { serialNumber: String(index), notAfter: new Date(NOW) };
        }),
        answeredAt: undefined,
      }),
    };
  }

  async run(operatorNamespace?: string, atlas = { origin: "https://cloud.mongodb.com", isGiven: false }) {
    const connect = () => {
      this.connections += 1;
      return this.atlas;
    };
    const report = checkReport(await checkSections(this.cluster, { connect, operatorNamespace, atlas }));
    const text = report.lines(PAGE).join("\n");
    return { ...report, text, sentences: text.replaceAll(/\s+/g, " ") };
  }

  /** The lines that are not ok. */
  async flaws(...options: Parameters<CheckScene["run"]>): Promise<string> {
    const { text } = await this.run(...options);
    const lines = text.split("\n").slice(0, -2);
    return lines
      .filter((_, index) => {
        const head = lines.slice(0, index + 1).findLast((one) => !one.startsWith(" ")) ?? "";
        return /^(?:warn|fail|\?) /.test(head);
      })
      .join("\n");
  }
}

const LABELS = {
  "app.kubernetes.io/name": "atlas-cert-operator",
  "app.kubernetes.io/component": "operator",
  "app.kubernetes.io/version": "0.1.0",
  "app.kubernetes.io/instance": "certs",
  "app.kubernetes.io/managed-by": "Helm",
};

export interface DeploymentOptions {
  /** Flags beside `--atlas-base-url` and `--projects`. @default none */
  readonly args?: readonly string[];
  /** @default 2 */
  readonly readyReplicas?: number;
  /** @default "0.1.0" */
  readonly version?: string;
  /** @default "https://cloud.mongodb.com" */
  readonly atlasBaseUrl?: string;
}

/** The operator's, as the chart installs it. */
export function deployment(options: DeploymentOptions = {}) {
  const { args = [], atlasBaseUrl = "https://cloud.mongodb.com", readyReplicas = 2, version = "0.1.0" } = options;
  const containers = [{ args: ["run", `--atlas-base-url=${atlasBaseUrl}`, "--projects", ...args] }];
  return {
    metadata: { namespace: HOME, name: "operator", labels: { ...LABELS, "app.kubernetes.io/version": version } },
    spec: { template: { spec: { serviceAccountName: "operator", containers } } },
    status: { readyReplicas },
  };
}

export interface LeaseOptions {
  /** Empty where no one holds it. @default "pod-1" */
  readonly holderIdentity?: string;
  /** @default two seconds ago */
  readonly renewedMs?: number;
  /** @default "atlas-cert-operator" */
  readonly name?: string;
}

export function lease(options: LeaseOptions = {}) {
  const { holderIdentity = "pod-1", name = "atlas-cert-operator", renewedMs = NOW - 2_000 } = options;
  const spec = { holderIdentity, leaseDurationSeconds: 15, renewTime: microTime(renewedMs) };
  return { metadata: { namespace: HOME, name }, spec };
}
