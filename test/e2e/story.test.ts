/**
 * The operator's life in a real cluster, from `helm install` on. One story: each step stands on those before it.
 * `orders-api` has an app that logs in to a database with what it mounts.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeAll, describe, expect, inject, it, onTestFinished } from "vitest";
import { parse } from "yaml";
import { bundled } from "./bundled.ts";
import { apply, applyLarge, eventually, get, helm, kubectl } from "./commands.ts";
import {
  CHART,
  commonValues,
  FIRST_CHART,
  imageValues,
  install,
  NAMESPACE,
  operatorPods,
  RELEASE,
  SIMULATOR,
} from "./installation.ts";
import { certificate, credentials, restrictedNamespace, script, secret, server, serverPair } from "./manifests.ts";
import { NEW_FIELD, writeNextChart } from "./next-chart.ts";
import { describeTrouble, expectNoRestarts, unexplainedWarnings } from "./observations.ts";
import { OWN_ATLAS, ownAtlas, ownAtlasValues, startOwnAtlas } from "./own-atlas.ts";
import { platformSteps } from "./platform-steps.ts";
import { Prometheus } from "./prometheus.ts";
import { readmeCommands, runBlock } from "./readme.ts";
import { anonymousLogin, appLogin, issuedSerial, SHOP, statusOf, untilReady, untilVerifiedSince } from "./shop.ts";
import { SimulatorControls } from "./simulator.ts";

const { image, month, otherImage, syncLimitMs } = inject("cluster");
const atlas = new SimulatorControls(NAMESPACE, SIMULATOR);

const NAMESPACES = [NAMESPACE, SHOP, OWN_ATLAS];
/** Of those that are in Atlas' list at the time, with what they hold. */
const RESOURCES = ["orders-api", "reports", "billing"];
/** When the app's process began; it is never started again. */
let appStartedAt: string | undefined;

beforeAll(async () => {
  for (const name of NAMESPACES) await kubectl("delete", "namespace", name, "--ignore-not-found");
  // README makes the shop's.
  await apply("default", ...[NAMESPACE, OWN_ATLAS].map(restrictedNamespace));
  await startOwnAtlas(month);
}, 180_000);

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") process.stderr.write(`${await describeTrouble()}\n`);
});

describe("README's section about the installation", () => {
  it("gives two ready pods with a simulated Atlas, and `helm test` finds them at work", async () => {
    const [installInKind = ""] = await readmeCommands("Install");
    const said = await runBlock(installInKind);
    expect(said).toMatch(/SIMULATED ATLAS/);
    expect(await helm("test", RELEASE, "--namespace", NAMESPACE)).toMatch(/^Phase: +Succeeded$/m);
    expect((await operatorPods()).map(({ isReady }) => isReady)).toEqual([true, true]);
  });

  it("gives a first certificate, and a condition that says that Atlas is simulated", async () => {
    const [, first = "", ...more] = await readmeCommands("Install");
    expect(more).toEqual([]);
    const said = await runBlock(first);
    expect(said).toMatch(/^orders-api +True +Issued +orders-api-mongodb /m);
    expect((await statusOf("orders-api")).conditions?.[0]?.message).toContain("[simulated Atlas]");
  });

  it("can be undone by deleting what it made, and tried again with short months", async () => {
    await kubectl("delete", "namespace", SHOP);
    await apply("default", restrictedNamespace(SHOP));
    await install(CHART, {
      ...commonValues(),
      simulator: { enabled: true, month },
      rolloutRestart: { enabled: true },
    });
    expect((await operatorPods()).length).toBe(2);
  });
});

describe("a platform team's project", () => platformSteps(atlas));

