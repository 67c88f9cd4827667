import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { isMap, parse, parseAllDocuments } from "yaml";
import { z } from "zod";
import { CHART } from "./chart-files.ts";

const execute = promisify(execFile);
const ROOT = path.join(import.meta.dirname, "../..");

/** Name, release and namespace of an installation without Helm. */
const NAME = "atlas-cert-operator";
const BASE = "deploy/kustomize/base";
const HEADER = "# Generated from the chart by `make manifests`. Change the chart.\n";

/** Who manages an object is Helm's to say; the rest of what it adds is of no use to others. */
const HELM_LABELS = ["helm.sh/chart", "app.kubernetes.io/managed-by"];
const HELM_ANNOTATIONS = ["helm.sh/resource-policy"];

/** Each file of the base and the kinds that it holds; what is named nowhere goes to the last one. */
const FILES: readonly { readonly name: string; readonly kinds: readonly string[] }[] = [
  { name: "crds.yaml", kinds: ["CustomResourceDefinition"] },
  { name: "rbac.yaml", kinds: ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"] },
  {
    name: "admission-policy.yaml",
    kinds: ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"],
  },
  { name: "operator.yaml", kinds: [] },
];

/**
 * The manifests for those who don't use Helm: the files of the kustomize base, and all of them in one.
 *
 * @param helm the path of Helm
 * @returns file, from the root of the repository, to its text
 */
export async function manifestFiles(helm: string): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await execute(helm, ["template", NAME, CHART, "--namespace", NAME, "--no-hooks"], { cwd: ROOT });
  const parts = new Map(FILES.map(({ name }) => [name, ""]));
  for (const document of parseAllDocuments(stdout)) {
    if (!isMap(document.contents)) continue;
    const kind = z.string().parse(document.get("kind"));
    const file = FILES.find(({ kinds }) => kinds.includes(kind)) ?? FILES.at(-1);
    for (const [map, keys] of [
      ["labels", HELM_LABELS],
      ["annotations", HELM_ANNOTATIONS],
    ] as const) {
      const entries = document.getIn(["metadata", map]);
      if (!isMap(entries)) continue;
      for (const key of keys) entries.delete(key);
      if (entries.items.length === 0) document.deleteIn(["metadata", map]);
    }
    // Helm's own remark about the template that it comes from.
    document.commentBefore = document.commentBefore?.replace(/^ Source: .*\n?/m, "") || null;
    document.contents.commentBefore = document.contents.commentBefore?.replace(/^ Source: .*\n?/m, "") || null;
    const text = document.toString({ lineWidth: 0, directives: false, flowCollectionPadding: false }).trim();
    if (file !== undefined) parts.set(file.name, `${parts.get(file.name) ?? ""}---\n${text}\n`);
  }
  const namespace = await readFile(path.join(ROOT, BASE, "namespace.yaml"), "utf8");
  const files = new Map([...parts].map(([name, text]) => [`${BASE}/${name}`, HEADER + text]));
  const all = [`---\n${namespace}`, ...parts.values()].join("");
  files.set("deploy/atlas-cert-operator.yaml", `${HEADER}# kubectl apply --server-side -f this file.\n${all}`);
  return files;
}

/** Objects of a manifest, in its order. */
export function objectsOf(manifest: string): readonly unknown[] {
  return manifest
    .split(/^---\n/m)
    .map((text): unknown => parse(text))
    .filter((object) => object !== null);
}
