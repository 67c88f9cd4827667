import { describe, expect, test } from "vitest";
import { RELOADS_ANNOTATION } from "../../../../api/names.ts";
import type { Container, ContainerStatus, Pod, Volume } from "../../../../kube/core-types.ts";
import { podUses } from "./pod-uses.ts";

const SECRET = "orders-api-mongodb";
const CREATED = "2030-01-01T00:00:00Z";
const STARTED = "2030-01-01T00:00:10Z";
const LATER = "2030-01-02T00:00:00Z";

type Spec = NonNullable<Pod["spec"]>;
type Status = NonNullable<Pod["status"]>;

function pod(spec: Spec, status: Status, metadata: Partial<Pod["metadata"]> = {}): Pod {
  const identity = { namespace: "shop", name: "orders-0", uid: "1", resourceVersion: "1", creationTimestamp: CREATED };
  return { metadata: { ...identity, ...metadata }, spec, status };
}

const running = (startedAt: string, name = "app"): ContainerStatus => ({ name, state: { running: { startedAt } } });
const ended = (startedAt: string, name = "app"): ContainerStatus => ({ name, state: { terminated: { startedAt } } });
const volumes: readonly Volume[] = [{ name: "certificate", secret: { secretName: SECRET } }];
const mounting: Container = { name: "app", volumeMounts: [{ name: "certificate" }] };
const reading: Container = { name: "app", env: [{ valueFrom: { secretKeyRef: { name: SECRET, key: "tls.key" } } }] };
const one = (container: Container, change: Spec = {}): Spec => ({ volumes, containers: [container], ...change });
const RUNNING: Status = { phase: "Running", containerStatuses: [running(STARTED)] };
const reloads = { annotations: { [RELOADS_ANNOTATION]: "true" } };

const usesOf = (found: Pod, secrets: readonly string[] = [SECRET]) => podUses(found, new Set(secrets));
const useOf = (spec: Spec, status = RUNNING, metadata: Partial<Pod["metadata"]> = {}) => {
  const use = usesOf(pod(spec, status, metadata)).get(SECRET);
  return use && { environment: iso(use.environmentMs), mounted: iso(use.mountedMs) };
};
const iso = (ms: number | undefined) => ms && new Date(ms).toISOString().replace(".000", "");

const projected = (name: string, items?: readonly { readonly key: string }[]): readonly Volume[] => [
  { name: "certificate", projected: { sources: [{}, { secret: { name, ...(items && { items }) } }] } },
];
const withItems = (key: string): readonly Volume[] => [
  { name: "certificate", secret: { secretName: SECRET, items: [{ key }] } },
];
const fromKey = (key: string): Container => ({
  name: "app",
  env: [{}, { valueFrom: {} }, { valueFrom: { secretKeyRef: { name: SECRET, key } } }],
});
const atPath = (path: object): Container => ({ name: "app", volumeMounts: [{ name: "certificate", ...path }] });

describe("a pod uses the certificate", () => {
  const mounted = { environment: undefined, mounted: STARTED };
  const environment = { environment: STARTED, mounted: undefined };
  test.each([
    ["by a volume", one(mounting), mounted],
    ["by a projected volume", one(mounting, { volumes: projected(SECRET) }), mounted],
    ["by some keys of a volume", one(mounting, { volumes: withItems("tls-combined.pem") }), mounted],
    [
      "by some keys of a projected volume",
      one(mounting, { volumes: projected(SECRET, [{ key: "keystore.p12" }]) }),
      mounted,
    ],
    ["by a single file", one(atPath({ subPath: "tls.crt" })), mounted],
    ["by an environment variable", one(reading), environment],
    ["by all of its environment", one({ name: "app", envFrom: [{}, { secretRef: { name: SECRET } }] }), environment],
    ["in two ways", one({ ...reading, ...mounting }), { environment: STARTED, mounted: STARTED }],
  ])("%s", (_, spec, use) => {
    expect(useOf(spec)).toEqual(use);
  });

  test.each([
    [
      "another Secret is mounted",
      one(mounting, { volumes: [{ name: "certificate", secret: { secretName: "other" } }] }),
    ],
    ["another Secret is projected", one(mounting, { volumes: projected("other") })],
    ["another Secret is in the environment", one({ name: "app", envFrom: [{ secretRef: { name: "other" } }] })],
    ["no container mounts the volume", one({ name: "app" })],
    ["another volume is mounted", one({ name: "app", volumeMounts: [{ name: "other" }] })],
    ["the volume has no key that a renewal changes", one(mounting, { volumes: withItems("connectionString") })],
    ["the variable holds a key that no renewal changes", one(fromKey("connectionString"))],
    ["the reference has no name", one({ name: "app", envFrom: [{ secretRef: {} }] })],
    ["it has no spec", {}],
  ])("but not if %s", (_, spec) => {
    expect(usesOf(pod(spec, RUNNING)).size).toBe(0);
  });

  test.each([
    ["Succeeded", { phase: "Succeeded" }, {}],
    ["Failed", { phase: "Failed" }, {}],
    ["being deleted", { phase: "Running" }, { deletionTimestamp: LATER }],
  ])("but not if it is %s", (_, status, metadata) => {
    expect(useOf(one(mounting), { ...RUNNING, ...status }, metadata)).toBeUndefined();
  });
});

