import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import {
  CHART_FOLDER,
  deployment,
  HELM_BUILD_MS,
  helm,
  helmPath,
  RELEASE,
  ROOT,
  render,
  type Values,
} from "./rendering.ts";

const read = (file: string) => readFile(path.join(CHART_FOLDER, file), "utf8");

/** What people mistype, and the words that tell them. */
const REFUSALS: readonly (readonly [string, Values, RegExp])[] = [
  ["a name from other charts", { replicaCount: 1 }, /additional properties 'replicaCount' not allowed/],
  ["a misspelt name", { watchNamespace: ["shop"] }, /'watchNamespace' not allowed/],
  ["a misspelt name further down", { image: { repo: "x" } }, /at '\/image': additional properties 'repo' not allowed/],
  ["a text for a number", { replicas: "two" }, /at '\/replicas': got string, want integer/],
  ["no replica", { replicas: 0 }, /at '\/replicas': minimum: got 0, want 1/],
  ["one and a half replicas", { replicas: 1.5 }, /at '\/replicas': got number, want integer/],
  ["a policy that does not exist", { image: { pullPolicy: "Sometimes" } }, /'Always', 'IfNotPresent', 'Never'/],
  ["a log level that does not exist", { log: { level: "verbose" } }, /at '\/log\/level': value must be one of/],
  ["more workers than the operator takes", { workers: 2000 }, /at '\/workers': maximum: got 2,000, want 1,024/],
  ["a port that can't be", { metrics: { port: 70_000 } }, /at '\/metrics\/port': maximum: got 70,000, want 65,535/],
  ["a namespace that is no list", { watchNamespaces: "shop" }, /at '\/watchNamespaces': got string, want array/],
  ["a label that is no text", { commonLabels: { a: 1 } }, /at '\/commonLabels\/a': got number, want string/],
  ["an unknown field of a probe", { health: { livenessProbe: { path: "/" } } }, /'path' not allowed/],
  ["a selector of one's own", { topologySpreadConstraints: [{ labelSelector: {} }] }, /'labelSelector' not allowed/],
  ["a flag without its dashes", { extraArgs: ["workers=1"] }, /at '\/extraArgs\/0'/],
  ["a duration in days", { verifyInterval: "1d" }, /verifyInterval must be a duration such as 6h, .* not "1d"/],
  ["a duration of nothing", { maxBackoff: "0s" }, /maxBackoff must be a duration .* not "0s"/],
  ["an empty duration", { recheckInterval: "" }, /recheckInterval must be a duration .* not ""/],
  ["a lease that is no duration", { leaderElection: { leaseDuration: "15" } }, /leaderElection\.leaseDuration must be/],
  ["Atlas without TLS", { atlas: { baseUrl: "http://atlas" } }, /atlas\.baseUrl must be https:\/\/ .* not "http:/],
  ["Atlas with a path", { atlas: { baseUrl: "https://a/api" } }, /atlas\.baseUrl must be https:\/\/ .* without a path/],
  ["Atlas with credentials", { atlas: { baseUrl: "https://a:b@c" } }, /atlas\.baseUrl must be https:\/\//],
  [
    "projects of a release that watches some namespaces",
    { watchNamespaces: ["shop"], projects: { enabled: true } },
    /projects\.enabled is not possible with watchNamespaces: .* one release that watches all namespaces serves them/,
  ],
  ["a namespace that can't be", { watchNamespaces: ["Shop"] }, /watchNamespaces must hold names .* "Shop"/],
  ["a namespace twice", { watchNamespaces: ["a", "a"] }, /names a namespace twice/],
  ["an address for a CIDR", { networkPolicy: { atlasCidrs: ["10.0.0.1"] } }, /must hold CIDRs .* "10\.0\.0\.1"/],
  [
    "a ServiceMonitor without metrics",
    { metrics: { enabled: false, serviceMonitor: { enabled: true } } },
    /metrics\.serviceMonitor\.enabled needs metrics\.enabled/,
  ],
  [
    "alerts without metrics",
    { metrics: { enabled: false, prometheusRule: { enabled: true } } },
    /metrics\.prometheusRule\.enabled needs metrics\.enabled/,
  ],
  [
    "both limits of a PodDisruptionBudget",
    { podDisruptionBudget: { minAvailable: 0, maxUnavailable: "50%" } },
    /minAvailable and podDisruptionBudget\.maxUnavailable are mutually exclusive/,
  ],
  ["a percentage without its sign", { podDisruptionBudget: { minAvailable: "50" } }, /at '\/podDisruptionBudget\/min/],
  [
    "a global value",
    { global: { imageRegistry: "x" } },
    /global\.imageRegistry has no effect: this chart has no global/,
  ],
  ["no account at all", { serviceAccount: { create: false } }, /serviceAccount\.name must say which/],
  [
    "two places for Atlas",
    { simulator: { enabled: true }, atlas: { baseUrl: "https://cloud.mongodbgov.com" } },
    /simulator\.enabled and atlas\.baseUrl are mutually exclusive/,
  ],
  [
    "two sets of certificates to trust",
    { simulator: { enabled: true }, atlas: { caFile: "/ca.crt" } },
    /remove atlas\.caFile/,
  ],
  ["a month of the real Atlas", { simulator: { month: "5m" } }, /have no effect without simulator\.enabled/],
];

/** What must not be refused. */
const ACCEPTED: readonly (readonly [string, Values])[] = [
  ["the condition of a parent chart", { enabled: true }],
  ["no memory limit", { resources: { limits: { memory: null } } }],
];

beforeAll(async () => {
  await helmPath();
}, HELM_BUILD_MS);

describe("the chart refuses", () => {
  test.each(REFUSALS)("%s", async (_what, values, words) => {
    await expect(render(values)).rejects.toThrow(words);
  });
});

describe("the chart accepts", () => {
  test.each(ACCEPTED)("%s", async (_what, values) => {
    expect((await render(values)).length).toBeGreaterThan(1);
  });

  test("global values of a parent chart, which are there for its other subcharts", async () => {
    const parent = await mkdtemp(path.join(tmpdir(), "parent-chart-"));
    onTestFinished(() => rm(parent, { recursive: true }));
    await writeFile(path.join(parent, "Chart.yaml"), "apiVersion: v2\nname: parent\nversion: 1.0.0\n");
    await cp(CHART_FOLDER, path.join(parent, "charts/atlas-cert-operator"), { recursive: true });
    const objects = await render({ global: { imageRegistry: "x" } }, { chart: parent });
    expect(deployment(objects).replicas).toBe(2);
  });
});

describe("Kubernetes", () => {
  const renderFor = (version: string) => helm(["template", RELEASE, CHART_FOLDER, "--kube-version", version]);

  test("1.30 is the oldest version that the chart installs on", async () => {
    expect(await renderFor("1.30.0")).toMatchObject({ code: 0 });
    expect((await renderFor("1.29.14")).stderr).toMatch(/requires kubeVersion: >=1\.30\.0-0/);
  });

  test.each(["README.md", "docs/install.md", "docs/compatibility.md", "deploy/charts/atlas-cert-operator/README.md"])(
    "%s names the oldest version that the chart installs on",
    async (file) => {
      const [, oldest = ""] = /kubeVersion: ">=(\d+\.\d+)\./.exec(await read("Chart.yaml")) ?? [];
      const versions = [...(await readFile(path.join(ROOT, file), "utf8")).matchAll(/(?:Kubernetes \|? ?)(1\.\d+)\b/g)];
      expect(versions.map(([, version]) => version)).toEqual([oldest]);
    },
  );
});
