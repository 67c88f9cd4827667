import { describe, expect, test } from "vitest";
import { issuePem } from "../../certificate/testing.ts";
import { DAY_MS, HOUR_MS } from "../../clock.ts";
import { holding, issueRig } from "./testing/issue-rig.ts";
import { kubeError } from "./testing/memory-cluster.ts";
import { SECRET } from "./testing/scene.ts";
import { ABSENT, certificate, issuance, listed, NOW } from "./testing/snapshots.ts";

test("an attempt goes through its steps in order, each with its trace before the next begins", async () => {
  const traces: string[] = [];
  const { issue, scene, steps, atlas, parked } = issueRig({
    onStep: (step) => {
      const { issuance: attempt } = scene.status();
      const made = [attempt && "record", atlas.creates > 0 && "create", scene.secret() && "secret"].filter(Boolean);
      traces.push(`${step}: ${made.join(", ") || "nothing"}`);
    },
  });
  const outcome = await issue();
  expect(outcome).toMatchObject({
    kind: "issued",
    facts: { serialNumber: atlas.issued[0]?.serialNumber },
    attempt: { id: "attempt-1", reason: "SecretMissing", knownSerials: [] },
  });
  expect(steps).toEqual(["preflight", "record", "create", "check", "write"]);
  expect(traces).toEqual([
    "preflight: nothing",
    "record: nothing",
    "create: record",
    "check: record, create",
    "write: record, create",
  ]);
  expect(parked.size).toBe(0);
});

test("the record says what the attempt is for and which certificates there were before", async () => {
  const { issue, scene } = issueRig({ atlas: listed("7", "8"), renewRequest: "now" });
  await issue();
  expect(scene.status().issuance).toEqual({
    id: "attempt-1",
    startedAt: "2030-01-11T00:00:00Z",
    reason: "SecretMissing",
    projectId: "32b6e34b3d91647abb20e7b8",
    username: "orders-api",
    knownSerials: ["7", "8"],
    renewRequest: "now",
  });
});

test("the record knows the certificate in the Secret although Atlas no longer lists it", async () => {
  const expired = certificate("6", { notAfter: new Date(NOW - DAY_MS) });
  const { issue, scene } = issueRig({ atlas: listed("7"), secret: holding(expired) });
  expect(await issue()).toMatchObject({ kind: "issued" });
  expect(scene.status().issuance).toMatchObject({ knownSerials: ["7", "6"], replaces: "6" });
});

describe("the record names the certificate that is replaced", () => {
  test("if the Secret was deleted: the last one that Atlas proved", async () => {
    const { issue, scene } = issueRig({ status: { serialNumber: "5", secretName: SECRET.name } });
    await issue();
    expect(scene.status().issuance?.replaces).toBe("5");
  });

  test("not if spec.secretName has changed: the Secret that was left behind is not damaged", async () => {
    const { issue, scene } = issueRig({ status: { serialNumber: "5", secretName: "left-behind" } });
    await issue();
    expect(scene.status().issuance).not.toHaveProperty("replaces");
  });
});

test("a shutdown after the create does not stop the write of the Secret", async () => {
  const stop = new AbortController();
  const { issue, scene } = issueRig({ onStep: (step) => void (step === "check" && stop.abort(new Error("bye"))) });
  expect(await issue(stop.signal)).toMatchObject({ kind: "issued" });
  expect(scene.secret()).toBeDefined();
});

describe("a create that fails", () => {
  test.each([
    ["credentials", "CredentialsRejected"],
    ["role", "RoleMissing"],
    ["userNotFound", "UserNotFound"],
    ["customerManagedOn", "CustomerManagedX509On"],
    ["rateLimited", "RateLimited"],
    ["unavailable", "AtlasUnavailable"],
  ] as const)("with %s is %s and closes the record, since nothing was issued", async (kind, reason) => {
    const { issue, atlas, steps } = issueRig();
    atlas.createFault = () => ({ refuse: kind });
    expect(await issue()).toMatchObject({ kind: "failed", blocker: { reason }, staysOpen: false });
    expect(steps).toEqual(["preflight", "record", "create"]);
  });

  test("with a lost answer leaves the record open", async () => {
    const { issue, atlas } = issueRig();
    atlas.createFault = () => "answerLost";
    expect(await issue()).toMatchObject({
      kind: "failed",
      blocker: { reason: "AnswerLost" },
      staysOpen: true,
      attempt: { id: "attempt-1" },
    });
    expect(atlas.creates).toBe(1);
  });

  test("because of a bug leaves the record open", async () => {
    const { issue, atlas, scene } = issueRig();
    atlas.createDatabaseUserCertificate = () => Promise.reject(new TypeError("a bug"));
    await expect(issue()).rejects.toThrow("a bug");
    expect(scene.status()).toHaveProperty("issuance");
  });
});

