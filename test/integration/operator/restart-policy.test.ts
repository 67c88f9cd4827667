import { expect, test } from "vitest";
import { RESTART_ANNOTATION } from "../../../src/api/names.ts";
import { WORKLOAD_KINDS, type Workload } from "../../../src/api/rollout-restart.ts";
import { freshNamespace, kubectlWithInput, rest } from "../../control-plane/control-plane.ts";
import { type AdmissionRequest, buildAdmission } from "../../library/admission.ts";
import { HELM_BUILD_MS } from "../chart/rendering.ts";
import { type JsonObject, merged } from "../crd/sample.ts";
import { applyPolicies, chartPolicies } from "./policies.ts";
import { ServiceAccount } from "./service-account.ts";
import type { ShippedRole } from "./shipped-roles.ts";
import { getWorkload, putWorkload, workload } from "./workloads.ts";

const VALUES = { rolloutRestart: { enabled: true } };
const NOTHING_ELSE = `the operator may change nothing of a workload but the annotation ${RESTART_ANNOTATION} of its pod template`;
const NO_OTHER_CALL = "the operator may restart workloads, and neither create nor delete nor scale them";

/** Rights that the chart does not give: the policy is all that is left. */
const EVERYTHING: ShippedRole = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "Role",
  metadata: { name: "everything" },
  rules: [{ apiGroups: ["apps"], resources: ["*"], verbs: ["*"] }],
};

const template = (change: JsonObject) => ({ spec: { template: change } });
const annotated = (annotations: JsonObject) => template({ metadata: { annotations } });
const RESTART = annotated({ [RESTART_ANNOTATION]: "2030-01-11T00:00:00Z" });
const container = (change: JsonObject) =>
  template({ spec: { containers: [{ name: "app", image: "registry.example.com/app:1", ...change }] } });

/** Merge patches that change something else, some of them together with a restart. */
const OTHER_CHANGES: Readonly<Record<string, JsonObject>> = {
  "another image": container({ image: "registry.example.com/evil:1" }),
  "a command": container({ command: ["sh"] }),
  "the environment": container({ env: [] }),
  "a further container": template({ spec: { initContainers: [{ name: "x", image: "x" }] } }),
  "a service account": template({ spec: { serviceAccountName: "admin" } }),
  "a host path": template({ spec: { volumes: [{ name: "host", hostPath: { path: "/" } }] } }),
  "a label of the pods": template({ metadata: { labels: { team: "x" } } }),
  "another annotation of the pods": annotated({ note: "x" }),
  "another annotation of the pods with a restart": annotated({ note: "x", [RESTART_ANNOTATION]: "now" }),
  "a removed annotation of the pods": annotated({ "example.com/config": null }),
  "a changed annotation of the pods": annotated({ "example.com/config": "2" }),
  "all annotations of the pods": template({ metadata: { annotations: null } }),
  "minimum ready seconds": { spec: { minReadySeconds: 5 } },
  "an image with a restart": {
    spec: { template: { ...RESTART.spec.template, ...container({ image: "x" }).spec.template } },
  },
  "a label": { metadata: { labels: { team: "x" } } },
  "a removed label": { metadata: { labels: null } },
  "an annotation": { metadata: { annotations: { note: "x" } } },
  "an owner": { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "x" }] } },
  "a finalizer": { metadata: { finalizers: ["example.com/x"] } },
};

/** Changes that only some kinds have. */
const OF_KIND: Readonly<Record<Workload["kind"], Readonly<Record<string, JsonObject>>>> = {
  Deployment: {
    replicas: { spec: { replicas: 0 } },
    paused: { spec: { paused: true } },
    "the strategy": { spec: { strategy: { type: "Recreate", rollingUpdate: null } } },
  },
  StatefulSet: {
    replicas: { spec: { replicas: 0 } },
    "the strategy": { spec: { updateStrategy: { type: "OnDelete", rollingUpdate: null } } },
  },
  DaemonSet: { "the strategy": { spec: { updateStrategy: { type: "OnDelete", rollingUpdate: null } } } },
};

/** A namespace whose operator has all rights on workloads, and a kubectl with its identity. */
async function bound() {
  const namespace = await freshNamespace("restarts");
  const account = await ServiceAccount.create(rest, namespace);
  await account.grant(EVERYTHING);
  await applyPolicies(namespace, VALUES);
  const as = `--as=system:serviceaccount:${namespace}:atlas-cert-operator`;
  /** How the API server answers: "done", or its refusal. */
  const operator = (input: object | string, ...args: readonly string[]) =>
    kubectlWithInput(typeof input === "string" ? input : JSON.stringify(input), "-n", namespace, as, ...args).then(
      () => "done",
      (error: unknown) => String(error),
    );
  await putWorkload(namespace, { kind: "Deployment", name: "canary" });
  // The API server takes a moment to enforce a new policy.
  const isEnforced = () => operator("", "delete", "deployment", "canary", "--dry-run=server");
  await expect.poll(isEnforced, { timeout: 20_000 }).toContain(NO_OTHER_CALL);
  const patch = ({ kind, name }: Workload, change: JsonObject) =>
    operator("", "patch", `${kind}.apps`, name, "--type=merge", "-p", JSON.stringify(change));
  return { namespace, operator, patch };
}

