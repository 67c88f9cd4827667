import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { parseCredentials } from "../../control-plane/control-plane.ts";
import { createRest, type Rest } from "../../control-plane/rest.ts";
import { ownControlPlane } from "../faults/own-control-plane.ts";
import { ATTEMPTS, type Cast } from "./attempts.ts";
import { MERGE_PATCH, Platform } from "./platform.ts";
import { aWhile, STAGING } from "./scene.ts";

/**
 * A tenant with the rights of an administrator of a namespace, as Kubernetes and the chart give them, tries to get at what
 * is not his.
 */

const ROOT = path.join(import.meta.dirname, "../../..");
const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const MALLORY = "mallory";

/** The rules that the controller manager would put together for the ClusterRole admin. */
const TENANT_ROLES = ["system:aggregate-to-admin", "system:aggregate-to-edit", "system:aggregate-to-view"];

const own = ownControlPlane();

const objectSchema = z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) });

/** The ClusterRoles for users in the manifest that people apply. */
async function shippedUserRoles() {
  const text = await readFile(path.join(ROOT, "deploy/atlas-cert-operator.yaml"), "utf8");
  const objects = parseAllDocuments(text).map((document) => objectSchema.safeParse(document.toJS()).data);
  const roles = objects.filter((one) => one?.kind === "ClusterRole" && /-(view|edit)$/.test(one.metadata.name));
  expect(roles).toHaveLength(2);
  return roles.flatMap((role) => role ?? []);
}

/** A client of the tenant, who administers one namespace. */
async function tenantOf(namespace: string): Promise<Rest> {
  const roles = await shippedUserRoles();
  for (const role of roles) await own().must("POST", `${RBAC}/clusterroles`, role);
  for (const name of [...TENANT_ROLES, ...roles.map(({ metadata }) => metadata.name)]) {
    await own().must("POST", `${RBAC}/namespaces/${namespace}/rolebindings`, {
      metadata: { name: `${MALLORY}.${name.replaceAll(":", ".")}` },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [{ kind: "User", name: MALLORY, apiGroup: "rbac.authorization.k8s.io" }],
    });
  }
  return createRest(parseCredentials(await own().running.addUser({ name: MALLORY, groups: [] })));
}

test(`of ${ATTEMPTS.length} attempts of a tenant none makes Atlas create or delete anything`, {
  timeout: 180_000,
}, async () => {
  expect(ATTEMPTS.length).toBeGreaterThanOrEqual(25);
  const platform = await Platform.open(own());
  const cast: Cast = {
    own: await platform.tenant(MALLORY),
    victim: await platform.tenant("victim"),
    home: platform.home,
  };
  await platform.project([
    { namespaces: [cast.victim], usernames: ["orders-*"] },
    { namespaces: [cast.victim], distinguishedNames: ["CN=reports,OU=analytics,O=Example"] },
    { namespaces: [cast.victim, cast.own], usernames: ["common-*"] },
    { namespaces: [cast.own], usernames: ["{namespace}.*"], maxResources: 1 },
    { namespaceSelector: { matchLabels: { team: "platform" } }, usernames: ["orders-*"] },
  ]);
  await aWhile(1100);
  await platform.project([{ namespaces: [cast.own], usernames: ["*"], everybody: true }], "younger");
  await platform.project([{ namespaces: [cast.victim], usernames: ["*"], everybody: true }], "staging", {
    projectId: STAGING,
  });
  for (const name of ["common-api", `${cast.own}.x`]) platform.atlas.addUser("32b6e34b3d91647abb20e7b8", name);
  await platform.apply(cast.victim);
  await platform.apply(cast.victim, { username: "common-api" }, "common-api");
  await platform.apply(cast.own, { username: `${cast.own}.x` }, "mine");
  for (const name of ["orders-api", "common-api"]) await platform.until("True Issued", cast.victim, name);
  await platform.until("True Issued", cast.own, "mine");
  // Of resources that are made in the same second, the name decides which was first.
  await aWhile(1100);
  const mallory = await tenantOf(cast.own);
  const stringData = { clientId: "mdb_sa_id_0000000000000000000000ff", clientSecret: "made-up" };
  const madeUp = { metadata: { name: "made-up" }, stringData };
  expect((await mallory("POST", `/api/v1/namespaces/${cast.own}/secrets`, madeUp)).status).toBe(201);
  platform.atlas.log.clear();

  for (const [index, attempt] of ATTEMPTS.entries()) {
    if ("request" in attempt) {
      const { method, path: target, body } = attempt.request(cast);
      const answer = await mallory(method, target, body, method === "PATCH" ? MERGE_PATCH : undefined);
      expect(answer.status, `${attempt.what}: ${JSON.stringify(answer.body)}`).toBe(attempt.status);
      expect(JSON.stringify(answer.body), attempt.what).toMatch(attempt.message);
      continue;
    }
    const name = `attempt-${index}`;
    const spec = attempt.spec(cast);
    const created = await mallory("POST", `/apis/atlascerts.io/v1alpha1/namespaces/${cast.own}/atlasusercertificates`, {
      apiVersion: "atlascerts.io/v1alpha1",
      kind: "AtlasUserCertificate",
      metadata: { name },
      spec: { ...(spec.projectId === undefined && { projectRef: { name: "production" } }), secretName: name, ...spec },
    });
    expect(created.status, `${attempt.what}: ${JSON.stringify(created.body)}`).toBe(201);
    const told = await platform.until(`False ${attempt.reason}`, cast.own, name);
    expect(told, attempt.what).toMatch(attempt.message);
    expect(told, attempt.what).not.toContain(cast.victim);
  }
  // An old resource that is renamed to another's user, too.
  const renamed = { spec: { username: "common-api", secretName: "renamed" } };
  const target = `/apis/atlascerts.io/v1alpha1/namespaces/${cast.own}/atlasusercertificates/mine`;
  expect((await mallory("PATCH", target, renamed, MERGE_PATCH)).status).toBe(200);
  await platform.until("False UsernameTaken", cast.own, "mine");

  expect(platform.atlas.log.count("createDatabaseUserCertificate")).toBe(0);
  expect(platform.atlas.log.count("disableCustomerManagedX509")).toBe(0);
  await platform.until("True Issued", cast.victim);
});

test("docs/security-model.md has each attempt with its answer", async () => {
  const text = await readFile(path.join(ROOT, "docs/security-model.md"), "utf8");
  const missing = ATTEMPTS.map(({ what, answer }) => `| ${what} | ${answer} |`).filter((row) => !text.includes(row));
  expect(missing.join("\n")).toBe("");
});
