import { expect, inject, it } from "vitest";
import { bundled } from "./bundled.ts";
import { apply, applyLarge, eventually, kubectl } from "./commands.ts";
import { certificate, server } from "./manifests.ts";
import { expectNoRestarts } from "./observations.ts";
import { appLogin, issuedSerial, SHOP, untilReady } from "./shop.ts";

/**
 * The steps of the story in which the operator restarts an app that reads its certificate only when it starts. They
 * leave nothing behind.
 */
export function restartedAppSteps(): void {
  const { image } = inject("cluster");
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
}
