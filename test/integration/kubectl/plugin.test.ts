import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { controlPlane, rest } from "../../control-plane/control-plane.ts";
import { expectNoKeyMaterial, PRODUCTION, Scene } from "../operator/scene.ts";
import { tokenKubeconfig } from "../operator/service-account.ts";
import { grant, type ShippedRole } from "../operator/shipped-roles.ts";
import { temporaryFolder } from "../temporary-file.ts";

/** The plugin as the real kubectl runs it, with rights in one namespace. */

const ROOT = path.join(import.meta.dirname, "../../..");
const PERSON = "person";

let folderOfScript: string;
beforeAll(async () => {
  folderOfScript = await mkdtemp(path.join(tmpdir(), "kubectl-plugin-"));
  // One script starts in half the time of the sources.
  await build({
    entryPoints: [path.join(ROOT, "src/kubectl/main.ts")],
    outfile: scriptFile(),
    ...{ bundle: true, platform: "node", format: "esm", target: "node24", logLevel: "warning" },
    banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
  });
});
afterAll(() => rm(folderOfScript, { recursive: true }));

const scriptFile = () => path.join(folderOfScript, "kubectl-atlascerts.mjs");

function role(rules: ShippedRole["rules"]): ShippedRole {
  return { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata: { name: PERSON }, rules };
}

const VIEWER = [{ apiGroups: ["atlascerts.io"], resources: ["atlasusercertificates"], verbs: ["get", "list"] }];
const OWNER = [
  { apiGroups: ["atlascerts.io"], resources: ["atlasusercertificates"], verbs: ["get", "list", "patch"] },
  { apiGroups: [""], resources: ["secrets"], verbs: ["get"] },
  { apiGroups: [""], resources: ["events"], verbs: ["list"] },
];

/** Runs `kubectl atlascerts` as a person with these rights in the namespace and no others. */
async function personIn(namespace: string, rules: ShippedRole["rules"]) {
  const must = async (method: "POST", requestPath: string, body: object) => {
    const answer = await rest(method, requestPath, body);
    if (answer.status !== 201) throw new Error(`${requestPath}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  await must("POST", accounts, { metadata: { name: PERSON } });
  await grant(must, role(rules), { kind: "ServiceAccount", name: PERSON, namespace }, namespace);
  const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 3600 } };
  const { token } = z
    .object({ status: z.object({ token: z.string() }) })
    .parse(await must("POST", `${accounts}/${PERSON}/token`, request)).status;
  const { binDirectory, kubeconfigPath } = controlPlane();
  const folder = await temporaryFolder();
  const file = (name: string) => path.join(folder, name);
  await writeFile(file("kubeconfig"), tokenKubeconfig(kubeconfigPath, token), { mode: 0o600 });
  const command = `"${process.execPath}" "${scriptFile()}"`;
  await writeFile(file("kubectl-atlascerts"), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
  const env = { HOME: folder, KUBECONFIG: file("kubeconfig"), PATH: `${folder}:${binDirectory}:/usr/bin:/bin` };
  return async (...argv: readonly string[]) => {
    const args = ["atlascerts", ...argv, `--namespace=${namespace}`];
    const { promise, resolve } = Promise.withResolvers<{ exitCode: unknown; stdout: string; stderr: string }>();
    execFile(path.join(binDirectory, "kubectl"), args, { env }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : error.code, stdout, stderr });
    });
    return promise;
  };
}

test("a person of the namespace sees, inspects and renews a certificate", async () => {
  const scene = await Scene.open();
  await scene.apply();
  const first = await scene.untilIssued();
  const kubectl = await personIn(scene.namespace, OWNER);
  const [all, one, inspected, next] = await Promise.all([
    kubectl("status"),
    kubectl("status", "orders-api"),
    kubectl("inspect", "orders-api"),
    kubectl("timeline", "--days=100", "-o", "json"),
  ]);
  expect(all).toMatchObject({ exitCode: 0, stderr: "" });
  expect(all.stdout).toMatch(/^orders-api {2}True {3}Issued {2}●─+◆─+ {2}in 6\dd {3}in 9\dd {3}orders-api-mongodb$/m);
  expect(one.stdout).toMatch(/^├─ Events +\d+\w ago {2}Issued: /m);
  expect(one.stdout).toContain("No action is required");
  expect(inspected).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining("✓ It is the certificate in the status."),
  });
  expect(JSON.parse(next.stdout)).toMatchObject({ milestones: [{ what: "renewal" }, { what: "expiry" }] });

  const key = (await scene.secret())?.data["tls.key"] ?? "";
  expectNoKeyMaterial(JSON.stringify([all, one, inspected]), [key]);

  const renewed = await kubectl("renew", "orders-api", "--wait");
  const { serialNumber } = (await scene.get()).status;
  expect(serialNumber).not.toBe(first.status.serialNumber);
  expect(renewed).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(`certificate ${serialNumber}`) });
});

test("a check asks Atlas with the namespace's credentials, creates nothing, and names what is out of reach", async () => {
  const scene = await Scene.prepare();
  await scene.apply();
  await scene.apply("checkout", { username: "checkout-api" });
  const kubectl = await personIn(scene.namespace, OWNER);
  const { exitCode, stdout } = await kubectl("check", `--atlas-base-url=${scene.atlas.url}`);
  expect(stdout).toContain("?     CustomResourceDefinition atlasusercertificates.atlascerts.io: not readable.");
  expect(stdout).toContain("?     The operator's Deployment: you may not list Deployments in its namespace.");
  expect(stdout).toContain("ok    Database user orders-api has x509Type MANAGED (0 unexpired certificates).");
  expect(stdout).toContain(
    `      $ atlas dbusers create --username=checkout-api --x509Type=MANAGED \\\n         --projectId=${PRODUCTION} --role=readWrite@DATABASE`,
  );
  expect([exitCode, scene.creates]).toEqual([3, 0]);
});

test("a check by an administrator reads the definitions, and reviews the rights of the operator's account", async () => {
  const scene = await Scene.prepare();
  const labels = { "app.kubernetes.io/name": "atlas-cert-operator", "app.kubernetes.io/component": "operator" };
  const pod = { serviceAccountName: "atlas-cert-operator", containers: [{ name: "operator", image: "none" }] };
  const deployment = {
    metadata: { name: "operator", labels },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
  };
  await rest("POST", `/apis/apps/v1/namespaces/${scene.namespace}/deployments`, deployment);
  const kubectl = await personIn(scene.namespace, OWNER);
  const admin = `--kubeconfig=${controlPlane().kubeconfigPath}`;
  const { stdout } = await kubectl("check", admin, `--operator-namespace=${scene.namespace}`);
  expect(stdout).toContain("ok    CustomResourceDefinition atlasusercertificates.atlascerts.io is current.");
  expect(stdout).toContain(`Deployment ${scene.namespace}/operator, version unknown: 0 ready.`);
  expect(stdout).toContain("has its rights in");
});

test("a person who may only view is told which right is missing", async () => {
  const scene = await Scene.prepare();
  await scene.apply();
  const kubectl = await personIn(scene.namespace, VIEWER);
  expect((await kubectl("status", "orders-api")).stdout).toContain("you may not list Events in this namespace");
  for (const command of [
    ["inspect", "orders-api"],
    ["renew", "orders-api"],
    ["status", "-A"],
  ]) {
    const { exitCode, stderr } = await kubectl(...command);
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringMatching(/Forbidden \(403\): .*cannot (get|patch|list) resource/),
    ]);
  }
});
