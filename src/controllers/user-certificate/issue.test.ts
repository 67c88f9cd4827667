import { describe, expect, test } from "vitest";
import { SECRET_ANNOTATIONS } from "../../api/names.ts";
import { issuePem } from "../../certificate/testing.ts";
import { SECRETS } from "../../kube/core-types.ts";
import { silentLog } from "../../kube/log.ts";
import { ResourceCache, SecretCache } from "./cluster/resource-cache.ts";
import { Issuer, type IssueStep } from "./issue.ts";
import { type LiveCertificate, liveCertificates } from "./cluster/live-resource.ts";
import type { Snapshot, ObservedSecret } from "./core/model/snapshot.ts";
import { SecretInspector } from "./cluster/secret-inspector.ts";
import { SecretWriter } from "./cluster/secret-writer.ts";
import { StatusWriter } from "./cluster/status-writer.ts";
import { kubeError, type MemoryCluster } from "./testing/memory-cluster.ts";
import {
  ABSENT,
  certificate,
  DAY_MS,
  firstLook,
  HOUR_MS,
  listed,
  managed,
  NOW,
  refused,
} from "./testing/snapshots.ts";
import { Scene, SECRET } from "./testing/scene.ts";

/** What makes a Secret the operator's. */
const OWN = { annotations: { [SECRET_ANNOTATIONS.certificateUid]: "uid" } };
const decision = { reason: "SecretMissing", message: "There is no Secret orders-api-mongodb." } as const;

interface RigOptions {
  readonly secret?: (cluster: MemoryCluster) => ObservedSecret;
  readonly atlas?: Snapshot["atlas"];
  readonly renewRequest?: string;
  readonly onStep?: (step: IssueStep) => void;
  readonly leadership?: () => () => void;
  readonly live?: LiveCertificate;
}

/** An Issuer over an API server and an Atlas in memory, for one resource that wants its first certificate. */
function rig(options: RigOptions = {}) {
  const scene = new Scene();
  scene.apply({}, options.renewRequest === undefined ? {} : { renewRequest: options.renewRequest });
  const { cluster, clock, atlas } = scene;
  const steps: IssueStep[] = [];
  const secretCache = new SecretCache();
  const inspector = new SecretInspector({ kube: cluster, cache: secretCache });
  const abandoned: string[] = [];
  const issuer = new Issuer({
    secrets: new SecretWriter({
      kube: cluster,
      inspector,
      cache: secretCache,
      live: options.live ?? liveCertificates(cluster),
      onForeignChange: () => {},
      clock,
      random: () => 0.5,
      log: silentLog,
    }),
    statuses: new StatusWriter({ kube: cluster, cache: new ResourceCache(), onForeignChange: () => {}, clock }),
    announcer: {
      announceFindings: () => {},
      announceAbandoned: (_resource, facts) => void abandoned.push(facts.serialNumber),
      announceWaiting: () => {},
      announceDisplaced: () => {},
    },
    leadership: options.leadership ?? (() => () => {}),
    newId: () => "attempt-1",
    clock,
    log: silentLog,
    onStep: (step) => {
      steps.push(step);
      options.onStep?.(step);
    },
  });
  const snapshot = firstLook({
    resource: scene.resource(),
    secret: options.secret?.(cluster) ?? ABSENT,
    atlas: options.atlas ?? listed(),
  });
  const issue = (signal = new AbortController().signal) => issuer.issue(snapshot, decision, atlas, signal);
  return { scene, cluster, atlas, steps, abandoned, issue };
}

test("goes through its steps in their order, each with its trace before the next begins", async () => {
  const traces: string[] = [];
  const { issue, scene, steps, atlas } = rig({
    onStep: (step) => {
      const { issuance } = scene.status();
      const made = [issuance && "record", atlas.creates > 0 && "create", scene.secret() && "secret"].filter(Boolean);
      traces.push(`${step}: ${made.join(", ") || "nothing"}`);
    },
  });
  const outcome = await issue();
  expect(outcome).toMatchObject({
    kind: "issued",
    facts: { serialNumber: atlas.issued[0]?.serialNumber },
    issuance: { id: "attempt-1", reason: "SecretMissing", knownSerials: [] },
  });
  expect(steps).toEqual(["preflight", "record", "create", "check", "write"]);
  expect(traces).toEqual([
    "preflight: nothing",
    "record: nothing",
    "create: record",
    "check: record, create",
    "write: record, create",
  ]);
});