describe("an app and its certificate", () => {
  it("lets the app wait that was applied before its certificate", async () => {
    await apply(
      SHOP,
      credentials(),
      secret("database", {
        ...(await serverPair()),
        "clients-ca.pem": await atlas.ask("GET", "/ca.pem"),
        "other-clients-ca.pem": await ownAtlas.ask("GET", "/ca.pem"),
      }),
      ...server({
        name: "database",
        image,
        script: script("database.ts"),
        ports: [27017, 27018],
        secret: { name: "database", mountPath: "/etc/database" },
        readiness: { tcpSocket: { port: "main" } },
      }),
      ...server({
        name: "orders-api",
        image,
        script: script("app.ts"),
        ports: [8080],
        secret: { name: "orders-api-mongodb", mountPath: "/etc/mongodb" },
        readiness: { httpGet: { path: "/login", port: "main" } },
        env: { DATABASE_HOST: "database", DATABASE_PORTS: "27017,27018" },
      }),
    );
    await kubectl("rollout", "status", "deployment/database", "--namespace", SHOP, "--timeout=60s");
    const waiting = await eventually("event about the missing Secret", 60_000, async () => {
      const events = await kubectl("get", "events", "--namespace", SHOP, "--field-selector=reason=FailedMount");
      return /secret "orders-api-mongodb" not found/.exec(events)?.[0];
    });
    expect(waiting).toBeDefined();
  });

  it("makes the app available with the certificate, which the database takes and demands", async () => {
    await apply(SHOP, certificate({ name: "orders-api", username: "orders-api", monthsUntilExpiration: 1 }));
    await untilReady("orders-api");
    await kubectl("rollout", "status", "deployment/orders-api", "--namespace", SHOP, "--timeout=180s");
    const login = await appLogin("orders-api");
    expect(login.user).toBe("orders-api");
    expect((await atlas.certificates("orders-api")).map((each) => each.serialNumber)).toContain(login.serialNumber);
    expect(await anonymousLogin("orders-api")).toMatch(/refused.*certificate required/);
  });

  it("renews: the pod's file changes without a restart, while the old certificate is valid", async () => {
    const before = await appLogin("orders-api");
    const limitMs = Date.parse(before.notAfter) - Date.now();
    let renewedAtMs: number | undefined;
    const { after, atMs } = await eventually("renewed certificate in the pod", limitMs, async () => {
      // A login that fails ends the test: until the file changes the old certificate has to do.
      const [login, serial] = [await appLogin("orders-api"), await issuedSerial("orders-api")];
      if (serial !== before.serialNumber) renewedAtMs ??= Date.now();
      return login.serialNumber === before.serialNumber ? undefined : { after: login, atMs: Date.now() };
    });
    expect(atMs).toBeLessThan(Date.parse(before.notAfter));
    expect(atMs - (renewedAtMs ?? atMs)).toBeLessThan(syncLimitMs);
    expect(after.startedAt).toBe(before.startedAt);
    appStartedAt = after.startedAt;
    // From here on it has time: no further renewal falls into what follows.
    await apply(SHOP, certificate({ name: "orders-api", username: "orders-api", monthsUntilExpiration: 24 }));
    await kubectl(
      ...["annotate", "auc/orders-api", "--namespace", SHOP],
      "atlascerts.io/renew-requested-at=for 24 months",
    );
    await untilReady("orders-api", { otherThan: after.serialNumber });
    await expectNoRestarts();
  });
});

