import { expect, test } from "vitest";
import { RENEW_REQUEST_ANNOTATION } from "../api/names.ts";
import { USER_CERTIFICATE } from "../api/user-certificate.ts";
import type { UserCertificateStatus } from "../api/user-certificate-status.ts";
import { issuance, SETTLED_STATUS } from "../controllers/user-certificate/testing/snapshots.ts";
import { KubeError } from "../kube/kube-error.ts";
import { renew } from "./renew.ts";
import { object, PAGE, TestCluster } from "./testing/test-cluster.ts";

const REQUEST = "2030-01-11T00:00:00.000Z";

/** The operator writes these states into the status, one each time that the command looks. */
function answering(cluster: TestCluster, ...states: readonly UserCertificateStatus[]): void {
  const left = [...states];
  const { sleep } = cluster.clock;
  cluster.clock.sleep = (ms, signal) => {
    const status = left.shift();
    if (status !== undefined) cluster.memory.put(USER_CERTIFICATE, object("orders-api", {}, status));
    return sleep.call(cluster.clock, ms, signal);
  };
}

test("sets the annotation that asks for one renewal, and does not wait", async () => {
  const cluster = new TestCluster(object(), object("reports"));
  const report = await renew(cluster, ["orders-api", "reports"], { waitMs: undefined });
  for (const name of ["orders-api", "reports"]) {
    const { annotations } = cluster.memory.peek(USER_CERTIFICATE, { namespace: "shop", name })?.metadata ?? {};
    expect(annotations).toEqual({ [RENEW_REQUEST_ANNOTATION]: REQUEST });
  }
  expect(report.exitCode).toBe(0);
  expect(report.lines(PAGE).join("\n")).toMatchInlineSnapshot(`
    "shop/orders-api: renewal requested. "kubectl atlascerts status" shows its outcome.
    shop/reports: renewal requested. "kubectl atlascerts status" shows its outcome."
  `);
});

test("waits for the new certificate and says what happens meanwhile", async () => {
  const cluster = new TestCluster(object());
  const [ready, , stalled] = SETTLED_STATUS.conditions ?? [];
  const issuing = { ...ready, type: "Issuing", status: "True", message: "A certificate is being issued." };
  const conditions = [ready, issuing, stalled] as NonNullable<UserCertificateStatus["conditions"]>;
  answering(
    cluster,
    { ...SETTLED_STATUS, conditions, issuance: issuance({ renewRequest: REQUEST }) },
    { ...SETTLED_STATUS, serialNumber: "1002", renewRequest: REQUEST },
  );
  const report = await renew(cluster, ["orders-api"], { waitMs: 60_000 });
  expect(report.exitCode).toBe(0);
  expect(cluster.told).toEqual([
    "shop/orders-api: renewal requested, waiting for the operator …",
    "shop/orders-api: A certificate is being issued.",
  ]);
  expect(report.lines(PAGE)).toEqual([
    "✓ shop/orders-api: certificate 1002, expires 2030-04-01 00:00Z (in 80d), after 1s",
  ]);
});

const attempt = (needsPerson: boolean) => ({
  ...{ time: REQUEST, reason: "UserNotFound", message: "Atlas has no database user.", remedy: "Create it." },
  ...{ needsPerson, failures: 1, nextAttemptTime: "2030-01-11T00:10:00Z", generation: 1, renewRequest: REQUEST },
});

test("ends with 3 where a person has to act first", async () => {
  const cluster = new TestCluster(object());
  answering(cluster, { ...SETTLED_STATUS, lastAttempt: attempt(true) });
  const report = await renew(cluster, ["orders-api"], { waitMs: 60_000 });
  expect(report.exitCode).toBe(3);
  expect(report.lines(PAGE)).toEqual(["✗ shop/orders-api: Atlas has no database user. Create it."]);
});

test("ends with 3 when the time is over, with what the operator waits for", async () => {
  const cluster = new TestCluster(object());
  answering(cluster, { ...SETTLED_STATUS, lastAttempt: attempt(false) });
  const report = await renew(cluster, ["orders-api"], { waitMs: 5_000 });
  expect(report.exitCode).toBe(3);
  expect(report.lines(PAGE).join(" ")).toContain("The operator retries at 2030-01-11T00:10:00Z.");
});

