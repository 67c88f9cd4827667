import { beforeAll, describe, expect, test } from "vitest";
import { HELM_BUILD_MS, helmPath, render, type Values } from "./rendering.ts";

/** What people mistype, and the words that tell them. */
const REFUSALS: readonly (readonly [string, Values, RegExp])[] = [
  ["a name from other charts", { replicaCount: 1 }, /additional properties 'replicaCount' not allowed/],
  ["a misspelt name", { watchNamespace: ["shop"] }, /'watchNamespace' not allowed/],
  ["a misspelt name further down", { image: { repo: "x" } }, /at '\/image': additional properties 'repo' not allowed/],
  ["a text for a number", { replicas: "two" }, /at '\/replicas': got string, want integer/],
  ["fewer than no replicas", { replicas: -1 }, /at '\/replicas': minimum: got -1, want 0/],
  ["one and a half replicas", { replicas: 1.5 }, /at '\/replicas': got number, want integer/],
  ["a policy that does not exist", { image: { pullPolicy: "Sometimes" } }, /'Always', 'IfNotPresent', 'Never'/],
  ["a log level that does not exist", { log: { level: "verbose" } }, /at '\/log\/level': value must be one of/],
  ["more workers than the operator takes", { workers: 1000 }, /at '\/workers': maximum: got 1,000, want 256/],
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
    "a Secret of another namespace",
    { atlas: { defaultCredentials: { existingSecret: "other/atlas" } } },
    /existingSecret must be the name of a Secret in the namespace of the release, and "other\/atlas" can't be one/,
  ],
  ["a namespace that can't be", { watchNamespaces: ["Shop"] }, /watchNamespaces must hold names .* "Shop"/],
  ["a namespace twice", { watchNamespaces: ["a", "a"] }, /names a namespace twice/],
  ["an address for a CIDR", { networkPolicy: { atlasCidrs: ["10.0.0.1"] } }, /must hold CIDRs .* "10\.0\.0\.1"/],
  ["no account at all", { serviceAccount: { create: false } }, /serviceAccount\.name must say which/],
  [
    "two places for Atlas",
    { simulator: { enabled: true }, atlas: { baseUrl: "https://cloud.mongodbgov.com" } },
    /simulator\.enabled takes the place of atlas\.baseUrl/,
  ],
  [
    "two sets of certificates to trust",
    { simulator: { enabled: true }, atlas: { caFile: "/ca.crt" } },
    /leave atlas\.caFile out/,
  ],
  ["a month of the real Atlas", { simulator: { month: "5m" } }, /of no use without simulator\.enabled/],
];

/** What must not be refused: others hand it in. */
const ACCEPTED: readonly (readonly [string, Values])[] = [
  ["what a chart around this one sets", { global: { anything: 1 }, enabled: true }],
  ["an account number that the platform gives (OpenShift)", { podSecurityContext: { runAsUser: null } }],
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

describe("the chart takes", () => {
  test.each(ACCEPTED)("%s", async (_what, values) => {
    expect((await render(values)).length).toBeGreaterThan(1);
  });
});