describe("an app that the operator restarts", () => {
  const name = "restarted";
  // A user of its own, whose certificates the other steps don't count.
  const resource = certificate({
    ...{ name, username: "orders-api", monthsUntilExpiration: 24, projectId: "5efda6aea3f2ed2e7dd6ce05" },
    connectionString: {
      ...{ host: "mongod:27017", scheme: "mongodb" },
      options: { tlsAllowInvalidCertificates: "true", directConnection: "true" },
    },
    rolloutRestart: [{ kind: "Deployment", name }],
  });

  it("logs in with a real driver, by the connection string of the Secret", async () => {
    const mounted = { name: `${name}-mongodb`, mountPath: "/etc/mongodb" };
    await applyLarge(
      SHOP,
      ...server({
        ...{ name: "mongod", image, script: await bundled("driver-database"), ports: [27017] },
        ...{ secret: { name: "database", mountPath: "/etc/database" }, readiness: { tcpSocket: { port: "main" } } },
      }),
      ...server({
        ...{ name, image, script: await bundled("driver-app"), ports: [8080], secret: mounted },
        readiness: { tcpSocket: { port: "main" } },
        envOfSecret: { MONGODB_URI: "connectionString" },
      }),
    );
    await apply(SHOP, resource);
    await untilReady(name);
    await kubectl("rollout", "status", `deployment/${name}`, "--namespace", SHOP, "--timeout=60s");
    expect(await appLogin(name)).toMatchObject({ user: "CN=orders-api", serialNumber: await issuedSerial(name) });
  });

  it("is rolled once after a renewal, and its new pod logs in with the new certificate", async () => {
    const before = await appLogin(name);
    await kubectl("annotate", `auc/${name}`, "--namespace", SHOP, "atlascerts.io/renew-requested-at=once");
    await untilReady(name, { otherThan: before.serialNumber });
    const renewed = await issuedSerial(name);
    // Until it is restarted, the app uses the certificate that it began with.
    expect(await appLogin(name)).toEqual(before);
    const after = await eventually("login with the new certificate", 90_000, async () => {
      const login = await appLogin(name);
      return login.serialNumber === renewed ? login : undefined;
    });
    expect(after.startedAt).not.toBe(before.startedAt);
    const condition = "--for=condition=RestartPending=False";
    await kubectl("wait", condition, `auc/${name}`, "--namespace", SHOP, "--timeout=30s");
    await kubectl("rollout", "status", `deployment/${name}`, "--namespace", SHOP, "--timeout=60s");
    const revision = "jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}";
    expect(await kubectl("get", "deployment", name, "--namespace", SHOP, "--output", revision)).toBe("2");
    await expectNoRestarts();
  });

  it("leaves the rest of the story to the others", async () => {
    const objects = [`auc/${name}`, `deployment/${name}`, "deployment/mongod"];
    await kubectl("delete", ...objects, "--namespace", SHOP, "--timeout=60s");
    await kubectl("delete", "secret", `${name}-mongodb`, "--namespace", SHOP);
  });
});

