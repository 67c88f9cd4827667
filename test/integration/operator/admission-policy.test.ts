import { expect, onTestFinished, test } from "vitest";
import { KubeClient } from "../../../src/kube/client/kube-client.ts";
import { loadKubeConfig } from "../../../src/kube/config/load-kube-config.ts";
import { SECRETS } from "../../../src/kube/core-types.ts";
import { rest } from "../../control-plane/control-plane.ts";
import { type AdmissionRequest, buildAdmission } from "../../library/admission.ts";
import { HELM_BUILD_MS } from "../chart/rendering.ts";
import { applyPolicies, chartPolicies } from "./policies.ts";
import { RENEW_REQUEST, Scene } from "./scene.ts";
import { shippedRole } from "./shipped-roles.ts";

const OWN = {
  "atlascerts.io/certificate-name": "orders-api",
  "atlascerts.io/certificate-uid": "0a8c5b8e-3a0e-4d6e-9a53-6f2d8f1f1c01",
};
const PAIR = { "tls.crt": "", "tls.key": "" };
const CONFIG_MAP_OWNER = { apiVersion: "v1", kind: "ConfigMap", name: "x", uid: OWN["atlascerts.io/certificate-uid"] };
const TLS = { type: "kubernetes.io/tls", data: PAIR };

/** A scene whose operator is bound by the chart's policy, and a client with that operator's token. */
async function bound() {
  const scene = await Scene.prepare();
  const { namespace } = scene;
  await applyPolicies(namespace);
  const client = new KubeClient({
    kubeConfig: await loadKubeConfig({ kubeconfig: scene.operatorKubeconfigPath }),
    userAgent: "test",
  });
  onTestFinished(() => client.close());
  const create = (name: string, secret: object, where = namespace) =>
    client.create(SECRETS, { apiVersion: "v1", kind: "Secret", metadata: { namespace: where, name }, ...secret });
  /** How the API server answers: "done", or its refusal. */
  const answerTo = (call: Promise<unknown>) =>
    call.then(
      () => "done",
      (error: unknown) => String(error),
    );
  // The API server takes a moment to enforce a new policy.
  const isEnforced = () => answerTo(create("canary", { type: "Opaque" }));
  await expect.poll(isEnforced, { timeout: 20_000 }).toContain("may write Secrets of type kubernetes.io/tls only");
  return { scene, client, create, answerTo };
}

test("issuing, repair, renewal and adoption work under the chart's admission policy", {
  timeout: HELM_BUILD_MS,
}, async () => {
  const { scene } = await bound();
  await scene.startOperator();
  await scene.apply("orders-api", { deletionPolicy: "Delete" });
  const first = (await scene.untilIssued()).status.serialNumber;
  const annotations = Object.fromEntries(
    Object.keys((await scene.secret())?.metadata.annotations ?? {}).map((key) => [key, null]),
  );
  await scene.patchSecret("orders-api-mongodb", {
    metadata: { annotations, labels: { "atlascerts.io/managed": null }, ownerReferences: null },
  });
  await expect
    .poll(async () => (await scene.secret())?.metadata, { timeout: 20_000 })
    .toMatchObject({
      annotations: { "atlascerts.io/certificate-name": "orders-api" },
      labels: { "atlascerts.io/managed": "true" },
      ownerReferences: [{ kind: "AtlasUserCertificate" }],
    });
  await scene.patch("orders-api", {
    spec: { deletionPolicy: "Retain" },
    metadata: { annotations: { [RENEW_REQUEST]: "a" } },
  });
  const second = (await scene.untilIssued("orders-api", first)).status.serialNumber;
  await expect.poll(async () => (await scene.secret())?.metadata.ownerReferences ?? []).toEqual([]);
  await scene.delete("orders-api");
  await scene.apply("orders-api");
  expect((await scene.untilIssued()).status.serialNumber).toBe(second);
  expect(scene.creates).toBe(2);
});

test("the operator's token writes no other Secret than those of certificates", { timeout: HELM_BUILD_MS }, async () => {
  const { scene, client, create, answerTo } = await bound();
  await scene.account.grant(await shippedRole("namespace-role"), "kube-system");
  const token = {
    metadata: {
      namespace: "kube-system",
      name: `${scene.namespace}-token`,
      annotations: { ...OWN, "kubernetes.io/service-account.name": "default" },
    },
    type: "kubernetes.io/service-account-token",
  };
  // The API server takes a moment to see a new right.
  const createToken = () => answerTo(client.create(SECRETS, { apiVersion: "v1", kind: "Secret", ...token }));
  await expect
    .poll(createToken, { timeout: 20_000 })
    .toContain("the operator may write Secrets of type kubernetes.io/tls only");
  expect(await answerTo(create("opaque", { type: "Opaque" }))).toContain("type kubernetes.io/tls only");
  expect(await answerTo(create("bare", TLS))).toContain("only with the annotations atlascerts.io/certificate-name");

  await scene.putSecret("app-config", { password: "hunter2" });
  const patch = { metadata: { annotations: OWN }, data: { password: "eA==" } };
  const ref = { namespace: scene.namespace, name: "app-config" };
  expect(await answerTo(client.mergePatch(SECRETS, ref, patch))).toContain("type kubernetes.io/tls only");
  expect((await scene.secret("app-config"))?.data).toEqual({ password: "hunter2" });

  const metadata = { namespace: scene.namespace, name: "orders", annotations: OWN };
  const owner = CONFIG_MAP_OWNER;
  const owned = { ...TLS, metadata: { ...metadata, ownerReferences: [owner] } };
  expect(await answerTo(create("orders", owned))).toContain("owner references to AtlasUserCertificates only");
  expect(await answerTo(create("orders", { ...TLS, metadata }))).toBe("done");
});

