import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { RUN_FLAGS } from "../../../src/command/run.ts";
import { readFlags } from "../../../src/flags.ts";
import { SIMULATE_FLAGS } from "../../../src/simulator/command-flags.ts";
import { prometheusOperatorDefinitions } from "../../chart/prometheus-operator-definitions.ts";
import { freshNamespace, kubectl, kubectlWithInput, rest } from "../../control-plane/control-plane.ts";
import { readDocuments, valuesIn } from "../documents.ts";
import { MATRIX } from "./matrix.ts";
import {
  argumentsOf,
  CHART_FOLDER,
  deployment,
  HELM_BUILD_MS,
  helm,
  helmPath,
  type RenderedObject,
  render,
} from "./rendering.ts";

const valuesSchema = z.record(z.string(), z.unknown());
/** What people are told to install, too. */
const documented = (await readDocuments()).flatMap((document) =>
  valuesIn(document).map((text) => [`the values in ${document.name}`, valuesSchema.parse(parse(text))] as const),
);
const CASES = [...Object.entries(MATRIX), ...documented].map(([name, values]) => ({ name, values }));

beforeAll(async () => {
  await helmPath();
  await kubectlWithInput(await prometheusOperatorDefinitions(), "apply", "--server-side", "-f", "-");
  // --for=condition fails where a definition has no conditions yet.
  const established = '--for=jsonpath={.status.conditions[?(@.type=="Established")].status}=True';
  for (const plural of ["servicemonitors", "prometheusrules"]) {
    await kubectl("wait", established, `crd/${plural}.monitoring.coreos.com`);
  }
}, HELM_BUILD_MS);

/** A namespace in which only pods that meet the Pod Security Standard restricted are let in. */
async function restrictedNamespace(): Promise<string> {
  const namespace = await freshNamespace("chart");
  await kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted");
  return namespace;
}

/** Without the namespaces that the chart does not own: here every object is tried in the one of the test. */
function objectsIn(namespace: string, objects: readonly RenderedObject[]): readonly RenderedObject[] {
  return objects.map((object) =>
    object.metadata.namespace === undefined ? object : { ...object, metadata: { ...object.metadata, namespace } },
  );
}

function asInput(objects: readonly object[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
}

describe.each(CASES)("rendered with $name", ({ values }) => {
  test("passes helm lint", async () => {
    const result = await helm(["lint", "--strict", CHART_FOLDER, "--values", "-"], JSON.stringify(values));
    expect(result, result.stdout).toMatchObject({ code: 0 });
  });

  test("is accepted by the API server, field by field", async () => {
    const namespace = await restrictedNamespace();
    const objects = objectsIn(namespace, await render(values, { namespace }));
    const flags = ["apply", "--dry-run=server", "--validate=strict", "--server-side", "--force-conflicts", "-f", "-"];
    const printed = await kubectlWithInput(asInput(objects), ...flags);
    expect(printed.trim().split("\n")).toHaveLength(objects.length);
  });

  test("has pods that a restricted namespace lets in", async () => {
    const namespace = await restrictedNamespace();
    const objects = await render(values, { namespace });
    const templates = objects
      .filter(({ kind }) => kind === "Deployment")
      .map(({ metadata }) => deployment(objects, metadata.name).template.spec);
    const pods = [...templates, ...objects.filter(({ kind }) => kind === "Pod").map((pod) => pod.spec)];
    expect(pods.length).toBeGreaterThan(1);
    for (const spec of pods) {
      // The API server wants the account to be there; everything else about the pod is judged as it is.
      const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "trial", namespace }, spec };
      for (const name of accountsOf(spec)) await ensureAccount(namespace, name);
      const answer = await rest("POST", `/api/v1/namespaces/${namespace}/pods?dryRun=All&fieldValidation=Strict`, pod);
      expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201 });
    }
  });

  test("starts the programs with flags that they know", async () => {
    const objects = await render(values);
    for (const { metadata } of objects.filter(({ kind }) => kind === "Deployment")) {
      const [verb, ...flags] = argumentsOf(objects, metadata.name);
      expect(["run", "simulate"]).toContain(verb);
      readFlags(verb === "run" ? RUN_FLAGS : SIMULATE_FLAGS, flags, {});
    }
  });
});

function accountsOf(spec: unknown): readonly string[] {
  const name = typeof spec === "object" && spec !== null && "serviceAccountName" in spec ? spec.serviceAccountName : "";
  return typeof name === "string" && name !== "" ? [name] : ["default"];
}

async function ensureAccount(namespace: string, name: string): Promise<void> {
  await rest("POST", `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
}
