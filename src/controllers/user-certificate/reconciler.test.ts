import { X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import { MANAGED_LABEL, SECRET_ANNOTATIONS } from "../../api/names.ts";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import { DeadlineReached, untilAborted } from "../../deadline.ts";
import { SECRETS } from "../../kube/core-types.ts";
import type { AtlasApi } from "./atlas/atlas-access.ts";
import { atlasError } from "./testing/memory-atlas.ts";
import { kubeError } from "./testing/memory-cluster.ts";
import { DAY_MS, HOUR_MS, NOW } from "./testing/snapshots.ts";
import { CREDENTIALS, NAMESPACE, Scene, SECRET } from "./testing/scene.ts";

/** The serial number of the certificate in the Secret. */
function serialIn(scene: Scene): string | undefined {
  const pem = scene.secret()?.data?.["tls.crt"];
  if (pem === undefined) return undefined;
  return BigInt(`0x${new X509Certificate(Buffer.from(pem, "base64")).serialNumber}`).toString();
}

const events = (scene: Scene) => scene.events.map(({ reason }) => reason);

/** A scene whose resource has its certificate. */
async function issuedScene(spec: Parameters<Scene["apply"]>[0] = {}) {
  const scene = new Scene();
  scene.apply(spec);
  const process = scene.start();
  await scene.settle(process);
  scene.events.length = 0;
  scene.cluster.calls.length = 0;
  return { scene, process };
}

describe("a writer that puts the Secret of last season back again and again", () => {
  test.each([
    ["whose certificate is due", async (scene: Scene) => scene.clock.advance(61 * DAY_MS)],
    [
      "whose certificate Atlas lists no longer",
      async (scene: Scene) => {
        scene.atlas.issued.length = 0;
        await scene.clock.advance(7 * HOUR_MS);
      },
    ],
  ])("%s, gets two new ones a day", async (_what, pass) => {
    const { scene, process } = await issuedScene();
    const old = structuredClone(scene.secret());
    await pass(scene);
    for (let look = 0; look < 3; look++) {
      await scene.settle(process);
      await scene.clock.advance(2 * 60_000);
    }
    expect(scene.atlas.creates).toBe(2);
    for (let quarter = 0; quarter < 80; quarter++) {
      scene.changeSecret((secret) => ({
        ...secret,
        ...(old?.data !== undefined && { data: old.data }),
        metadata: { ...secret.metadata, annotations: { ...old?.metadata.annotations } },
      }));
      await scene.settle(process);
      await scene.clock.advance(HOUR_MS / 4);
    }
    expect(scene.atlas.creates).toBe(4);
    expect(scene.ready()).toContain("SecretContended");
  });
});

test("a user that is gone at Atlas can't log in: Ready is False until Atlas lists the certificate again", async () => {
  const { scene, process } = await issuedScene();
  scene.clock.advanceNow(7 * HOUR_MS);
  scene.atlas.listFault = () => atlasError("userNotFound");
  await scene.settle(process);
  expect(scene.ready()).toBe("False UserNotFound");
  scene.atlas.listFault = () => undefined;
  scene.clock.advanceNow(10_000);
  await scene.settle(process);
  expect(scene.ready()).toBe("True Issued");
  expect(scene.atlas.creates).toBe(1);
});

test("a fight over labels does not keep Atlas' list from being asked", async () => {
  const { scene, process } = await issuedScene();
  scene.atlas.issued.length = 0;
  const end = scene.clock.now() + 7 * HOUR_MS;
  for (let look = 0; scene.clock.now() < end; look++) {
    const labels = { other: String(look) };
    scene.changeSecret((secret) => ({ ...secret, metadata: { ...secret.metadata, labels } }), "argocd");
    const outcome = await process.reconciler.reconcile(`${NAMESPACE}/orders-api`, AbortSignal.timeout(5000));
    if (outcome.kind === "again") scene.clock.advanceNow(Math.max(outcome.at - scene.clock.now(), 0));
  }
  expect(scene.atlas.creates).toBe(2);
});

test("a repair is not put off while Atlas does not answer", async () => {
  const { scene, process } = await issuedScene();
  scene.clock.advanceNow(7 * HOUR_MS);
  scene.atlas.listFault = () => atlasError("unavailable");
  scene.changeSecret((secret) => ({ ...secret, metadata: { ...secret.metadata, labels: {} } }), "argocd");
  await scene.settle(process);
  expect(scene.secret()?.metadata.labels).toHaveProperty([MANAGED_LABEL]);
  expect(scene.ready()).toBe("True AtlasUnavailable");
});

test("a renewal that is asked for early in a short month comes no more often than every third of the lifetime", async () => {
  const scene = new Scene();
  scene.atlas.lifetimeMs = 28 * DAY_MS;
  scene.apply({ monthsUntilExpiration: 1, renewBefore: "671h" });
  const process = scene.start();
  for (let hour = 0; hour < 10 * 24; hour++) {
    await scene.settle(process);
    scene.clock.advanceNow(HOUR_MS);
  }
  expect(scene.atlas.creates).toBe(2);
});

test("an annotation that names another user is put right, and costs no certificate", async () => {
  const { scene, process } = await issuedScene();
  scene.changeSecret((secret) => ({
    ...secret,
    metadata: {
      ...secret.metadata,
      annotations: { ...secret.metadata.annotations, [SECRET_ANNOTATIONS.username]: "Orders-api" },
    },
  }));
  await scene.settle(process);
  expect(scene.atlas.creates).toBe(1);
  expect(scene.ready()).toBe("True Issued");
  expect(scene.secret()?.metadata.annotations).toMatchObject({ [SECRET_ANNOTATIONS.username]: "orders-api" });
});

describe("a new resource", () => {
  test("gets its certificate", async () => {
    const { scene } = await issuedScene();
    expect(scene.ready()).toBe("True Issued");
    expect(scene.atlas.creates).toBe(1);
    expect(scene.status()).toMatchObject({
      serialNumber: serialIn(scene),
      revision: 1,
      unexpiredCertificates: 1,
      unaccountedCertificates: 0,
    });
    expect(scene.status()).not.toHaveProperty("issuance");
    expect(Object.keys(scene.secret()?.data ?? {})).toEqual(["tls.crt", "tls.key", "tls-combined.pem"]);
  });

  test("needs no read of a Secret that is not there", async () => {
    const scene = new Scene();
    scene.apply();
    await scene.settle(scene.start());
    expect(scene.cluster.calls.filter(({ verb, what }) => verb === "get" && what.includes(SECRET.name))).toEqual([]);
  });

  test("costs a preflight, two status writes and one Secret, in this order", async () => {
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
    expect(events(scene)).toEqual(["Issued"]);
  });

  test("is told of no change of others where caches lag behind and only our own writes were made", async () => {
    const scene = new Scene();
    scene.apply();
    const process = scene.start();
    scene.lagging = true;
    await scene.settle(process);
    expect([scene.ready(), scene.foreignChanges]).toEqual(["True Issued", []]);
  });

  test("is left alone once it has its certificate", async () => {
    const { scene, process } = await issuedScene();
    for (let look = 0; look < 5; look++) await scene.settle(process);
    expect(scene.cluster.writes).toEqual([]);
    expect(scene.cluster.calls).toEqual([]);
    expect(scene.atlas.lists).toBe(1);
  });

  test("is looked at when Atlas' list is due, and nothing is written but that time", async () => {
    const { scene, process } = await issuedScene();
    const next = await scene.settle(process);
    const at = next.kind === "again" ? next.at : 0;
    expect(at).toBeGreaterThan(NOW + 4 * HOUR_MS);
    scene.clock.advanceNow(at - scene.clock.now());
    await scene.settle(process);
    expect(scene.atlas.lists).toBe(2);
    expect(scene.cluster.writes).toHaveLength(1);
    expect(scene.cluster.writes[0]?.body).toMatchObject({ status: { lastVerifiedTime: expect.any(String) } });
    expect(Object.keys(Object(Reflect.get(Object(scene.cluster.writes[0]?.body), "status")))).toEqual([
      "lastVerifiedTime",
    ]);
  });

  test("that is being deleted or that is not there is none of its business", async () => {
    const scene = new Scene();
    scene.apply();
    const process = scene.start();
    const deletionTimestamp = "2030-01-01T00:00:00Z";
    const live = scene.cluster.peek(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" });
    scene.cluster.put(USER_CERTIFICATE, { ...live, metadata: { ...live?.metadata, deletionTimestamp } });
    expect(await scene.settle(process)).toEqual({ kind: "done" });
    scene.cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" });
    expect(await process.reconciler.reconcile("shop/orders-api", AbortSignal.timeout(1000))).toEqual({ kind: "done" });
    expect(scene.cluster.calls).toEqual([]);
  });
});

describe("issues again", () => {
  test("when the Secret was deleted", async () => {
    const { scene, process } = await issuedScene();
    scene.cluster.remove(SECRETS, SECRET);
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(2);
    expect(serialIn(scene)).toBe(scene.atlas.issued[1]?.serialNumber);
    expect(scene.status()).toMatchObject({ revision: 2, unexpiredCertificates: 2, unaccountedCertificates: 0 });
  });

  test("when the Secret lost its key, and leaves what others put into it", async () => {
    const { scene, process } = await issuedScene();
    scene.changeSecret(({ data = {}, ...rest }) => {
      const { "tls.key": _lost, ...left } = data;
      return { ...rest, data: { ...left, "ca.crt": "eA==" } };
    });
    await scene.settle(process);
    expect(serialIn(scene)).toBe(scene.atlas.issued[1]?.serialNumber);
    expect(scene.secret()?.data).toMatchObject({ "ca.crt": "eA==", "tls.key": expect.any(String) });
  });

  test("at the renewal time, and not before", async () => {
    const { scene, process } = await issuedScene();
    const renewalMs = Date.parse(scene.status().renewalTime ?? "");
    scene.clock.advanceNow(renewalMs - 1000 - scene.clock.now());
    await process.reconciler.reconcile("shop/orders-api", AbortSignal.timeout(5000));
    expect(scene.atlas.creates).toBe(1);
    scene.clock.advanceNow(1000);
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(2);
    expect(scene.events.at(-1)?.note).toContain("(NearingExpiry)");
  });

  test("when the username changed, for the new one", async () => {
    const { scene, process } = await issuedScene();
    scene.apply({ username: "CN=reports,OU=analytics" });
    await scene.settle(process);
    expect(scene.atlas.issued[1]?.username).toBe("CN=reports,OU=analytics");
    expect(scene.secret()?.metadata.annotations?.[SECRET_ANNOTATIONS.username]).toBe("CN=reports,OU=analytics");
    expect(scene.ready()).toBe("True Issued");
  });

  test("when Atlas no longer lists the certificate", async () => {
    const { scene, process } = await issuedScene();
    scene.atlas.issued.length = 0;
    scene.clock.advanceNow(6 * HOUR_MS);
    const first = await scene.settle(process);
    expect(scene.atlas.creates).toBe(1);
    expect(scene.ready()).toBe("False NotListedByAtlas");
    expect(first.kind === "again" ? first.at - scene.clock.now() : undefined).toBe(60_000);
    scene.clock.advanceNow(60_000);
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(2);
    expect(scene.ready()).toBe("True Issued");
  });

  test("not because of one list that is empty", async () => {
    const { scene, process } = await issuedScene();
    const all = scene.atlas.issued.splice(0);
    scene.clock.advanceNow(6 * HOUR_MS);
    await scene.settle(process);
    scene.atlas.issued.push(...all);
    scene.clock.advanceNow(60_000);
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(1);
    expect(scene.ready()).toBe("True Issued");
  });

  test("once for each renew request", async () => {
    const { scene, process } = await issuedScene();
    for (const value of ["a", "a", "b", ""]) {
      scene.apply({}, { renewRequest: value });
      await scene.settle(process);
    }
    expect(scene.atlas.creates).toBe(4);
    expect(scene.status().renewRequest).toBe("");
  });

  test("when the Secret got another name, and leaves the old one where it is", async () => {
    const { scene, process } = await issuedScene();
    const before = scene.secret();
    scene.apply({ secretName: "elsewhere" });
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(2);
    expect(scene.secret()).toEqual(before);
    expect(scene.secret({ namespace: NAMESPACE, name: "elsewhere" })?.data).toHaveProperty(["tls.key"]);
  });
});

describe("keeps the certificate and mends the Secret", () => {
  test("when a label was taken away, another's changed, and a format is gone", async () => {
    const { scene, process } = await issuedScene({ secretTemplate: { labels: { app: "orders" } } });
    scene.changeSecret((secret) => ({
      ...secret,
      metadata: { ...secret.metadata, labels: { app: "billing", team: "x" } },
      data: { ...secret.data, "tls-combined.pem": "eA==" },
    }));
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(1);
    expect(scene.secret()?.metadata.labels).toEqual({ [MANAGED_LABEL]: "true", app: "orders", team: "x" });
    expect(Buffer.from(scene.secret()?.data?.["tls-combined.pem"] ?? "", "base64").toString()).toContain("PRIVATE KEY");
    expect(events(scene)).toEqual(["Repaired"]);
  });

  test("when the template no longer asks for a label, that label alone", async () => {
    const { scene, process } = await issuedScene({ secretTemplate: { labels: { app: "orders", team: "x" } } });
    scene.apply({ secretTemplate: { labels: { app: "orders" } } });
    await scene.settle(process);
    expect(scene.secret()?.metadata.labels).toEqual({ [MANAGED_LABEL]: "true", app: "orders" });
  });

  test("with an owner reference or without, as the deletion policy says", async () => {
    const { scene, process } = await issuedScene();
    scene.apply({ deletionPolicy: "Delete" });
    await scene.settle(process);
    expect(scene.secret()?.metadata.ownerReferences).toMatchObject([{ name: "orders-api", uid: scene.resource().uid }]);
    scene.apply({ deletionPolicy: "Retain" });
    await scene.settle(process);
    expect(scene.secret()?.metadata.ownerReferences).toEqual([]);
  });

  test("until another writer has overwritten it five times in an hour", async () => {
    const { scene, process } = await issuedScene();
    for (let fight = 0; fight < 10; fight++) {
      scene.changeSecret((secret) => ({ ...secret, metadata: { ...secret.metadata, labels: {} } }), "argocd");
      await scene.settle(process);
    }
    expect(scene.cluster.writes.filter(({ what }) => what.startsWith("secrets"))).toHaveLength(5);
    expect(scene.ready()).toBe("True SecretContended");
    expect(scene.status().conditions?.find(({ type }) => type === "Stalled")).toMatchObject({
      status: "True",
      message: expect.stringContaining("by argocd"),
    });
    expect(scene.atlas.creates).toBe(1);
  });
});

describe("stops after the data was damaged twice in a day", () => {
  async function fight() {
    const { scene, process } = await issuedScene();
    const damage = async () => {
      scene.changeSecret((secret) => ({ ...secret, data: { "tls.crt": "eA==", "tls.key": "eA==" } }), "argocd");
      await scene.settle(process);
    };
    for (let round = 0; round < 6; round++) await damage();
    return { scene, process, damage };
  }

  test("and issues no more", async () => {
    const { scene } = await fight();
    expect(scene.atlas.creates).toBe(3);
    expect(scene.ready()).toBe("False SecretContended");
  });

  test("until a renewal is requested", async () => {
    const { scene, process } = await fight();
    scene.apply({}, { renewRequest: "a" });
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(4);
    expect(scene.ready()).toBe("True Issued");
  });
});

describe("takes a Secret over that was there before its resource", () => {
  async function restored(options: { readonly renewRequest?: string } = {}) {
    const { scene } = await issuedScene();
    // The cluster is another one: the resource has another uid and no status.
    scene.cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" });
    scene.apply({}, { uid: "uid-of-another-life", ...options });
    scene.cluster.calls.length = 0;
    const process = scene.start();
    await scene.settle(process);
    return { scene, process };
  }

  test("without issuing", async () => {
    const { scene } = await restored();
    expect(scene.atlas.creates).toBe(1);
    expect(scene.ready()).toBe("True Issued");
    expect(scene.status()).toMatchObject({ revision: 1, serialNumber: serialIn(scene), unaccountedCertificates: 0 });
    expect(scene.secret()?.metadata.annotations?.[SECRET_ANNOTATIONS.certificateUid]).toBe("uid-of-another-life");
  });

  test("although an old renew request is in the backup, and acts on the next one", async () => {
    const { scene, process } = await restored({ renewRequest: "old" });
    expect(scene.atlas.creates).toBe(1);
    scene.apply({}, { renewRequest: "new" });
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(2);
  });

  test("but issues where Atlas does not list it", async () => {
    const { scene } = await issuedScene();
    scene.cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" });
    scene.apply({}, { uid: "uid-of-another-life" });
    scene.atlas.issued.length = 0;
    const process = scene.start();
    await scene.settle(process);
    scene.clock.advanceNow(60_000);
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(2);
  });
});

describe("never touches", () => {
  test("a foreign Secret of that name", async () => {
    const scene = new Scene();
    scene.apply();
    const foreign = scene.cluster.put(SECRETS, { metadata: { ...SECRET, labels: { app: "x" } }, data: { a: "eA==" } });
    await scene.settle(scene.start());
    expect(scene.secret()).toEqual(foreign);
    expect(scene.atlas.creates).toBe(0);
    expect(scene.ready()).toBe("False SecretForeign");
    expect(events(scene)).toEqual(["SecretForeign"]);
  });

  test("a foreign Secret that appears between the look and the write, and loses no certificate for it", async () => {
    const scene = new Scene();
    scene.apply();
    let isThere = false;
    const process = scene.start({
      onStep: (step) => {
        if (step !== "write") return;
        isThere = true;
        scene.cluster.put(SECRETS, { metadata: SECRET, data: { a: "eA==" } });
      },
    });
    // Somebody takes it away after a while; until then the certificate waits in memory.
    let refused = 0;
    scene.cluster.fault = ({ verb, what, dryRun }) => {
      if (isThere && verb === "create" && !dryRun && what.startsWith("secrets") && ++refused === 3) {
        scene.cluster.remove(SECRETS, SECRET);
      }
      return undefined;
    };
    // A foreign Secret is not even tried to be written: only its disappearance helps.
    let gets = 0;
    const fault = scene.cluster.fault;
    scene.cluster.fault = (call) => {
      if (isThere && call.verb === "get" && call.what.includes(SECRET.name) && ++gets === 3) {
        scene.cluster.remove(SECRETS, SECRET);
      }
      return fault(call);
    };
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(1);
    expect(serialIn(scene)).toBe(scene.atlas.issued[0]?.serialNumber);
    expect(scene.ready()).toBe("True Issued");
  });

  test("a Secret that an older resource wants too, and says by whom", async () => {
    const { scene, process } = await issuedScene();
    scene.apply({ username: "billing" }, { name: "younger" });
    await scene.settle(process, "younger");
    expect(scene.ready("younger")).toBe("False SecretClaimedTwice");
    expect(scene.status("younger")).not.toHaveProperty("serialNumber");
    expect(scene.status("younger").conditions?.[0]?.message).toContain("AtlasUserCertificate orders-api.");
    expect(scene.atlas.creates).toBe(1);
  });
});

describe("where Atlas refuses", () => {
  test("says why, waits, and goes on by itself once it is mended", async () => {
    const scene = new Scene();
    scene.apply();
    scene.atlas.listFault = () => atlasError("userNotFound");
    const process = scene.start();
    const next = await scene.settle(process);
    expect(scene.ready()).toBe("False UserNotFound");
    expect(next.kind === "again" && next.at).toBe(Date.parse(scene.status().nextAttemptTime ?? ""));
    scene.atlas.listFault = () => undefined;
    scene.clock.advanceNow(6000);
    await scene.settle(process);
    expect(scene.ready()).toBe("True Issued");
    expect(scene.status()).not.toHaveProperty("failedAttempts");
  });

  test("does not ask again while the backoff runs", async () => {
    const scene = new Scene();
    scene.apply();
    scene.atlas.listFault = () => atlasError("unavailable");
    const process = scene.start();
    await scene.settle(process);
    scene.cluster.calls.length = 0;
    for (let look = 0; look < 5; look++) await scene.settle(process);
    expect(scene.atlas.lists).toBe(1);
    expect(scene.cluster.writes).toEqual([]);
  });

  test("asks at once when the spec or the credentials change", async () => {
    const scene = new Scene();
    scene.apply();
    scene.atlas.listFault = () => atlasError("credentials");
    const process = scene.start();
    await scene.settle(process);
    scene.atlas.listFault = () => undefined;
    scene.cluster.put(SECRETS, { metadata: CREDENTIALS, data: { clientId: "eA==", clientSecret: "eQ==" } });
    await scene.settle(process);
    expect(scene.ready()).toBe("True Issued");
  });

  test("stays Ready through it, with the blocker named, as long as the certificate lasts", async () => {
    const { scene, process } = await issuedScene();
    scene.atlas.listFault = () => atlasError("unavailable");
    scene.clock.advanceNow(DAY_MS);
    await scene.settle(process);
    expect(scene.ready()).toBe("True AtlasUnavailable");
  });

  test("the record of the attempt is closed, for nothing was created", async () => {
    const scene = new Scene();
    scene.apply();
    scene.atlas.createFault = () => ({ refuse: "customerManagedOn" });
    await scene.settle(scene.start());
    expect(scene.ready()).toBe("False CustomerManagedX509On");
    expect(scene.status()).not.toHaveProperty("issuance");
    expect(scene.status()).not.toHaveProperty("recentIssuances");
  });
});

describe("where Atlas never answers", () => {
  /** Ends as the client of Atlas does: a time limit is its blocker, anything else is the caller's will. */
  const silentAtlas: AtlasApi = {
    createDatabaseUserCertificate: () => Promise.reject(new Error("nothing may be created without a list")),
    async *iterateDatabaseUserCertificates(_user, { signal } = {}) {
      await untilAborted(new Promise(() => {}), signal ?? AbortSignal.abort()).catch((reason: unknown) => {
        throw atlasError(reason instanceof DeadlineReached ? "unavailable" : "aborted");
      });
    },
  };

  test("it shows before the queue's patience ends, with the certificate that expired meanwhile", async () => {
    const { scene } = await issuedScene();
    await scene.clock.advance(91 * DAY_MS);
    const look = scene
      .start({ atlas: silentAtlas })
      .reconciler.reconcile("shop/orders-api", new AbortController().signal);
    await scene.clock.advance(75_000);
    expect(await look).toMatchObject({ kind: "again" });
    expect(scene.ready()).toBe("False AtlasUnavailable");
    expect(scene.status().conditions?.[0]?.message).toMatch(/^The certificate expired at /);
    expect(scene.status().failedAttempts).toBe(1);
  });

  test("it shows even where the queue's patience ends first", async () => {
    const { scene } = await issuedScene();
    await scene.clock.advance(91 * DAY_MS);
    const limit = new AbortController();
    const look = scene.start({ atlas: silentAtlas }).reconciler.reconcile("shop/orders-api", limit.signal);
    await scene.clock.advance(1000);
    limit.abort(new DeadlineReached(120_000));
    await look;
    expect(scene.ready()).toBe("False AtlasUnavailable");
  });

  test("a look that was called off, as by a lost lease, ends without a word", async () => {
    const { scene } = await issuedScene();
    await scene.clock.advance(91 * DAY_MS);
    const leave = new AbortController();
    const look = scene.start({ atlas: silentAtlas }).reconciler.reconcile("shop/orders-api", leave.signal);
    await scene.clock.advance(1000);
    leave.abort(new Error("the lease is lost"));
    await expect(look).rejects.toMatchObject({ kind: "aborted" });
    expect(scene.cluster.writes).toEqual([]);
  });
});

describe("where the Secret can't be read", () => {
  /** A scene in which the Secret changed, so that it has to be read, and the API server does not let it. */
  async function unreadable(reason: Parameters<typeof kubeError>[0]) {
    const { scene, process } = await issuedScene();
    scene.changeSecret((secret) => ({
      ...secret,
      metadata: { ...secret.metadata, labels: { ...secret.metadata.labels, a: "b" } },
    }));
    const status = scene.status();
    scene.cluster.fault = ({ verb, what }) =>
      verb === "get" && what.includes(SECRET.name) ? kubeError(reason, "it can't be read") : undefined;
    const look = () => process.reconciler.reconcile("shop/orders-api", new AbortController().signal);
    return { scene, look, status };
  }

  test("the look fails, and the status stays as it is while the certificate is valid", async () => {
    const { scene, look, status } = await unreadable("Forbidden");
    await scene.clock.advance(89 * DAY_MS);
    await expect(look()).rejects.toMatchObject({ reason: "Forbidden" });
    expect(scene.status()).toEqual(status);
    expect(events(scene)).toEqual([]);
  });

  test.each([
    ["Forbidden", "True", "Give the operator the rights of its chart"],
    ["Unavailable", "False", "It is tried again by itself."],
  ] as const)(
    "(%s) it is not Ready once the certificate has expired, and says what is in the way",
    async (reason, stalled, step) => {
      const { scene, look, status } = await unreadable(reason);
      await scene.clock.advance(90 * DAY_MS + HOUR_MS);
      await expect(look()).rejects.toMatchObject({ reason });
      expect(scene.ready()).toBe("False Expired");
      const [ready] = scene.status().conditions ?? [];
      expect(ready?.message).toMatch(/^The certificate expired at 20.*it can't be read/);
      expect(ready?.message).toContain(step);
      expect(scene.status().conditions?.[2]).toMatchObject({ type: "Stalled", status: stalled });
      expect({ ...scene.status(), conditions: [] }).toEqual({ ...status, conditions: [] });
      expect(events(scene)).toEqual(["Expired"]);
    },
  );

  test("the expiry is told once, and the next certificate is issued as soon as it can be read", async () => {
    const { scene, look } = await unreadable("Forbidden");
    await scene.clock.advance(90 * DAY_MS + HOUR_MS);
    for (let count = 0; count < 3; count++) await expect(look()).rejects.toMatchObject({ reason: "Forbidden" });
    expect(scene.cluster.writes).toHaveLength(1);
    expect(events(scene)).toEqual(["Expired"]);
    scene.cluster.fault = () => undefined;
    await look();
    expect(scene.ready()).toBe("True Issued");
  });

  test("nothing is told by whoever was told to stop", async () => {
    const { scene } = await unreadable("Forbidden");
    await scene.clock.advance(90 * DAY_MS + HOUR_MS);
    const look = scene
      .start()
      .reconciler.reconcile("shop/orders-api", AbortSignal.abort(new Error("the lease is lost")));
    await expect(look).rejects.toThrow();
    expect(scene.ready()).toBe("True Issued");
  });
});

describe("where the answer to a create got lost", () => {
  async function lost() {
    const scene = new Scene();
    scene.apply();
    scene.atlas.createFault = (create) => (create === 1 ? "answerLost" : undefined);
    const process = scene.start();
    await scene.settle(process);
    return { scene, process };
  }

  test("leaves the record open and does not create again at once", async () => {
    const { scene } = await lost();
    expect(scene.ready()).toBe("False AnswerLost");
    expect(scene.atlas.creates).toBe(1);
    expect(scene.status()).toMatchObject({
      issuance: { knownSerials: [] },
      recentIssuances: [{ reason: "AnswerLost" }],
    });
  });

  test("counts the orphan, tells of it once, and issues after the backoff", async () => {
    const { scene, process } = await lost();
    scene.clock.advanceNow(6000);
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(2);
    expect(scene.ready()).toBe("True Issued");
    expect(scene.status()).toMatchObject({ unexpiredCertificates: 2, unaccountedCertificates: 1 });
    expect(events(scene)).toEqual(["AnswerLost", "CertificateOrphaned", "Issued"]);
    expect(scene.status().recentIssuances).toHaveLength(2);
  });
});

describe("where the answer to a create is of no use", () => {
  test.each([
    ["rubbish", "<html></html>", "it holds no CERTIFICATE block"],
    ["nothing", "", "it holds no CERTIFICATE block"],
  ])("says why (%s), and waits", async (_what, answer, problem) => {
    const scene = new Scene();
    scene.apply();
    scene.atlas.createFault = (create) => (create === 1 ? { answer } : undefined);
    const process = scene.start();
    await scene.settle(process);
    expect(scene.ready()).toBe("False AnswerUnusable");
    expect(scene.status().conditions?.[0]?.message).toContain(problem);
    expect(scene.atlas.creates).toBe(1);
    scene.clock.advanceNow(HOUR_MS + 1000);
    await scene.settle(process);
    expect(scene.ready()).toBe("True Issued");
  });

  test("spends no more than four a day", async () => {
    const scene = new Scene();
    scene.apply();
    scene.atlas.createFault = () => ({ answer: "rubbish" });
    const process = scene.start();
    for (let look = 0; look < 30; look++) {
      await scene.settle(process);
      scene.clock.advanceNow(10 * 60_000);
    }
    expect(scene.atlas.creates).toBe(4);
    expect(scene.ready()).toBe("False IssuanceBudgetSpent");
  });
});

describe("where the Secret can't be written", () => {
  test("nothing is created, and the API server's words are told", async () => {
    const scene = new Scene();
    scene.apply();
    scene.cluster.fault = ({ verb, dryRun }) =>
      verb === "create" && dryRun ? kubeError("Forbidden", "exceeded quota: secrets") : undefined;
    await scene.settle(scene.start());
    expect(scene.atlas.creates).toBe(0);
    expect(scene.ready()).toBe("False SecretNotWritable");
    expect(scene.status().conditions?.[0]?.message).toContain("exceeded quota: secrets");
  });

  test("because somebody else made it meanwhile, it is looked at again without a word", async () => {
    const scene = new Scene();
    scene.apply();
    let faults = 0;
    scene.cluster.fault = ({ dryRun }) => (dryRun && ++faults === 1 ? kubeError("AlreadyExists") : undefined);
    await scene.settle(scene.start());
    expect(scene.ready()).toBe("True Issued");
    expect(events(scene)).toEqual(["Issued"]);
  });

  test("once the certificate is there, it is tried until it is written", async () => {
    const scene = new Scene();
    scene.apply();
    let failures = 0;
    scene.cluster.fault = ({ verb, what, dryRun }) =>
      verb === "create" && what.startsWith("secrets") && !dryRun && ++failures <= 20
        ? kubeError("Forbidden")
        : undefined;
    await scene.settle(scene.start());
    expect(failures).toBe(21);
    expect(scene.atlas.creates).toBe(1);
    expect(scene.ready()).toBe("True Issued");
  });
});

describe("while its caches lag", () => {
  test("a Secret that they have not seen yet stops it before Atlas is asked for a certificate", async () => {
    const scene = new Scene();
    scene.apply();
    const process = scene.start();
    scene.lagging = true;
    scene.cluster.put(SECRETS, { metadata: SECRET, data: {} }, "kubectl");
    await process.reconciler.reconcile("shop/orders-api", AbortSignal.timeout(5000));
    scene.clock.advanceNow(60_000);
    await process.reconciler.reconcile("shop/orders-api", AbortSignal.timeout(5000));
    expect(scene.ready()).toBe("False SecretForeign");
    expect(scene.atlas.creates).toBe(0);
  });

  test("does not ask Atlas without a pause when somebody else changed the resource", async () => {
    const { scene, process } = await issuedScene();
    scene.lagging = true;
    scene.apply({}, { renewRequest: "a" });
    scene.cluster.remove(SECRETS, SECRET);
    const at: number[] = [];
    for (let look = 0; look < 5; look++) {
      const outcome = await process.reconciler.reconcile("shop/orders-api", AbortSignal.timeout(5000));
      at.push((outcome.kind === "again" ? outcome.at : 0) - scene.clock.now());
    }
    expect(Math.min(...at)).toBeGreaterThanOrEqual(1000);
  });
});

test("a resource that this version can't read is left alone", async () => {
  const scene = new Scene();
  scene.apply();
  const process = scene.start();
  scene.cluster.put(USER_CERTIFICATE, { metadata: { namespace: NAMESPACE, name: "orders-api" } });
  scene.cluster.calls.length = 0;
  expect(await scene.settle(process)).toEqual({ kind: "done" });
  expect(scene.cluster.calls).toEqual([]);
  expect(scene.logged.at(-1)).toContain("can't be read");
});

test("no key material leaves by log, Event or status", async () => {
  const { scene, process } = await issuedScene();
  scene.changeSecret((secret) => ({ ...secret, data: { ...secret.data, "tls.crt": secret.data?.["tls.key"] ?? "" } }));
  await scene.settle(process);
  scene.cluster.fault = ({ verb }) => (verb === "create" ? kubeError("Network") : undefined);
  await scene.settle(process);
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
