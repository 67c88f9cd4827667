import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import {
  argumentsOf,
  HELM_BUILD_MS,
  helmPath,
  only,
  RELEASE,
  type RenderedObject,
  ROOT,
  render,
  renderText,
} from "./rendering.ts";

const roleSchema = z.looseObject({ rules: z.array(z.looseObject({ resourceNames: z.array(z.string()).optional() })) });
const bindingSchema = z.looseObject({
  roleRef: z.looseObject({ kind: z.string(), name: z.string() }),
  subjects: z.array(z.looseObject({ kind: z.string(), name: z.string(), namespace: z.string() })),
});

/** The rules that the operator is tested with; see deploy/rbac. */
async function testedRules(...files: readonly string[]) {
  const texts = await Promise.all(files.map((file) => readFile(path.join(ROOT, "deploy/rbac", file), "utf8")));
  return texts.flatMap((text) => roleSchema.parse(parse(text)).rules);
}

const rulesOf = (object: RenderedObject) => roleSchema.parse(object).rules;
const isRbac = ({ kind }: RenderedObject) => /Role(Binding)?$/.test(kind);

/** What the pods' account is bound to: `kind/name`, with the namespace that it holds for. */
function bound(objects: readonly RenderedObject[]): readonly string[] {
  return objects
    .filter(({ kind }) => kind.endsWith("RoleBinding"))
    .map((object) => {
      const { roleRef, subjects } = bindingSchema.parse(object);
      expect(subjects).toEqual([{ kind: "ServiceAccount", name: RELEASE, namespace: "operators" }]);
      return `${roleRef.kind}/${roleRef.name} in ${object.metadata.namespace ?? "all namespaces"}`;
    });
}

beforeAll(async () => {
  await helmPath();
}, HELM_BUILD_MS);

