import { beforeAll, describe, expect, test } from "vitest";
import { HELM_BUILD_MS, helmPath, only, RELEASE, render, type Values } from "./rendering.ts";

interface Option {
  readonly what: string;
  readonly values: Values;
  readonly kind: string;
  /** The field of the object that the values set, with its whole value. */
  readonly field: string;
  readonly expected: unknown;
}

const serviceMonitor = (values: Values) => ({ metrics: { serviceMonitor: { enabled: true, ...values } } });
const POD = "spec.template.spec";

const OPTIONS: readonly Option[] = [
  {
    what: "a scrape that keeps the metrics' own namespace label, by default",
    values: serviceMonitor({}),
    kind: "ServiceMonitor",
    field: "spec.endpoints",
    expected: [{ port: "metrics", path: "/metrics", interval: "30s", scrapeTimeout: "10s", honorLabels: true }],
  },
  {
    what: "a scrape that replaces the metrics' own namespace label",
    values: serviceMonitor({ honorLabels: false }),
    kind: "ServiceMonitor",
    field: "spec.endpoints[0].honorLabels",
    expected: false,
  },
  {
    what: "relabelings of the target",
    values: serviceMonitor({ relabelings: [{ action: "labeldrop" }] }),
    kind: "ServiceMonitor",
    field: "spec.endpoints[0].relabelings",
    expected: [{ action: "labeldrop" }],
  },
  {
    what: "relabelings of the metrics",
    values: serviceMonitor({ metricRelabelings: [{ action: "drop" }] }),
    kind: "ServiceMonitor",
    field: "spec.endpoints[0].metricRelabelings",
    expected: [{ action: "drop" }],
  },
  {
    what: "annotations of the ServiceMonitor",
    values: serviceMonitor({ annotations: { a: "b" } }),
    kind: "ServiceMonitor",
    field: "metadata.annotations",
    expected: { a: "b" },
  },
  {
    what: "a ServiceMonitor in another namespace",
    values: serviceMonitor({ namespace: "monitoring" }),
    kind: "ServiceMonitor",
    field: "metadata.namespace",
    expected: "monitoring",
  },
  {
    what: "a ServiceMonitor in another namespace that selects the Service in the release's",
    values: serviceMonitor({ namespace: "monitoring" }),
    kind: "ServiceMonitor",
    field: "spec.namespaceSelector",
    expected: { matchNames: ["operators"] },
  },
  {
    what: "a disruption budget of one unavailable pod, by default",
    values: {},
    kind: "PodDisruptionBudget",
    field: "spec.maxUnavailable",
    expected: 1,
  },
  {
    what: "a disruption budget of a percentage of unavailable pods",
    values: { podDisruptionBudget: { maxUnavailable: "50%" } },
    kind: "PodDisruptionBudget",
    field: "spec.maxUnavailable",
    expected: "50%",
  },
  {
    what: "a disruption budget of no unavailable pod",
    values: { podDisruptionBudget: { maxUnavailable: 0 } },
    kind: "PodDisruptionBudget",
    field: "spec.maxUnavailable",
    expected: 0,
  },
  {
    what: "a disruption budget of available pods instead of unavailable ones",
    values: { podDisruptionBudget: { minAvailable: 0 } },
    kind: "PodDisruptionBudget",
    field: "spec",
    expected: { minAvailable: 0, unhealthyPodEvictionPolicy: "AlwaysAllow", selector: expect.anything() },
  },
  {
    what: "additional labels of the ServiceAccount",
    values: { serviceAccount: { labels: { team: "platform" } } },
    kind: "ServiceAccount",
    field: "metadata.labels.team",
    expected: "platform",
  },
  {
    what: "annotations of the Deployment",
    values: { deploymentAnnotations: { "example.com/owner": "platform" } },
    kind: "Deployment",
    field: "metadata.annotations",
    expected: { "example.com/owner": "platform" },
  },
  {
    what: "a new pod before an old one stops, by default",
    values: {},
    kind: "Deployment",
    field: "spec.strategy",
    expected: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  },
  {
    what: "strategy Recreate without the fields of the default strategy",
    values: { strategy: { type: "Recreate" } },
    kind: "Deployment",
    field: "spec.strategy",
    expected: { type: "Recreate" },
  },
  {
    what: "pods on nodes that run Linux, by default",
    values: {},
    kind: "Deployment",
    field: `${POD}.nodeSelector`,
    expected: { "kubernetes.io/os": "linux" },
  },
  {
    what: "entries of /etc/hosts",
    values: { hostAliases: [{ ip: "192.0.2.1", hostnames: ["atlas"] }] },
    kind: "Deployment",
    field: `${POD}.hostAliases`,
    expected: [{ ip: "192.0.2.1", hostnames: ["atlas"] }],
  },
  {
    what: "a DNS policy",
    values: { dnsPolicy: "Default" },
    kind: "Deployment",
    field: `${POD}.dnsPolicy`,
    expected: "Default",
  },
  {
    what: "a DNS configuration",
    values: { dnsConfig: { nameservers: ["192.0.2.53"] } },
    kind: "Deployment",
    field: `${POD}.dnsConfig`,
    expected: { nameservers: ["192.0.2.53"] },
  },
  {
    what: "no user and no group where the platform assigns them (OpenShift)",
    values: { podSecurityContext: { runAsUser: null, runAsGroup: null } },
    kind: "Deployment",
    field: `${POD}.securityContext`,
    expected: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
  },
];

beforeAll(async () => {
  await helmPath();
}, HELM_BUILD_MS);

describe("the chart renders", () => {
  test.each(OPTIONS)("$what", async ({ values, kind, field, expected }) => {
    expect(only(await render(values), kind)).toHaveProperty(field, expected);
  });

  test("extra objects, and template expressions in them", async () => {
    const configMap = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } });
    const text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: text-of-{{ .Release.Name }}\n";
    const objects = await render({
      extraObjects: [configMap("first"), configMap("in-{{ .Release.Namespace }}"), text],
    });
    const names = objects.filter(({ kind }) => kind === "ConfigMap").map(({ metadata }) => metadata.name);
    expect(names.toSorted()).toEqual(["first", "in-operators", `text-of-${RELEASE}`]);
  });
});
