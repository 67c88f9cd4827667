import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseDocument } from "yaml";
import { silentProgress } from "../../control-plane/progress.ts";
import { type RunningControlPlane, startControlPlane } from "../../control-plane/start.ts";
import { CHART_FOLDER, HELM_BUILD_MS, helm, helmPath, RELEASE, ROOT, run } from "./rendering.ts";

/** Definitions belong to the whole cluster, so this file has one of its own. Nothing runs pods in it. */
let controlPlane: RunningControlPlane;
/** The chart as it may be one version later, with another definition. */
let laterChart = "";

const NAMESPACE = "operators";
const DEFINITION = "crd/atlasusercertificates.atlascerts.io";
const LATER_DESCRIPTION = "What a later version says of it.";

beforeAll(async () => {
  await helmPath();
  controlPlane = await startControlPlane({ controllerManager: false, progress: silentProgress });
  const folder = await mkdtemp(path.join(tmpdir(), "later-chart-"));
  laterChart = path.join(folder, "atlas-cert-operator");
  await cp(CHART_FOLDER, laterChart, { recursive: true });
  await change("Chart.yaml", (text) => text.replaceAll(/^(version|appVersion): .*$/gm, "$1: 99.0.0"));
  await change("files/crds/atlascerts.io_atlasusercertificates.yaml", (text) => {
    const definition = parseDocument(text);
    definition.setIn(["spec", "versions", 0, "schema", "openAPIV3Schema", "description"], LATER_DESCRIPTION);
    return definition.toString();
  });
}, HELM_BUILD_MS);

afterAll(async () => {
  await controlPlane?.stop();
  if (laterChart !== "") await rm(path.dirname(laterChart), { recursive: true });
});

async function change(file: string, edit: (text: string) => string): Promise<void> {
  const before = await readFile(path.join(laterChart, file), "utf8");
  const after = edit(before);
  if (after === before) throw new Error(`${file}: nothing to change`);
  await writeFile(path.join(laterChart, file), after);
}