describe("the use begins", () => {
  const two = {
    volumes,
    containers: [
      { ...mounting, name: "second" },
      { ...mounting, name: "first" },
    ],
  };

  test("with the first container that started", () => {
    const containerStatuses = [running(LATER, "second"), running(STARTED, "first")];
    expect(useOf(two, { containerStatuses })?.mounted).toBe(STARTED);
    expect(useOf(two, { containerStatuses: containerStatuses.toReversed() })?.mounted).toBe(STARTED);
  });

  test.each([
    ["has not started", []],
    ["waits", [{ name: "app" }]],
    ["has ended", [ended(STARTED)]],
  ])("not with a container that %s", (_, containerStatuses) => {
    expect(useOf(one(mounting), { containerStatuses })).toEqual({ environment: undefined, mounted: undefined });
  });

  test("with an init container, even when it has ended", () => {
    const spec = { volumes, initContainers: [mounting] };
    expect(useOf(spec, { initContainerStatuses: [ended(STARTED)] })?.mounted).toBe(STARTED);
    expect(useOf(spec, { initContainerStatuses: [running(LATER)] })?.mounted).toBe(LATER);
    expect(useOf(spec, { initContainerStatuses: [{ name: "app", state: {} }] })?.mounted).toBeUndefined();
  });

  test("with an ephemeral container, until it has ended", () => {
    const spec = { volumes, ephemeralContainers: [mounting] };
    expect(useOf(spec, { ephemeralContainerStatuses: [running(STARTED)] })?.mounted).toBe(STARTED);
    expect(useOf(spec, { ephemeralContainerStatuses: [ended(STARTED)] })?.mounted).toBeUndefined();
  });
});

describe("a pod that reads changed files again", () => {
  test.each([
    ["never has an old volume", one(mounting), { environment: undefined, mounted: undefined }],
    ["may have an old file that is mounted by its path", one(atPath({ subPath: "tls.crt" })), { mounted: STARTED }],
    ["may have an old file at a path from a variable", one(atPath({ subPathExpr: "$(KEY)" })), { mounted: STARTED }],
    ["may have an old environment", one(reading), { environment: STARTED }],
  ])("%s", (_, spec, use) => {
    expect(useOf(spec, RUNNING, reloads)).toMatchObject(use);
  });

  test("says so with the value true alone", () => {
    const annotations = { [RELOADS_ANNOTATION]: "yes" };
    expect(useOf(one(mounting), RUNNING, { annotations })?.mounted).toBe(STARTED);
  });
});

test("names each Secret and the time at which the pod was created", () => {
  const both = { ...reading, envFrom: [{ secretRef: { name: "billing-mongodb" } }] };
  const use = { name: "orders-0", createdMs: Date.parse(CREATED), environmentMs: Date.parse(STARTED) };
  expect([...usesOf(pod(one(both), RUNNING), ["billing-mongodb", SECRET])]).toEqual([
    [SECRET, { ...use, mountedMs: undefined }],
    ["billing-mongodb", { ...use, mountedMs: undefined }],
  ]);
  expect([...usesOf(pod(one(both), RUNNING), ["billing-mongodb"]).keys()]).toEqual(["billing-mongodb"]);
});

test("finds nothing in a pod that has no status and no creation time", () => {
  const bare = { metadata: { name: "orders-0", uid: "1", resourceVersion: "1" }, spec: one(mounting) };
  expect(podUses(bare, new Set([SECRET])).get(SECRET)).toMatchObject({ createdMs: Number.NaN, mountedMs: undefined });
});