test("says how to find out why an operator does not answer", async () => {
  const report = await renew(new TestCluster(object()), ["orders-api"], { waitMs: 1_000 });
  expect(report.lines(PAGE).join(" ")).toContain('"kubectl atlascerts check" shows whether it is');
});

const forbidden = new KubeError({ reason: "Forbidden", operation: "patch", explanation: "not yours" });

/** Patches of these resources are refused. */
function refusing(cluster: TestCluster, error: Error, ...names: readonly string[]): void {
  const { mergePatch } = cluster.kube;
  const refuse: typeof mergePatch = async (type, ref, ...rest) => {
    if (names.includes(ref.name)) throw error;
    return mergePatch(type, ref, ...rest);
  };
  Object.assign(cluster.kube, { mergePatch: refuse });
}

test("says which of several renewals could not be requested, and which were", async () => {
  const cluster = new TestCluster(object(), object("reports"));
  refusing(cluster, forbidden, "orders-api");
  const report = await renew(cluster, ["orders-api", "reports"], { waitMs: undefined });
  expect(report.exitCode).toBe(3);
  expect(report.lines(PAGE)).toEqual([
    "✗ shop/orders-api: the renewal was not requested: patch: Forbidden: not yours",
    'shop/reports: renewal requested. "kubectl atlascerts status" shows its outcome.',
  ]);
});

test("ends with the error where nothing could be requested, or where it is a bug", async () => {
  const cluster = new TestCluster(object(), object("reports"));
  refusing(cluster, forbidden, "orders-api", "reports");
  await expect(renew(cluster, ["orders-api", "reports"], { waitMs: undefined })).rejects.toThrow(forbidden);
  const other = new TestCluster(object(), object("reports"));
  refusing(other, new TypeError("bug"), "orders-api");
  await expect(renew(other, ["orders-api", "reports"], { waitMs: undefined })).rejects.toThrow("bug");
});

/** The lookups of the resource after the first, which comes before the request, fail with these. */
function failingLooks(cluster: TestCluster, ...errors: readonly Error[]): void {
  const left = [undefined, ...errors];
  const { get } = cluster.kube;
  const look: typeof get = async (type, ref, ...rest) => {
    const error = ref.name === "orders-api" ? left.shift() : undefined;
    if (error !== undefined) throw error;
    return get(type, ref, ...rest);
  };
  Object.assign(cluster.kube, { get: look });
}

test("goes on waiting after an error of the API server", async () => {
  const cluster = new TestCluster(object(), object("reports"));
  const unavailable = new KubeError({ reason: "Unavailable", operation: "get" });
  failingLooks(cluster, unavailable, unavailable);
  answering(cluster, { ...SETTLED_STATUS, serialNumber: "1002", renewRequest: REQUEST });
  const report = await renew(cluster, ["orders-api"], { waitMs: 60_000 });
  expect(report.lines(PAGE).join("\n")).toMatch(/^✓ shop\/orders-api: certificate 1002,/);
  expect(cluster.told.slice(1)).toEqual(["shop/orders-api: get: Unavailable"]);
});

test("says that a resource was deleted while it waited for others, and ends with a bug", async () => {
  const cluster = new TestCluster(object(), object("reports"));
  failingLooks(cluster, new KubeError({ reason: "NotFound", operation: "get" }));
  const report = await renew(cluster, ["orders-api", "reports"], { waitMs: 1_000 });
  expect(report.lines(PAGE)[0]).toBe(
    "✗ shop/orders-api: AtlasUserCertificate orders-api does not exist in namespace shop",
  );
  expect(report.lines(PAGE)[1]).toMatch(/^… shop\/reports: the operator has not answered/);
  const other = new TestCluster(object());
  failingLooks(other, new TypeError("bug"));
  await expect(renew(other, ["orders-api"], { waitMs: 1_000 })).rejects.toThrow("bug");
});

test.each([
  ["is suspended", object("orders-api", { suspend: true }), "orders-api is suspended"],
  ["cannot be read", { ...object(), spec: {} as never }, "this version cannot read orders-api"],
  ["does not exist", object("other"), "AtlasUserCertificate orders-api does not exist in namespace shop"],
])("asks for nothing where a resource %s", async (_, one, sentence) => {
  const cluster = new TestCluster(one, object("reports"));
  await expect(renew(cluster, ["reports", "orders-api"], { waitMs: undefined })).rejects.toThrow(sentence);
  expect(cluster.memory.writes).toEqual([]);
});
