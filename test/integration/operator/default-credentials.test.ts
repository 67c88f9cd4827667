import { expect, test } from "vitest";
import { freshNamespace, rest } from "../../control-plane/control-plane.ts";
import { condition, credentialEntries, Scene } from "./scene.ts";
import { shippedRole } from "./shipped-roles.ts";

/** Credentials of the platform's, in a namespace that the operator does not watch, for resources that name none. */

/** As in the shipped Role. */
const NAME = "atlas-default-credentials";

/** A namespace of the platform's, with what its Secret is to hold put into it. */
async function platform() {
  const namespace = await freshNamespace("platform");
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  return {
    ref: { namespace, name: NAME },
    put: async (stringData: Readonly<Record<string, string>>) => {
      const manifest = { apiVersion: "v1", kind: "Secret", metadata: { name: NAME }, stringData };
      const created = await rest("POST", path, manifest);
      const { status } = created.status === 201 ? created : await rest("PUT", `${path}/${NAME}`, manifest);
      expect([200, 201]).toContain(status);
    },
  };
}

test("issues with them, and sees at once that they were put there or replaced", async () => {
  const scene = await Scene.prepare();
  const { ref, put } = await platform();
  await scene.account.grant(await shippedRole("default-credentials-role"), ref.namespace);
  await scene.startOperator({ defaultCredentials: ref });
  await scene.apply("orders-api", { credentialsRef: undefined });
  const missing = await scene.untilReason("CredentialsMissing");
  expect(condition(missing, "Ready")?.message).toContain(`Secret ${NAME} does not exist in namespace ${ref.namespace}`);

  await put({ clientId: "mdb_sa_id_0000000000000000000000ff", clientSecret: "wrong" });
  await scene.untilReason("CredentialsRejected");
  await put(credentialEntries(scene.credentials("owner-service-account")));
  await scene.untilIssued();
  expect(scene.creates).toBe(1);
});

test("takes them from a namespace that it watches anyway", async () => {
  const scene = await Scene.prepare();
  const { ref, put } = await platform();
  await put(credentialEntries(scene.credentials("owner-service-account")));
  await scene.account.grant(await shippedRole("namespace-role"), ref.namespace);
  await scene.startOperator({ defaultCredentials: ref, namespaces: [scene.namespace, ref.namespace] });
  await scene.apply("orders-api", { credentialsRef: undefined });
  await scene.untilIssued();
});

test("without them a resource that names no credentials says what to set", async () => {
  const scene = await Scene.open();
  await scene.apply("orders-api", { credentialsRef: undefined });
  const missing = await scene.untilReason("CredentialsMissing");
  expect(condition(missing, "Stalled")?.message).toContain(
    "Set spec.credentialsRef.name to a Secret in this namespace",
  );
  expect(condition(missing, "Stalled")?.status).toBe("True");
  await scene.patch("orders-api", { spec: { credentialsRef: { name: "atlas-api" } } });
  await scene.untilIssued();
});
