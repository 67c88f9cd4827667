import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { objectsOf } from "../../../deploy/generate/manifest-files.ts";
import { controlPlane, freshNamespace, kubectl, rest } from "../../control-plane/control-plane.ts";
import { runCommand } from "../../run-command.ts";
import { ROOT } from "./rendering.ts";

/** What other repositories take from this one by its URL, and the samples for Argo CD and Flux. */

const KINDS = ["AtlasUserCertificate", "AtlasProjectX509", "AtlasCustomerX509Removal"];
const read = (file: string) => readFile(path.join(ROOT, file), "utf8");

let folder: string;
/** With the path in the repository behind it, a URL as kustomize takes it. */
let repository: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "gitops-"));
  const clone = path.join(folder, "repository");
  await mkdir(clone);
  await cp(path.join(ROOT, "deploy"), path.join(clone, "deploy"), { recursive: true });
  const git = (...args: string[]) => runCommand(["git", "-C", clone, ...args]);
  await git("init", "--quiet");
  await git("add", "--all");
  await git("-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "--message=test");
  await git("tag", "v0.1.0");
  repository = `file://${clone}/`;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What argocd-cm must hold. */
async function scripts(): Promise<Readonly<Record<string, string>>> {
  const health = await read("deploy/samples/gitops/argo-cd/health.lua");
  return Object.fromEntries(KINDS.map((kind) => [`resource.customizations.health.atlascerts.io_${kind}`, health]));
}

/** What kubectl makes of a kustomization in another repository. */
async function kustomize(kustomization: object, files: Readonly<Record<string, string>> = {}) {
  const elsewhere = await mkdtemp(path.join(folder, "elsewhere-"));
  await writeFile(path.join(elsewhere, "kustomization.yaml"), JSON.stringify(kustomization));
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(elsewhere, name), text);
  return objectsOf(await kubectl("kustomize", elsewhere));
}

test("the kustomize base works by its URL", async () => {
  const [base, image] = ["deploy/kustomize/base", "registry.example.com/atlas-cert-operator"];
  const resources = [`${repository}/${base}?ref=v0.1.0`];
  const objects = await kustomize({ resources, images: [{ name: "atlas-cert-operator", newName: image }] });
  const here = objectsOf(await kubectl("kustomize", path.join(ROOT, base)));
  expect(objects).toHaveLength(here.length);
  expect(JSON.stringify(objects)).toContain(`"image":"${image}:`);
});

test("the component for Argo CD adds the health of each kind to what argocd-cm holds, by its URL", async () => {
  const config = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "argocd-cm" },
    data: { url: "https://argo" },
  };
  const components = [`${repository}/deploy/samples/gitops/argo-cd?ref=v0.1.0`];
  const objects = await kustomize({ resources: ["cm.yaml"], components }, { "cm.yaml": JSON.stringify(config) });
  expect(objects).toMatchObject([{ ...config, data: { ...config.data, ...(await scripts()) } }]);
});

test("the commands of docs/gitops.md add the health of each kind to argocd-cm", async () => {
  const namespace = await freshNamespace("argocd");
  const data = { url: "https://argo" };
  await rest("POST", `/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name: "argocd-cm" }, data });
  const [, commands = ""] = /^```sh\n(health=.*?)^```/ms.exec(await read("docs/gitops.md")) ?? [];
  const { kubeconfigPath, binDirectory } = controlPlane();
  await runCommand(["bash", "-euo", "pipefail", "-c", commands.replaceAll("argocd ", `${namespace} `)], {
    env: { ...process.env, PATH: `${binDirectory}:${process.env.PATH}`, KUBECONFIG: kubeconfigPath },
    cwd: ROOT,
  });
  const { body } = await rest("GET", `/api/v1/namespaces/${namespace}/configmaps/argocd-cm`);
  expect(body).toMatchObject({ data: { ...data, ...(await scripts()) } });
});

describe("the Kustomizations for Flux", async () => {
  const schema = z.object({
    metadata: z.object({ name: z.string() }),
    spec: z.object({
      dependsOn: z.array(z.object({ name: z.string() })).default([]),
      path: z.string(),
      wait: z.boolean(),
    }),
  });
  const text = await read("deploy/samples/gitops/flux/kustomizations.yaml");
  const kustomizations = parseAllDocuments(text).map((document) => schema.parse(document.toJS()));

  test("apply the operator and then the certificate, and wait for both", () => {
    expect(kustomizations.map(({ metadata, spec }) => [metadata.name, spec.dependsOn, spec.wait])).toEqual([
      ["platform", [], true],
      ["shop", [{ name: "platform" }], true],
    ]);
  });

  test.each(kustomizations)("$metadata.name names a folder that kubectl can build", async ({ spec }) => {
    expect(objectsOf(await kubectl("kustomize", path.join(ROOT, spec.path))).length).toBeGreaterThan(0);
  });
});