test.each(WORKLOAD_KINDS)(
  "of a %s the operator's identity changes the restart annotation and nothing else",
  {
    timeout: HELM_BUILD_MS,
  },
  async (kind) => {
    const { namespace, operator, patch } = await bound();
    const app = { kind, name: "app" };
    await putWorkload(namespace, app);
    const before = await getWorkload(namespace, app);
    const changes = Object.entries({ ...OTHER_CHANGES, ...OF_KIND[kind] });
    for (const [what, change] of changes) expect(await patch(app, change), what).toContain(NOTHING_ELSE);
    expect(await getWorkload(namespace, app)).toEqual(before);

    const plural = `${kind.toLowerCase()}s.apps`;
    expect(await operator(workload({ kind, name: "new" }), "create", "-f", "-")).toContain(NO_OTHER_CALL);
    expect(await operator("", "delete", plural, "app")).toContain(NO_OTHER_CALL);
    expect(await operator("", "delete", plural, "--all")).toContain(NO_OTHER_CALL);
    const status = ["--subresource=status", "--type=merge", "-p", '{"status":{"observedGeneration":7}}'];
    expect(await operator("", "patch", plural, "app", ...status)).toContain(NO_OTHER_CALL);
    if (kind !== "DaemonSet") {
      expect(await operator("", "scale", `${plural}/app`, "--replicas=0")).toContain(NO_OTHER_CALL);
    }
    expect(await getWorkload(namespace, app)).toEqual(before);

    expect(await patch(app, RESTART)).toBe("done");
    expect(await patch(app, annotated({ [RESTART_ANNOTATION]: "2030-01-12T00:00:00Z" }))).toBe("done");
    expect((await getWorkload(namespace, app)).metadata.generation).toBe(3);
  },
);

test("a workload without annotations of its pods can be restarted", { timeout: HELM_BUILD_MS }, async () => {
  const { namespace, patch } = await bound();
  const app: Workload = { kind: "Deployment", name: "app" };
  const spec = { containers: [{ name: "app", image: "x" }] };
  await putWorkload(namespace, app, { template: { metadata: { labels: { app: "app" } }, spec } });
  expect(await patch(app, template({ metadata: { labels: { team: "x" } } }))).toContain(NOTHING_ELSE);
  expect(await patch(app, RESTART)).toBe("done");
});

test("others may change workloads as before", { timeout: HELM_BUILD_MS }, async () => {
  const { namespace } = await bound();
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/canary`;
  const change = JSON.stringify({ spec: { replicas: 2 } });
  expect((await rest("PATCH", path, change, "application/merge-patch+json")).status).toBe(200);
  expect((await rest("DELETE", path)).status).toBe(200);
});

test("Kubernetes 1.30 accepts the policy and judges as the newest does", { timeout: HELM_BUILD_MS }, async () => {
  await using admission = await buildAdmission();
  const policy = (await chartPolicies("atlas", VALUES)).find((one) => JSON.stringify(one).includes(NOTHING_ELSE));
  const username = "system:serviceaccount:atlas:atlas-cert-operator";
  const app = workload({ kind: "Deployment", name: "app" }, { replicas: 1 });
  const judged = (change: JsonObject, by = username): AdmissionRequest => ({
    ...{ username: by, oldObject: app, object: merged(app, change) },
  });
  const cases: readonly (readonly [AdmissionRequest, readonly string[]])[] = [
    [judged(RESTART), []],
    [{ username, oldObject: merged(app, RESTART), object: app }, []],
    [judged({ metadata: { generation: 2 } }), []],
    [judged({ spec: { replicas: 3 } }, "jane"), []],
    [judged({ spec: { replicas: 3 } }), [NOTHING_ELSE]],
    [judged({ spec: { replicas: null } }), [NOTHING_ELSE]],
    [judged(template({ spec: { hostPID: true } })), [NOTHING_ELSE]],
    [judged(annotated({ note: "x" })), [NOTHING_ELSE]],
    [judged({ metadata: { labels: null } }), [NOTHING_ELSE]],
    [judged({ metadata: { annotations: { "deprecated.daemonset.template.generation": "2" } } }), [NOTHING_ELSE]],
    [{ username, object: app }, [NO_OTHER_CALL]],
  ];
  const requests = cases.map(([request]) => request);
  expect(await admission.refusals(policy ?? {}, requests)).toEqual(cases.map(([, refusals]) => refusals));
});