describe("the operator's account", () => {
  test("may do what the operator is tested with, everywhere, and nothing else", async () => {
    const objects = await render();
    expect(rulesOf(only(objects, "ClusterRole", RELEASE))).toEqual(
      await testedRules("cluster-role.yaml", "consumers-role.yaml"),
    );
    expect(rulesOf(only(objects, "Role"))).toEqual(await testedRules("lease-role.yaml"));
    expect(bound(objects)).toEqual([
      "ClusterRole/atlas-cert-operator in all namespaces",
      "ClusterRole/atlas-cert-operator-projects in all namespaces",
      "ClusterRole/atlas-cert-operator-customer-x509-removal in all namespaces",
      "Role/atlas-cert-operator-lease in operators",
    ]);
  });

  test("may do so in the namespaces that it watches alone, without any ClusterRole", async () => {
    const objects = await render({ watchNamespaces: ["shop", "billing"] });
    const roles = objects.filter(({ kind, metadata }) => kind === "Role" && metadata.namespace !== "operators");
    expect(roles.map(({ metadata }) => metadata.namespace)).toEqual(["shop", "billing"]);
    const tested = await testedRules("namespace-role.yaml", "consumers-role.yaml");
    for (const role of roles) expect(rulesOf(role)).toEqual(tested);
    expect(objects.filter(({ kind }) => kind.startsWith("ClusterRole"))).toEqual([]);
    expect(bound(objects)).toEqual([
      "Role/atlas-cert-operator in shop",
      "Role/atlas-cert-operator in billing",
      "Role/atlas-cert-operator-lease in operators",
    ]);
  });

  test("may read projects and namespaces unless it does not serve projects", async () => {
    const objects = await render();
    expect(rulesOf(only(objects, "ClusterRole", `${RELEASE}-projects`))).toEqual(
      await testedRules("projects-role.yaml"),
    );
    expect(rulesOf(only(objects, "ClusterRole", `${RELEASE}-customer-x509-removal`))).toEqual(
      await testedRules("customer-x509-removal-role.yaml"),
    );
    expect(argumentsOf(objects)).toContain("--projects");
    const without = await render({ projects: { enabled: false } });
    expect(bound(without)).not.toContain(`ClusterRole/${RELEASE}-projects in all namespaces`);
    expect(bound(without)).not.toContain(`ClusterRole/${RELEASE}-customer-x509-removal in all namespaces`);
    expect(argumentsOf(without)).not.toContain("--projects");
  });

  test("may list pods unless it does not count them", async () => {
    const consumers = { enabled: false };
    const everywhere = await render({ consumers });
    expect(rulesOf(only(everywhere, "ClusterRole", RELEASE))).toEqual(await testedRules("cluster-role.yaml"));
    expect(argumentsOf(everywhere)).toContain("--consumers=false");
    const inNamespaces = await render({ consumers, watchNamespaces: ["shop"] });
    expect(rulesOf(only(inNamespaces, "Role", RELEASE))).toEqual(await testedRules("namespace-role.yaml"));
    expect(argumentsOf(await render())).not.toContain("--consumers=false");
  });

  test("may restart workloads where the chart is told so, and is told to", async () => {
    const rolloutRestart = { enabled: true };
    const restarts = await testedRules("rollout-restart-role.yaml");
    const everywhere = await render({ rolloutRestart });
    const rules = await testedRules("cluster-role.yaml", "consumers-role.yaml");
    expect(rulesOf(only(everywhere, "ClusterRole", RELEASE))).toEqual([...rules, ...restarts]);
    expect(argumentsOf(everywhere)).toContain("--rollout-restart");
    const somewhere = await render({ rolloutRestart, watchNamespaces: ["shop"] });
    const role = somewhere.find(({ kind, metadata }) => kind === "Role" && metadata.namespace === "shop");
    expect(role && rulesOf(role)).toEqual([...rules, ...restarts]);
    expect(argumentsOf(await render())).not.toContain("--rollout-restart");
  });

  test("may touch the lease of its own release, by the name that the pods are told", async () => {
    const objects = await render({}, { release: "second" });
    const [, existing] = rulesOf(only(objects, "Role"));
    expect(existing?.resourceNames).toEqual(["second-atlas-cert-operator"]);
    expect(argumentsOf(objects, "second-atlas-cert-operator")).toContain("--lease-name=second-atlas-cert-operator");
  });

  test("gets no rights from a chart that is told not to give any", async () => {
    expect((await render({ rbac: { create: false } })).filter(isRbac)).toEqual([]);
  });
});

test("each rule says what it is for", async () => {
  const rendered = await renderText();
  const roles = rendered.split(/^---$/m).filter((text) => /^rules:$/m.test(text) && !text.includes("aggregate-to-"));
  expect(roles).toHaveLength(4);
  for (const role of roles) expect(role).not.toMatch(/(?<!^ {2}#.*)\n {2}- apiGroups/m);
});

test("whoever may view a namespace may look at its certificates, and whoever may edit it may ask for them", async () => {
  const objects = await render();
  const labelsOf = (name: string) => Object.keys(only(objects, "ClusterRole", name).metadata.labels ?? {});
  expect(labelsOf(`${RELEASE}-view`)).toContain("rbac.authorization.k8s.io/aggregate-to-view");
  expect(labelsOf(`${RELEASE}-edit`)).not.toContain("rbac.authorization.k8s.io/aggregate-to-view");
  expect(labelsOf(`${RELEASE}-edit`)).toContain("rbac.authorization.k8s.io/aggregate-to-edit");
});

test("no one gets a right on a cluster-scoped kind by the roles that Kubernetes gives to tenants", async () => {
  const aggregated = (await render()).filter(({ metadata }) =>
    Object.keys(metadata.labels ?? {}).some((label) => label.startsWith("rbac.authorization.k8s.io/aggregate-to-")),
  );
  expect(aggregated).toHaveLength(2);
  const resources = aggregated.flatMap((role) =>
    rulesOf(role).flatMap((rule) => z.array(z.string()).parse(rule.resources)),
  );
  expect(new Set(resources)).toEqual(new Set(["atlasusercertificates"]));
});