/** Helm against the cluster of this file. @throws Error with its words */
async function helmDoes(...args: readonly string[]): Promise<string> {
  const kubeconfig = { KUBECONFIG: controlPlane.kubeconfigPath };
  const { code, stdout, stderr } = await helm([...args, "--namespace", NAMESPACE], "", kubeconfig);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

const install = (...more: readonly string[]) =>
  helmDoes("install", RELEASE, CHART_FOLDER, "--create-namespace", ...more);
const uninstall = (release = RELEASE) => helmDoes("uninstall", release);

async function kubectl(...args: readonly string[]): Promise<string> {
  const file = path.join(controlPlane.binDirectory, "kubectl");
  const { code, stdout, stderr } = await run(file, [`--kubeconfig=${controlPlane.kubeconfigPath}`, ...args]);
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

/** Makes the resource of the samples and gives its uid. */
async function makeCertificate(): Promise<string> {
  await kubectl("wait", "--for=condition=Established", DEFINITION);
  await kubectl("apply", "-f", path.join(ROOT, "deploy/samples/first-certificate.yaml"));
  return certificateUid();
}

function certificateUid(): Promise<string> {
  return kubectl("get", "auc", "orders-api", "-o", "jsonpath={.metadata.uid}");
}

/**
 * The definitions of a release, once their objects can be read: one that is deleted while the API server still prepares
 * the storage of its objects may stay for minutes.
 */
async function readyDefinitions(): Promise<readonly string[]> {
  const names = await kubectl("get", "crd", "-l", "app.kubernetes.io/name=atlas-cert-operator", "-o", "name");
  if (names === "") return [];
  const definitions = names.split("\n");
  await kubectl("wait", "--for=condition=Established", ...definitions);
  for (const definition of definitions) await kubectl("get", path.basename(definition), "--all-namespaces");
  return definitions;
}

/** What a release left behind, but for what it is meant to leave. */
async function leftOvers(): Promise<string> {
  const kinds = "deployments,services,serviceaccounts,roles,rolebindings,networkpolicies,pdb,secrets,configmaps";
  const selector = "app.kubernetes.io/name=atlas-cert-operator";
  const inNamespace = await kubectl("-n", NAMESPACE, "get", kinds, "-l", selector, "-o", "name");
  return inNamespace + (await kubectl("get", "clusterroles,clusterrolebindings", "-l", selector, "-o", "name"));
}

beforeEach(async () => {
  const releases = await helmDoes("list", "--short");
  for (const release of releases.split("\n").filter((name) => name !== "")) await uninstall(release);
  const definitions = await readyDefinitions();
  if (definitions.length > 0) await kubectl("delete", ...definitions);
});

describe("the chart", () => {
  test("brings the definitions and says what comes next", async () => {
    const printed = await install();
    await makeCertificate();
    expect(printed).toContain("watches all namespaces");
    expect(printed).toContain("kubectl create secret generic atlas-api --namespace shop");
    expect(printed).not.toContain("SIMULATED");
  });

  test("upgrades the definitions, whatever labels change, and leaves the resources as they are", async () => {
    await install();
    const uid = await makeCertificate();
    await helmDoes("upgrade", RELEASE, laterChart, "--set", "commonLabels.team=platform,podLabels.color=blue");
    const description = "jsonpath={.spec.versions[0].schema.openAPIV3Schema.description}";
    expect(await kubectl("get", DEFINITION, "-o", description)).toBe(LATER_DESCRIPTION);
    expect(await certificateUid()).toBe(uid);
    await helmDoes("rollback", RELEASE, "1");
    expect(await kubectl("get", DEFINITION, "-o", description)).not.toBe(LATER_DESCRIPTION);
    expect(await certificateUid()).toBe(uid);
  });

  test("leaves definitions and resources when it is uninstalled, and nothing else, and takes them over again", async () => {
    await install();
    const uid = await makeCertificate();
    await uninstall();
    expect(await leftOvers()).toBe("");
    expect(await certificateUid()).toBe(uid);
    await install();
    expect(await certificateUid()).toBe(uid);
  });

  test("under another name takes over what the first left only when it is told to", async () => {
    await install();
    const uid = await makeCertificate();
    await uninstall();
    await expect(helmDoes("install", "another", CHART_FOLDER)).rejects.toThrow(/ownership/);
    await helmDoes("install", "another", CHART_FOLDER, "--take-ownership");
    expect(await certificateUid()).toBe(uid);
  });

  test("takes the definitions away where it is told not to keep them", async () => {
    await install("--set", "crds.keep=false");
    await readyDefinitions();
    await uninstall();
    await kubectl("wait", "--for=delete", DEFINITION, "--timeout=30s");
  });

  test("leaves the definitions when an upgrade hands them over to others", async () => {
    await install();
    const uid = await makeCertificate();
    await helmDoes("upgrade", RELEASE, CHART_FOLDER, "--set", "crds.enabled=false");
    expect(await certificateUid()).toBe(uid);
  });

  test("leaves definitions to others where it is told to", async () => {
    const printed = await install("--set", "crds.enabled=false");
    await expect(kubectl("get", DEFINITION)).rejects.toThrow(/NotFound/);
    expect(printed).toContain("The chart did not install the CustomResourceDefinitions");
  });

  test("needs no more than namespaces where it watches some", async () => {
    await kubectl("create", "namespace", "shop");
    const printed = await install("--set", "watchNamespaces={shop},crds.enabled=false");
    expect(printed).toContain("watches shop.");
    const selector = "app.kubernetes.io/name=atlas-cert-operator";
    expect(await kubectl("get", "clusterroles,clusterrolebindings", "-l", selector, "-o", "name")).toBe("");
    expect(await kubectl("-n", "shop", "get", "rolebindings", "-l", selector, "-o", "name")).not.toBe("");
  });
});

describe("the chart with a simulated Atlas", () => {
  test("says so, with credentials that work", async () => {
    const printed = await install("--set", "simulator.enabled=true");
    expect(printed).toContain("SIMULATED ATLAS. For evaluation only");
    expect(printed).toContain("--from-literal=clientSecret=simulator-owner-not-a-real-secret");
  });

  test("keeps the simulator's certificate, and so its pods, through an upgrade", async () => {
    await install("--set", "simulator.enabled=true");
    const state = async () =>
      (await kubectl("-n", NAMESPACE, "get", "secret", `${RELEASE}-simulator-tls`, "-o", "jsonpath={.data}")) +
      (await kubectl("-n", NAMESPACE, "get", "deployments", "-o", "jsonpath={.items[*].metadata.generation}"));
    const before = await state();
    await helmDoes("upgrade", RELEASE, CHART_FOLDER, "--set", "simulator.enabled=true");
    expect(await state()).toBe(before);
  });
});
