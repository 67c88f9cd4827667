import { describe, expect, test } from "vitest";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import { DAY_MS, HOUR_MS } from "../../clock.ts";
import { SECRETS } from "../../kube/core-types.ts";
import { kubeError } from "./testing/memory-cluster.ts";
import { issuedScene, NAMESPACE, Scene, SECRET } from "./testing/scene.ts";

const REF = { namespace: NAMESPACE, name: "orders-api" };

describe("a new resource", () => {
  test("gets its certificate", async () => {
    const { scene } = await issuedScene();
    expect([scene.ready(), scene.stalled()]).toEqual(["True Issued", "False Issued"]);
    expect(scene.atlas.creates).toBe(1);
    expect(scene.status()).toMatchObject({
      observedGeneration: 1,
      secretName: SECRET.name,
      serialNumber: scene.serialIn(),
      revision: 1,
      unexpiredCertificates: 1,
    });
    for (const field of ["issuance", "lastAttempt", "unaccounted", "leftBehind"]) {
      expect(scene.status()).not.toHaveProperty(field);
    }
    expect(Object.keys(scene.secret()?.data ?? {})).toEqual(["tls.crt", "tls.key", "tls-combined.pem"]);
  });

  test("needs no read of a Secret that does not exist", async () => {
    const scene = new Scene();
    scene.apply();
    await scene.settle(scene.start());
    expect(scene.cluster.calls.filter(({ verb, what }) => verb === "get" && what.includes(SECRET.name))).toEqual([]);
  });

  test("costs a preflight, two status writes and one write of the Secret, in this order", async () => {
    const scene = new Scene();
    scene.apply();
    await scene.settle(scene.start());
    const made = scene.cluster.calls.filter(({ verb }) => verb !== "get");
    expect(made.map(({ verb, dryRun }) => (dryRun ? `${verb} dry run` : verb))).toEqual([
      "create dry run",
      "patch status",
      "create",
      "patch status",
    ]);
    expect(scene.reasons()).toEqual(["Issued"]);
  });

  test("causes no event of a foreign change if caches lag and only our own writes were made", async () => {
    const scene = new Scene();
    scene.apply();
    const process = scene.start();
    scene.lagging = true;
    await scene.settle(process);
    expect([scene.ready(), scene.foreignChanges]).toEqual(["True Issued", []]);
  });
});

describe("a resource at rest", () => {
  test("causes no write and no call", async () => {
    const { scene, process } = await issuedScene();
    for (let count = 0; count < 5; count++) await scene.settle(process);
    expect(scene.cluster.calls).toEqual([]);
    expect(scene.atlas.lists).toBe(1);
  });

  test("is verified by a process that has just started and does not know Atlas' time yet", async () => {
    const { scene } = await issuedScene();
    await scene.settle(scene.start());
    expect([scene.atlas.lists, scene.atlas.creates]).toEqual([2, 1]);
  });

  test("causes no write and no call to Atlas in a process that has just started and knows Atlas' time", async () => {
    const { scene } = await issuedScene();
    const process = scene.start();
    process.atlasClock.measure(new Date(scene.clock.now()), scene.clock.now());
    await scene.settle(process);
    expect(scene.cluster.calls.map(({ verb, what }) => `${verb} ${what}`)).toEqual([
      "get secrets shop/orders-api-mongodb",
      "get secrets shop/atlas-api",
    ]);
    expect(scene.atlas.lists).toBe(1);
  });

  test("is renewed in time by a process whose clock is four hours behind", async () => {
    const { scene, process } = await issuedScene();
    scene.stop(process);
    scene.clock.advanceNow(60 * DAY_MS + HOUR_MS);
    scene.clock.jumpWall(-4 * HOUR_MS);
    scene.atlas.clockOffsetMs = 4 * HOUR_MS;
    await scene.settle(scene.start());
    expect(scene.atlas.creates).toBe(2);
  });

  test("is verified every six hours, and only that time is written", async () => {
    const { scene, process } = await issuedScene();
    const next = await scene.settle(process);
    const waitMs = next.kind === "again" ? next.at - scene.clock.now() : 0;
    expect(waitMs).toBeGreaterThan(4.7 * HOUR_MS);
    expect(waitMs).toBeLessThanOrEqual(6 * HOUR_MS);
    scene.clock.advanceNow(waitMs);
    await scene.settle(process);
    expect(scene.atlas.lists).toBe(2);
    expect(scene.cluster.writes).toHaveLength(1);
    const status = Object(Reflect.get(Object(scene.cluster.writes[0]?.body), "status"));
    expect(Object.keys(status)).toEqual(["lastVerifiedTime"]);
  });

  test("costs five lists and five status writes a day", async () => {
    const { scene, process } = await issuedScene();
    await scene.run(process, { forMs: 10 * DAY_MS });
    const lists = scene.atlas.lists - 1;
    expect(lists).toBeGreaterThanOrEqual(40);
    expect(lists).toBeLessThanOrEqual(50);
    expect(scene.cluster.writes).toHaveLength(lists);
    expect(scene.events).toEqual([]);
  });
});

