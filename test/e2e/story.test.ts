/**
 * The operator's life in a real cluster, from `helm install` on. One story: each step stands on those before it.
 * `orders-api` has an app that logs in to a database with what it mounts.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeAll, describe, expect, inject, it, onTestFinished } from "vitest";
import { parse } from "yaml";
import { apply, eventually, get, helm, kubectl } from "./commands.ts";
import {
  CHART,
  commonValues,
  FIRST_CHART,
  imageValues,
  install,
  NAMESPACE,
  operatorPods,
  operatorsReady,
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
import { restartedAppSteps } from "./restarted-app-steps.ts";
import { anonymousLogin, appLogin, issuedSerial, SHOP, statusOf, untilReady, untilVerifiedSince } from "./shop.ts";
import { SimulatorControls } from "./simulator.ts";
import { troubleSteps } from "./trouble-steps.ts";

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

describe("an app that the operator restarts", restartedAppSteps);

describe("trouble", () => troubleSteps(atlas));

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