test("the operator's token changes another program's TLS Secret only by making it the operator's", {
  timeout: HELM_BUILD_MS,
}, async () => {
  const { scene, client, answerTo } = await bound();
  const ref = { namespace: scene.namespace, name: "ingress" };
  const path = `/api/v1/namespaces/${scene.namespace}/secrets`;
  expect((await rest("POST", path, { ...TLS, metadata: { name: "ingress" } })).status).toBe(201);
  const patched = (patch: object) => answerTo(client.mergePatch(SECRETS, ref, patch));
  const data = { "tls.key": "eA==" };
  expect(await patched({ data })).toContain("only with the annotations atlascerts.io/certificate-name");
  expect(await patched({ metadata: { labels: { "atlascerts.io/managed": "true" } } })).toContain(
    "only with the annotations",
  );
  expect(await patched({ metadata: { annotations: OWN }, data })).toBe("done");
});

const REFUSED_TYPE = "the operator may write Secrets of type kubernetes.io/tls only";
const REFUSED_BARE =
  "the operator may write Secrets only with the annotations atlascerts.io/certificate-name and atlascerts.io/certificate-uid";
const REFUSED_OWNER = "the operator may add owner references to AtlasUserCertificates only";

test("Kubernetes 1.30, the oldest that has admission policies, accepts the policy and judges as the newest does", {
  timeout: HELM_BUILD_MS,
}, async () => {
  await using admission = await buildAdmission();
  const policies = await chartPolicies("atlas");
  for (const policy of policies) expect(await admission.refusals(policy, [])).toEqual([]);
  const policy = policies.find((one) => JSON.stringify(one).includes(REFUSED_TYPE));
  const username = /system:serviceaccount:[\w:-]+/.exec(JSON.stringify(policy))?.[0] ?? "";
  const secret = (metadata: object, fields: object = {}) => ({
    ...{ apiVersion: "v1", kind: "Secret", metadata: { namespace: "shop", name: "orders", ...metadata } },
    ...{ ...TLS, ...fields },
  });
  const own = secret({ annotations: OWN });
  const bare = secret({});
  const owned = (owner: object) => secret({ annotations: OWN, ownerReferences: [owner] });
  const ours = { apiVersion: "atlascerts.io/v1alpha1", kind: "AtlasUserCertificate", name: "orders", uid: "u" };
  const cases: readonly (readonly [AdmissionRequest, readonly string[]])[] = [
    [{ username, object: own }, []],
    [{ username, object: bare }, [REFUSED_BARE]],
    [{ username: "system:serviceaccount:shop:app", object: bare }, []],
    [
      { username, object: secret({ annotations: OWN }, { type: "kubernetes.io/service-account-token" }) },
      [REFUSED_TYPE],
    ],
    [{ username, object: own, oldObject: secret({}, { type: "Opaque" }) }, [REFUSED_TYPE]],
    [{ username, object: own, oldObject: bare }, []],
    [{ username, object: bare, oldObject: bare }, [REFUSED_BARE]],
    [{ username, object: owned(ours) }, []],
    [{ username, object: owned(CONFIG_MAP_OWNER) }, [REFUSED_OWNER]],
    [{ username, object: owned(CONFIG_MAP_OWNER), oldObject: owned(CONFIG_MAP_OWNER) }, []],
  ];
  const requests = cases.map(([request]) => request);
  expect(await admission.refusals(policy ?? {}, requests)).toEqual(cases.map(([, refusals]) => refusals));
});

test("no one creates a request to remove customer-managed X.509 that can act for longer than a day", {
  timeout: HELM_BUILD_MS,
}, async () => {
  await bound();
  const create = async (hours: number) => {
    const { status, body } = await rest("POST", "/apis/atlascerts.io/v1alpha1/atlascustomerx509removals?dryRun=All", {
      apiVersion: "atlascerts.io/v1alpha1",
      kind: "AtlasCustomerX509Removal",
      metadata: { name: "production" },
      spec: {
        projectRef: { name: "production" },
        certificateAuthorities: [`sha256:${"ab".repeat(32)}`],
        notAfter: new Date(Date.now() + hours * 3_600_000).toISOString(),
        acknowledgeRollingRestart: true,
      },
    });
    return `${status} ${JSON.stringify(body)}`;
  };
  const refusal = /^422 .*notAfter must be at most 24 hours after the creation of the request/;
  await expect.poll(() => create(24.1), { timeout: 20_000 }).toMatch(refusal);
  expect(await create(24 * 365)).toMatch(refusal);
  expect(await create(23.9)).toMatch(/^201 /);
  expect(await create(-1)).toMatch(/^201 /);
});