test("a certificate is renewed at two thirds of its lifetime again and again, and Ready stays True all the time", async () => {
  const scene = new Scene();
  scene.atlas.lifetimeMs = 30 * DAY_MS;
  scene.apply({ monthsUntilExpiration: 1 });
  const process = scene.start();
  await scene.settle(process);
  const ready = new Set<string>();
  await scene.run(process, { forMs: 45 * DAY_MS, everyMs: DAY_MS, happens: () => void ready.add(scene.ready()) });
  expect([...ready]).toEqual(["True Issued"]);
  expect(scene.atlas.creates).toBe(3);
  expect(scene.serialIn()).toBe(scene.atlas.issued.at(-1)?.serialNumber);
  expect(scene.reasons()).toEqual(["Issued", "Issued", "Issued"]);
});

describe("a resource is left alone", () => {
  test("if it is being deleted, or is gone", async () => {
    const scene = new Scene();
    scene.apply();
    const process = scene.start();
    scene.markDeleting();
    expect(await scene.settle(process)).toEqual({ kind: "done" });
    scene.cluster.remove(USER_CERTIFICATE, REF);
    expect(await scene.reconcile(process)).toEqual({ kind: "done" });
    expect(scene.cluster.calls).toEqual([]);
  });

  test("if this version cannot parse it", async () => {
    const scene = new Scene();
    scene.apply();
    const process = scene.start();
    scene.cluster.put(USER_CERTIFICATE, { metadata: REF });
    scene.cluster.calls.length = 0;
    expect(await scene.settle(process)).toEqual({ kind: "done" });
    expect(scene.cluster.calls).toEqual([]);
    expect(scene.logged.at(-1)).toContain(
      "cannot parse this AtlasUserCertificate: its CRD belongs to a different operator version",
    );
  });

  test("while it is suspended, until the certificate expires and Ready turns False", async () => {
    const { scene, process } = await issuedScene();
    scene.apply({ suspend: true });
    await scene.settle(process);
    expect(scene.ready()).toBe("True Suspended");
    scene.cluster.calls.length = 0;
    await scene.run(process, { forMs: 89 * DAY_MS });
    expect([scene.atlas.lists, scene.ready()]).toEqual([1, "True Suspended"]);
    await scene.run(process, { forMs: 2 * DAY_MS });
    expect([scene.atlas.lists, scene.atlas.creates, scene.ready()]).toEqual([1, 1, "False Suspended"]);
    expect(scene.condition("Ready").message).toMatch(/^Certificate \d+ expired at /);
  });
});

test("the next reconcile goes before others by the hours until the certificate expires", async () => {
  const { scene, process } = await issuedScene({ suspend: false });
  const priority = async () => {
    const outcome = await scene.settle(process);
    return outcome.kind === "again" ? (outcome.priority ?? 0) : Number.NaN;
  };
  const early = await priority();
  scene.clock.advanceNow(50 * DAY_MS);
  const late = await priority();
  expect(late).toBeGreaterThan(0);
  expect(Math.round((early - late) / 24)).toBe(50);
});

test("Ready turns False at notAfter, to the second, if no renewal is possible", async () => {
  const { scene, process } = await issuedScene();
  scene.apply({ credentialsRef: { name: "elsewhere" } });
  const notAfterMs = Date.parse(scene.status().notAfter ?? "");
  await scene.run(process, { forMs: notAfterMs - 1 - scene.clock.now() });
  expect(scene.ready()).toBe("True CredentialsMissing");
  await scene.run(process, { forMs: 1002 });
  expect([scene.ready(), scene.stalled()]).toEqual(["False CredentialsMissing", "True CredentialsMissing"]);
});

describe("while caches lag", () => {
  test("a foreign Secret that they have not seen yet stops the attempt before Atlas is asked for a certificate", async () => {
    const scene = new Scene();
    scene.apply();
    const process = scene.start();
    scene.lagging = true;
    scene.cluster.put(SECRETS, { metadata: SECRET, data: {} }, "kubectl");
    await scene.reconcile(process);
    scene.clock.advanceNow(60_000);
    await scene.reconcile(process);
    expect(scene.ready()).toBe("False SecretForeign");
    expect(scene.atlas.creates).toBe(0);
  });

  test("Atlas is asked at most once a second although someone else has changed the resource", async () => {
    const { scene, process } = await issuedScene();
    scene.lagging = true;
    scene.apply({}, { renewRequest: "a" });
    scene.cluster.remove(SECRETS, SECRET);
    const waits: number[] = [];
    for (let count = 0; count < 5; count++) {
      const outcome = await scene.reconcile(process);
      waits.push((outcome.kind === "again" ? outcome.at : 0) - scene.clock.now());
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1000);
  });
});

test("no key material leaves the process by log, Event or status", async () => {
  const { scene, process } = await issuedScene();
  scene.changeSecret((secret) => ({ ...secret, data: { ...secret.data, "tls.crt": secret.data?.["tls.key"] ?? "" } }));
  await scene.settle(process);
  scene.cluster.fault = ({ verb, dryRun }) => (verb === "patch" && !dryRun ? kubeError("Network") : undefined);
  scene.apply({}, { renewRequest: "a" });
  await scene.reconcile(process);
  expect(process.parked.size).toBe(1);
  const told = JSON.stringify([
    scene.logged,
    scene.events,
    scene.status(),
    scene.cluster.calls.filter(({ what }) => !what.startsWith("secrets")),
  ]);
  for (const key of ["tls.key", "tls-combined.pem"]) {
    const base64 = scene.secret()?.data?.[key] ?? "-";
    expect(told).not.toContain(base64.slice(40, 80));
    expect(told).not.toContain(Buffer.from(base64, "base64").toString().split("\n")[1]?.slice(0, 30));
  }
  expect(told).not.toContain("PRIVATE KEY");
});
