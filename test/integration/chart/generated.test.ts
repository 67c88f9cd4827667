import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { CHART, chartFiles } from "../../../deploy/generate/chart-files.ts";
import { manifestFiles, objectsOf } from "../../../deploy/generate/manifest-files.ts";
import { freshNamespace, kubectl, kubectlWithInput } from "../../control-plane/control-plane.ts";
import { HELM_BUILD_MS, helmPath, ROOT } from "./rendering.ts";

const read = (file: string) => readFile(path.join(ROOT, file), "utf8");
const MANIFEST = "deploy/atlas-cert-operator.yaml";

beforeAll(async () => {
  await helmPath();
}, HELM_BUILD_MS);

async function expectCurrent(files: ReadonlyMap<string, string>, command: string): Promise<void> {
  for (const [file, text] of files) expect(await read(file), `${file} is out of date: ${command}`).toBe(text);
}

describe("what is generated", () => {
  test("is current in the chart", async () => {
    const files = await chartFiles();
    await expectCurrent(files, "make chart");
    for (const folder of ["files/crds", "files/rbac"]) {
      for (const name of await readdir(path.join(ROOT, CHART, folder))) {
        expect([...files.keys()]).toContain(`${CHART}/${folder}/${name}`);
      }
    }
  });

  test("is current in the manifests", async () => {
    await expectCurrent(await manifestFiles(await helmPath()), "make manifests");
  });
});

describe("the manifests for those who don't use Helm", () => {
  test("are the same objects as a file and as a kustomize base", async () => {
    const byKustomize = objectsOf(await kubectl("kustomize", path.join(ROOT, "deploy/kustomize/base")));
    const inFile = objectsOf(await read(MANIFEST));
    const sorted = (objects: readonly unknown[]) => objects.map((each) => JSON.stringify(sortKeys(each))).toSorted();
    expect(sorted(byKustomize)).toEqual(sorted(inFile));
    expect(inFile.length).toBeGreaterThan(8);
  });

  test("have nothing of Helm's", async () => {
    expect(await read(MANIFEST)).not.toMatch(/helm/i);
  });

  test("are accepted by the API server", async () => {
    // Objects in a namespace that a dry run doesn't make would find none: they are tried in one of the test.
    const namespace = await freshNamespace("manifests");
    const objects = objectsOf(
      (await read(MANIFEST)).replaceAll("namespace: atlas-cert-operator", `namespace: ${namespace}`),
    );
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
    const flags = ["--dry-run=server", "--validate=strict", "--server-side", "--force-conflicts", "-f", "-"];
    expect((await kubectlWithInput(list, "apply", ...flags)).trim().split("\n")).toHaveLength(objects.length);
  });

  test("take another namespace and another image in a kustomization around them", async () => {
    const printed = await kubectl("kustomize", path.join(ROOT, "deploy/samples/gitops/platform"));
    expect(printed).toContain("image: registry.example.com/atlas-cert-operator:0.1.0");
  });
});

describe("the samples", () => {
  test.each(["first-certificate.yaml", "atlas-credentials.yaml", "simulator-credentials.yaml", "app.yaml"])(
    "%s is accepted by the API server in a restricted namespace",
    async (name) => {
      const namespace = await freshNamespace("samples");
      await kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/warn=restricted");
      const flags = ["--dry-run=server", "--validate=strict", "--warnings-as-errors"];
      const printed = await kubectl("-n", namespace, "apply", ...flags, "-f", path.join(ROOT, "deploy/samples", name));
      expect(printed).toMatch(/ created \(server dry run\)\n$/);
    },
  );

  test("of GitOps hold an app's certificate in its namespace", async () => {
    const printed = await kubectl("kustomize", path.join(ROOT, "deploy/samples/gitops/shop"));
    const kinds = objectsOf(printed).map((each) => JSON.stringify(each).match(/"kind":"(\w+)"/)?.[1]);
    expect(kinds).toEqual(["Namespace", "AtlasUserCertificate"]);
  });
});

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}