test("the record says what it is for and what was there before", async () => {
  const { issue, scene } = rig({ atlas: listed("7", "8"), renewRequest: "now" });
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

test("the record knows the certificate in the Secret although Atlas lists it no more", async () => {
  const expired = certificate("6", { notAfter: new Date(NOW - DAY_MS) });
  const { issue, scene } = rig({
    atlas: listed("7"),
    secret: (cluster) => {
      const { metadata } = cluster.put(SECRETS, { metadata: { ...SECRET, ...OWN } });
      return managed(expired, { uid: metadata.uid, resourceVersion: metadata.resourceVersion });
    },
  });
  expect(await issue()).toMatchObject({ kind: "issued" });
  expect(scene.status().issuance?.knownSerials).toEqual(["7", "6"]);
});

describe("creates nothing", () => {
  test("where the preflight fails", async () => {
    const { issue, cluster, atlas, scene } = rig();
    cluster.fault = ({ dryRun }) => (dryRun ? kubeError("Forbidden") : undefined);
    expect(await issue()).toMatchObject({
      kind: "failed",
      blocker: { reason: "SecretNotWritable" },
      spent: false,
      staysOpen: false,
      issuance: undefined,
    });
    expect(scene.status()).toEqual({});
    expect(atlas.creates).toBe(0);
  });

  test("where the Secret changed since it was seen", async () => {
    const { issue, atlas, cluster } = rig();
    cluster.put(SECRETS, { metadata: SECRET });
    expect(await issue()).toEqual({ kind: "overtaken" });
    expect(atlas.creates).toBe(0);
  });

  test("where another process was first with its record", async () => {
    const { issue, atlas, scene } = rig({ onStep: (step) => void (step === "record" && scene.apply()) });
    expect(await issue()).toEqual({ kind: "overtaken" });
    expect(atlas.creates).toBe(0);
  });

  test("where the resource was deleted meanwhile", async () => {
    const { issue, atlas, cluster } = rig();
    cluster.fault = ({ verb }) => (verb === "patch status" ? kubeError("NotFound") : undefined);
    expect(await issue()).toEqual({ kind: "overtaken" });
    expect(atlas.creates).toBe(0);
  });

  test("where the record's answer got lost", async () => {
    const { issue, atlas, cluster } = rig();
    cluster.fault = ({ verb }) => (verb === "patch status" ? "answerLost" : undefined);
    await expect(issue()).rejects.toMatchObject({ reason: "Network" });
    expect(atlas.creates).toBe(0);
  });

  test("where the API server did not keep the whole record, and takes the rest back", async () => {
    const { issue, atlas, cluster, scene } = rig();
    const patch = cluster.mergePatch.bind(cluster);
    cluster.mergePatch = async (type, ref, body, options) => {
      const status = Object(Reflect.get(body, "status"));
      const issuance = Reflect.get(status, "issuance");
      const pruned = issuance ? { ...issuance, knownSerials: undefined } : issuance;
      return patch(type, ref, { ...body, status: { ...status, issuance: pruned } }, options);
    };
    // Without knownSerials this version can't even read it.
    expect(await issue()).toMatchObject({ kind: "failed", blocker: { reason: "CrdOutdated", needsPerson: true } });
    expect(atlas.creates).toBe(0);
    expect(scene.status()).not.toHaveProperty("issuance");
  });

  test.each([["record"], ["create"]] as const)("where the lease ran out before the %s", async (step) => {
    let isLeading = true;
    const { issue, atlas, scene } = rig({
      onStep: (now) => {
        if (now === step) isLeading = false;
      },
      leadership: () => () => {
        if (!isLeading) throw new Error("the lease ran out");
      },
    });
    await expect(issue()).rejects.toThrow("the lease ran out");
    expect(atlas.creates).toBe(0);
    expect(scene.status().issuance !== undefined).toBe(step === "create");
  });

  test.each([["record"], ["create"]] as const)(
    "where another may have led before the %s, though this process leads again",
    async (step) => {
      let term = 1;
      const { issue, atlas } = rig({
        onStep: (now) => {
          if (now === step) term += 1;
        },
        leadership: () => {
          const begun = term;
          return () => {
            if (term !== begun) throw new Error("another leadership");
          };
        },
      });
      await expect(issue()).rejects.toThrow("another leadership");
      expect(atlas.creates).toBe(0);
    },
  );

  test("where the shutdown began before the record", async () => {
    const stop = new AbortController();
    const { issue, atlas, scene } = rig({ onStep: (step) => void (step === "record" && stop.abort(new Error("bye"))) });
    await expect(issue(stop.signal)).rejects.toThrow("bye");
    expect(atlas.creates).toBe(0);
    expect(scene.status()).toEqual({});
  });

  test.each([
    ["not asked", { kind: "notAsked" } as const],
    ["refused", refused("RateLimited")],
  ])("where Atlas' list was %s", async (_what, atlas: Snapshot["atlas"]) => {
    await expect(rig({ atlas }).issue()).rejects.toThrow("needs Atlas' list");
  });
});

test("a shutdown after the create does not stop the write", async () => {
  const stop = new AbortController();
  const { issue, scene } = rig({ onStep: (step) => void (step === "check" && stop.abort(new Error("bye"))) });
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
  ] as const)("with %s is %s; nothing was spent and the record closes", async (kind, reason) => {
    const { issue, atlas, steps } = rig();
    atlas.createFault = () => ({ refuse: kind });
    expect(await issue()).toMatchObject({ kind: "failed", blocker: { reason }, spent: false, staysOpen: false });
    expect(steps).toEqual(["preflight", "record", "create"]);
  });

  test("without anybody knowing counts as spent, and the record stays open", async () => {
    const { issue, atlas } = rig();
    atlas.createFault = () => "answerLost";
    expect(await issue()).toMatchObject({
      kind: "failed",
      blocker: { reason: "AnswerLost" },
      spent: true,
      staysOpen: true,
      issuance: { id: "attempt-1" },
    });
    expect(atlas.creates).toBe(1);
  });

  test("with a defect leaves the record open", async () => {
    const { issue, atlas, scene } = rig();
    atlas.createDatabaseUserCertificate = () => Promise.reject(new TypeError("a defect"));
    await expect(issue()).rejects.toThrow("a defect");
    expect(scene.status()).toHaveProperty("issuance");
  });
});