describe("trouble", () => {
  it("issues once, and holds what it issued, when the leader's pod is deleted in the middle", async () => {
    const user = "CN=reports,OU=analytics,O=Example";
    await atlas.ask("POST", "/faults", {
      operation: "createDatabaseUserCertificate",
      username: user,
      effect: { kind: "delay", ms: 6_000 },
    });
    await apply(SHOP, certificate({ name: "reports", username: user, monthsUntilExpiration: 24 }));
    await eventually("create on its way", 30_000, async () => ((await atlas.creates(user)) === 1 ? true : undefined));
    const leader = await leaderPod();
    await kubectl("delete", "pod", leader, "--namespace", NAMESPACE, "--wait=false");
    await untilReady("reports");
    expect(await atlas.creates(user)).toBe(1);
    expect((await atlas.certificates(user)).map((each) => each.serialNumber)).toEqual([await issuedSerial("reports")]);
    expect((await statusOf("reports")).unaccounted ?? []).toEqual([]);
    await eventually("other leader", 60_000, async () => ((await leaderPod()) === leader ? undefined : true));
  });

  it("accounts for the certificate that nobody holds when the leader's pod is killed in the middle", async () => {
    await operatorsReady();
    await atlas.ask("POST", "/faults", {
      operation: "createDatabaseUserCertificate",
      username: "billing",
      effect: { kind: "delay", ms: 12_000 },
    });
    await apply(SHOP, certificate({ name: "billing", username: "billing", monthsUntilExpiration: 24 }));
    await eventually("create on its way", 30_000, async () => ((await atlas.creates("billing")) ? true : undefined));
    const leader = await leaderPod();
    await kubectl("delete", "pod", leader, "--namespace", NAMESPACE, "--grace-period=0", "--force");
    await untilReady("billing");
    const serials = (await atlas.certificates("billing")).map((each) => each.serialNumber);
    const { serialNumber, unaccounted = [] } = await statusOf("billing");
    expect(serials).toContain(serialNumber);
    expect(unaccounted).toHaveLength(serials.length - 1);
    expect(await atlas.creates("billing")).toBeLessThanOrEqual(2);
  });

  it("loses one pod, and not both, to a drain", async () => {
    await operatorsReady();
    const [pod] = await operatorPods();
    const node = pod?.spec.nodeName ?? "";
    const selector = `--pod-selector=app.kubernetes.io/component=operator,app.kubernetes.io/instance=${RELEASE}`;
    try {
      const drain = kubectl("drain", node, selector, "--ignore-daemonsets", "--timeout=8s");
      // With one node there is no place for another pod, and the drain has to give up; with more it succeeds.
      const outcome = await drain.catch((error: unknown) => String(error));
      if ((await get<{ items: unknown[] }>("nodes")).items.length === 1) {
        expect(outcome).toContain("violate the pod's disruption budget");
      }
      const ready = (await operatorPods()).filter((each) => each.isReady);
      expect(ready.length).toBeGreaterThanOrEqual(1);
    } finally {
      await kubectl("uncordon", node);
    }
    await operatorsReady();
  });

  it("takes rotated credentials without a restart", async () => {
    const pods = (await operatorPods()).map((each) => each.metadata.name).sort();
    const before = await issuedSerial("orders-api");
    const { clientId, clientSecret } = JSON.parse(await atlas.ask("POST", "/credentials/owner-service-account/rotate"));
    await apply(SHOP, secret("atlas-api", { clientId, clientSecret }));
    await kubectl(
      ...["annotate", "auc/orders-api", "--namespace", SHOP, "--overwrite"],
      "atlascerts.io/renew-requested-at=credentials rotated",
    );
    await untilReady("orders-api", { otherThan: before });
    expect((await operatorPods()).map((each) => each.metadata.name).sort()).toEqual(pods);
    await expectNoRestarts();
  });
});

describe("an app that was not restarted since a renewal", () => {
  // The Event is another test's: here it depends on the second of the list whether there is one before the expiry.
  it("is counted and named in the status", async () => {
    const [pod] = (
      await get<{ items: { metadata: { name: string } }[] }>("pods", "--namespace", SHOP, "--selector=app=orders-api")
    ).items;
    const consumers = await eventually(
      "count of the app's pods",
      90_000,
      async () => (await statusOf("orders-api")).consumers,
    );
    expect(consumers).toMatchObject({ pods: 1, outdated: 1, outdatedPods: [pod?.metadata.name] });
  });

  it("makes the chart's alert fire in a Prometheus, with the time until which it can log in", async () => {
    const rendered = await helm(
      ...["template", RELEASE, CHART, "--namespace", NAMESPACE, "--set=metrics.prometheusRule.enabled=true"],
      "--show-only=templates/prometheusrule.yaml",
    );
    const { spec }: { spec: object } = parse(rendered);
    const names = (await operatorPods()).map(({ metadata }) => metadata.name);
    await using prometheus = await Prometheus.start(spec, { namespace: NAMESPACE, names });
    const alert = await prometheus.firing("AtlasCertificatePodsOutdated", "orders-api", 60_000);
    const until = (await statusOf("orders-api")).consumers?.outdatedValidUntil ?? "";
    expect(alert).toMatchObject({
      labels: { namespace: SHOP, severity: "warning" },
      annotations: { description: expect.stringContaining("1 pod still uses the old certificate. Restart before 20") },
    });
    expect(alert.annotations.description).toContain(until.replace("T", " ").replace("Z", " +0000 UTC"));
  });
});