describe("an answer is unusable, nothing is stored and the record stays open", () => {
  const asIssued = { notBefore: new Date(NOW), notAfter: new Date(NOW + 90 * DAY_MS) };
  const pem = async (...wishes: Parameters<typeof issuePem>) => (await issuePem(...wishes)).bundle.reveal();
  const cases: readonly (readonly [string, () => Promise<string>, string])[] = [
    ["if it holds no certificate", async () => "<html>log in</html>", "it holds no CERTIFICATE block"],
    ["if it holds no key", async () => (await issuePem(asIssued)).certificatePem, "it holds no PRIVATE KEY block"],
    [
      "if key and certificate do not match",
      async () => (await issuePem(asIssued)).certificatePem + (await issuePem(asIssued)).keyPem,
      "the private key does not belong to the certificate",
    ],
    [
      "if it is another user's",
      () => pem({ ...asIssued, subject: "CN=billing" }),
      "the certificate's subject is CN=billing, not user orders-api",
    ],
    [
      "if it has expired by Atlas' clock",
      () => pem({ notBefore: new Date(NOW - 90 * DAY_MS), notAfter: new Date(NOW - HOUR_MS) }),
      "the certificate expired at 2030-01-10T23:00:00Z",
    ],
    [
      "if it lives for another time than was asked for",
      () => pem({ ...asIssued, notAfter: new Date(NOW + 10 * DAY_MS) }),
      "instead of for about 3 months",
    ],
    [
      "if it was there before, as in a replayed answer",
      () => pem({ ...asIssued, serialHex: "7b" }),
      "certificate 123 was issued before the request",
    ],
  ];
  test.each(cases)("%s", async (_what, answer, problem) => {
    const { issue, atlas, scene, steps, parked } = issueRig({ atlas: listed("123") });
    const text = await answer();
    atlas.createFault = () => ({ answer: text });
    const outcome = await issue();
    expect(outcome).toMatchObject({
      kind: "failed",
      blocker: { reason: "AnswerUnusable", needsPerson: true, retry: { kind: "backoff", atLeastMs: HOUR_MS } },
      staysOpen: true,
    });
    expect(outcome.kind === "failed" && outcome.blocker.problem).toContain(problem);
    expect(JSON.stringify(outcome)).not.toContain("PRIVATE KEY-----");
    expect(steps.at(-1)).toBe("check");
    expect([scene.secret(), parked.size]).toEqual([undefined, 0]);
  });
});

describe("a certificate that cannot be stored", () => {
  function refusedWrite() {
    const it = issueRig();
    it.cluster.fault = ({ verb, dryRun }) => (verb === "create" && !dryRun ? kubeError("Forbidden") : undefined);
    return it;
  }

  test("is parked after one try, with the process that holds it and the time of the next try", async () => {
    const { issue, atlas, cluster, parked } = refusedWrite();
    expect(await issue()).toMatchObject({
      kind: "parked",
      facts: { serialNumber: atlas.issued[0]?.serialNumber },
      attempt: { id: "attempt-1" },
      pod: "pod-1",
      nextTryMs: expect.toSatisfy((ms: number) => ms > NOW + 437 && ms < NOW + 3000),
      blocker: { reason: "SecretNotWritable", needsPerson: true },
    });
    expect(parked.size).toBe(1);
    expect(cluster.calls.filter(({ verb, dryRun }) => verb === "create" && !dryRun)).toHaveLength(1);
  });

  test("waits longer after each try, up to five minutes", async () => {
    const { issue, issuer, scene, parked, snapshot } = refusedWrite();
    await issue();
    const waits: number[] = [];
    for (let count = 0; count < 14; count++) {
      const [waiting] = parked.values();
      if (waiting === undefined) throw new Error("nothing is parked");
      const outcome = await issuer.store(snapshot.resource, ABSENT, waiting);
      if (outcome.kind === "parked") waits.push(outcome.nextTryMs - scene.clock.now());
    }
    expect(waits).toHaveLength(14);
    expect(waits.toSorted((left, right) => left - right)).toEqual(waits);
    expect(waits.at(-1)).toBeLessThanOrEqual(300_000);
    expect(waits.at(-1)).toBeGreaterThan(100_000);
  });

  test("leaves memory when it is stored", async () => {
    const { issue, issuer, atlas, cluster, parked, snapshot, scene } = refusedWrite();
    await issue();
    cluster.fault = () => undefined;
    const [waiting] = parked.values();
    if (waiting === undefined) throw new Error("nothing is parked");
    expect(await issuer.store(snapshot.resource, ABSENT, waiting)).toMatchObject({ kind: "issued" });
    expect([parked.size, scene.serialIn()]).toEqual([0, atlas.issued[0]?.serialNumber]);
  });

  test("makes the next preflight write for real, since a dry run has missed what refused the last one", async () => {
    const notStored = { time: "2030-01-10T20:00:00Z", reason: "SecretMissing", lost: "NotStored" as const };
    const { issue, atlas, cluster } = issueRig({ status: { recentIssuances: [{ ...notStored, serialNumber: "1" }] } });
    cluster.fault = ({ verb, dryRun }) =>
      verb === "create" && !dryRun ? kubeError("InternalError", "kms") : undefined;
    expect(await issue()).toMatchObject({ kind: "failed", blocker: { reason: "SecretNotWritable" } });
    expect(atlas.creates).toBe(0);
  });
});

test("an older record is replaced by the new one, and its outcome in the list goes into the history", async () => {
  const { issue, scene, snapshot } = issueRig({ status: { issuance: issuance({ id: "attempt-0" }) } });
  expect(snapshot.resource.status.issuance?.id).toBe("attempt-0");
  await issue();
  expect(scene.status()).toMatchObject({
    issuance: { id: "attempt-1" },
    recentIssuances: [{ time: "2030-01-10T23:59:00Z", reason: "SecretMissing", lost: "AnswerLost" }],
  });
});