describe("an answer is of no use", () => {
  const asIssued = { notBefore: new Date(NOW), notAfter: new Date(NOW + 90 * DAY_MS) };
  const pem = async (...wishes: Parameters<typeof issuePem>) => (await issuePem(...wishes)).bundle.reveal();
  const cases: readonly (readonly [string, () => Promise<string>, string])[] = [
    ["where it holds no certificate", async () => "<html>log in</html>", "it holds no CERTIFICATE block"],
    ["where it holds no key", async () => (await issuePem(asIssued)).certificatePem, "it holds no PRIVATE KEY block"],
    [
      "where key and certificate don't match",
      async () => (await issuePem(asIssued)).certificatePem + (await issuePem(asIssued)).keyPem,
      "the private key does not belong to the certificate",
    ],
    [
      "where it is another user's",
      () => pem({ ...asIssued, subject: "CN=billing" }),
      "its subject is CN=billing, not the user orders-api",
    ],
    [
      "where it has expired and never was what was asked for",
      () => pem({ notBefore: new Date(NOW - DAY_MS), notAfter: new Date(NOW - HOUR_MS) }),
      "it is valid from 2030-01-10T00:00:00.000Z to 2030-01-10T23:00:00.000Z",
    ],
    [
      "where it lives for another time than was asked for",
      () => pem({ ...asIssued, notAfter: new Date(NOW + 10 * DAY_MS) }),
      "which is not about 3 months",
    ],
  ];
  test.each(cases)("%s: nothing is written, and it counts as spent", async (_what, answer, problem) => {
    const { issue, atlas, scene, steps } = rig();
    const text = await answer();
    atlas.createFault = () => ({ answer: text });
    const outcome = await issue();
    expect(outcome).toMatchObject({
      kind: "failed",
      blocker: { reason: "AnswerUnusable", needsPerson: true, retry: { kind: "backoff" } },
      spent: true,
      staysOpen: true,
    });
    expect(outcome.kind === "failed" && outcome.blocker.message).toContain(problem);
    expect(JSON.stringify(outcome)).not.toContain("PRIVATE KEY-----");
    expect(steps.at(-1)).toBe("check");
    expect(scene.secret()).toBeUndefined();
  });
});

describe("a certificate that finds no place", () => {
  test("because its resource is gone, is let go of and told of", async () => {
    const { issue, atlas, cluster, abandoned } = rig({
      onStep: (step) => {
        if (step !== "write") return;
        cluster.fault = ({ verb }) => (verb === "create" ? kubeError("AlreadyExists") : undefined);
      },
      live: async () => undefined,
    });
    expect(await issue()).toEqual({ kind: "overtaken" });
    expect(abandoned).toEqual(atlas.issued.map(({ serialNumber }) => serialNumber));
  });
});