describe("upgrade and uninstallation", () => {
  it("asks an Atlas that knows none of the certificates for new ones, once each", async () => {
    await apply(SHOP, credentials());
    await install(CHART, await ownAtlasValues(month));
    const startedMs = Date.now();
    for (const name of RESOURCES) await untilVerifiedSince(name, startedMs);
    expect(await ownAtlas.creates()).toBe(RESOURCES.length);
  });

  it("leaves definitions, resources and Secrets where they are on `helm uninstall`", async () => {
    const before = await heldSerials();
    // The node brings a Secret's new content into its pods in its own time.
    await eventually("the pod's files of the new certificate", 30_000, async () =>
      (await appLogin("orders-api")).serialNumber === before[0] ? true : undefined,
    );
    await helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--wait");
    expect(await operatorPods()).toEqual([]);
    await kubectl("get", "crd", "atlasusercertificates.atlascerts.io");
    expect(await heldSerials()).toEqual(before);
    expect((await appLogin("orders-api")).serialNumber).toBe(before[0]);
  });

  it("takes all of it over when it is installed again, in the first version, and creates nothing", async () => {
    const before = await heldSerials();
    const startedMs = Date.now();
    await install(FIRST_CHART, await ownAtlasValues(month));
    for (const name of RESOURCES) await untilVerifiedSince(name, startedMs);
    expect(await heldSerials()).toEqual(before);
    expect(await ownAtlas.creates()).toBe(RESOURCES.length);
  });

  it("creates nothing on `helm upgrade` from the first version to one with another CustomResourceDefinition", async () => {
    const before = await heldSerials();
    const pods = (await operatorPods()).map((each) => each.metadata.uid);
    const folder = await mkdtemp(path.join(tmpdir(), "atlas-e2e-chart-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeNextChart(folder);
    await install(folder, {
      ...(await ownAtlasValues(month)),
      ...imageValues(otherImage),
      podAnnotations: { upgraded: "yes" },
    });
    const startedMs = Date.now();
    await operatorsReady();
    expect((await operatorPods()).filter((each) => pods.includes(each.metadata.uid))).toEqual([]);
    expect(await kubectl("explain", `auc.spec.${NEW_FIELD}`)).toContain(NEW_FIELD);
    for (const name of RESOURCES) await untilVerifiedSince(name, startedMs);
    expect(await heldSerials()).toEqual(before);
    expect(await ownAtlas.creates()).toBe(RESOURCES.length);
  });
});

describe("the end", () => {
  it("finds the app logged in with the present certificate, by the process that it began with", async () => {
    const serialNumber = await issuedSerial("orders-api");
    const login = await eventually("login with the present certificate", syncLimitMs, async () => {
      const seen = await appLogin("orders-api");
      return seen.serialNumber === serialNumber ? seen : undefined;
    });
    expect(login.startedAt).toBe(appStartedAt);
  });

  it.each(NAMESPACES)("has run in namespace %s, which refuses pods that are not restricted", async (namespace) => {
    const run = kubectl("run", "careless", "--image", image, "--namespace", namespace, "--dry-run=server");
    await expect(run).rejects.toThrow("violates PodSecurity");
  });

  it("has left no restart, and no Warning Event but those that belong to the story", async () => {
    await expectNoRestarts();
    expect(await unexplainedWarnings()).toEqual([]);
  });
});

/** What the resources' Secrets hold, in the order of RESOURCES. */
async function heldSerials(): Promise<string[]> {
  const serial = "jsonpath={.metadata.annotations.atlascerts\\.io/serial-number}";
  return Promise.all(
    RESOURCES.map((name) => kubectl("get", "secret", `${name}-mongodb`, "--namespace", SHOP, "--output", serial)),
  );
}

async function operatorsReady(): Promise<void> {
  await kubectl("rollout", "status", `deployment/${RELEASE}`, "--namespace", NAMESPACE, "--timeout=120s");
  await eventually("two ready pods", 60_000, async () => {
    const pods = await operatorPods();
    return pods.length === 2 && pods.every((each) => each.isReady) ? true : undefined;
  });
}

/** The pod that holds the lease. */
async function leaderPod(): Promise<string> {
  const lease = await get<{ spec: { holderIdentity?: string } }>("lease", RELEASE, "--namespace", NAMESPACE);
  return (lease.spec.holderIdentity ?? "").split("_", 1)[0] ?? "";
}
