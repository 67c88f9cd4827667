import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import packageJson from "../../../package.json" with { type: "json" };
import { buildOperatorImage } from "../../image/operator-image.ts";
import { runCommand } from "../../run-command.ts";
import { BUILT_MS, builtImage } from "./built-image.ts";

const ANOTHER_TAG = "atlas-cert-operator:built-again";
const ROOT = path.join(import.meta.dirname, "../../..");
const SCRIPT = "app/atlas-cert-operator.mjs";

const imageSchema = z.tuple([
  z.object({
    RootFS: z.object({ Layers: z.array(z.string()) }),
    Config: z.object({
      User: z.string(),
      Labels: z.record(z.string(), z.string()),
      ExposedPorts: z.unknown().optional(),
      Healthcheck: z.unknown().optional(),
    }),
  }),
]);

const image = builtImage();
/** The files of the image, unpacked. */
let folder: string;
/** Its files, without folders. */
let files: readonly string[];
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "image-contents-"));
  const container = (await runCommand(["docker", "create", image.tag])).trim();
  try {
    await runCommand(["docker", "export", "--output", path.join(folder, "export.tar"), container]);
  } finally {
    await runCommand(["docker", "rm", container]);
  }
  const listed = await runCommand(["tar", "--list", "--file", path.join(folder, "export.tar")]);
  files = listed.split("\n").filter((file) => file !== "" && !file.endsWith("/") && !MADE_BY_DOCKER.test(file));
  await runCommand([
    "tar",
    "--extract",
    "--file",
    path.join(folder, "export.tar"),
    "--directory",
    folder,
    "app",
    "etc",
  ]);
}, BUILT_MS);
afterAll(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true });
});

/** What docker puts into every container. */
const MADE_BY_DOCKER = /^(\.dockerenv|dev\/.*|etc\/(hostname|hosts|mtab|resolv\.conf))$/;

test("holds Node, the libraries it links, certificates, the scripts with their maps, licences, and nothing else", () => {
  const isLibrary = (file: string) =>
    /^(usr\/)?lib(64)?\/([a-z0-9_-]+\/)?(lib[a-z+_]+|ld-[a-z0-9_-]+)\.so\.\d+$/.test(file);
  const isLicence = (file: string) => file.startsWith("usr/share/licenses/");
  expect(files.filter((file) => !isLibrary(file) && !isLicence(file)).toSorted()).toEqual([
    "app/LICENSE",
    "app/LICENSES.txt",
    SCRIPT,
    `${SCRIPT}.map`,
    "app/atlas-simulator.mjs",
    "app/atlas-simulator.mjs.map",
    "app/chunk.mjs",
    "app/chunk.mjs.map",
    "app/keystore.mjs",
    "app/keystore.mjs.map",
    "app/kubeconfig-file.mjs",
    "app/kubeconfig-file.mjs.map",
    "app/kubectl-atlascerts.mjs",
    "app/kubectl-atlascerts.mjs.map",
    "etc/ssl/certs/ca-certificates.crt",
    "usr/bin/node",
  ]);
  expect(files.filter(isLibrary)).toContainEqual(expect.stringMatching(/\/libc\.so\.6$/));
});

test("has the licence text of every package that is in a script", async () => {
  const texts = await readFile(path.join(folder, "app/LICENSES.txt"), "utf8");
  for (const name of Object.keys(packageJson.dependencies)) expect(texts).toMatch(new RegExp(`^${name} \\d`, "m"));
  expect(texts).not.toMatch(/^(vitest|esbuild|testcontainers) \d/m);
});

test("has the certificates of the public authorities", async () => {
  const certificates = await readFile(path.join(folder, "etc/ssl/certs/ca-certificates.crt"), "utf8");
  expect(certificates.match(/-----BEGIN CERTIFICATE-----/g)?.length).toBeGreaterThan(50);
});

test("its source map is that of the product's own sources, and holds none of them", async () => {
  const map = z
    .object({ sources: z.array(z.string()), sourcesContent: z.never().optional() })
    .parse(JSON.parse(await readFile(path.join(folder, `${SCRIPT}.map`), "utf8")));
  expect(map.sources).toContain("src/main.ts");
});

test("says version and commit, in its labels and to who asks", async () => {
  const head = (await runCommand(["git", "rev-parse", "HEAD"], { cwd: ROOT })).trim();
  const says = await runCommand(["docker", "run", "--rm", "--network=none", image.tag, "--version"]);
  expect(says).toMatch(new RegExp(`^atlas-cert-operator ${packageJson.version} \\(commit ${head}(-dirty)?\\)\n$`));
  const { Labels } = (await inspect(image.tag)).Config;
  expect(Labels).toEqual({
    "org.opencontainers.image.title": packageJson.name,
    "org.opencontainers.image.description": packageJson.description,
    "org.opencontainers.image.licenses": packageJson.license,
    "org.opencontainers.image.version": packageJson.version,
    "org.opencontainers.image.revision": expect.stringMatching(new RegExp(`^${head}(-dirty)?$`)),
    "org.opencontainers.image.created": new Date(
      (await runCommand(["git", "log", "-1", "--format=%cI"], { cwd: ROOT })).trim(),
    ).toISOString(),
  });
});

test("another build of the commit, of which nothing was there before, gives the same layers", {
  timeout: BUILT_MS,
}, async () => {
  const dangling = async () =>
    (await runCommand(["docker", "images", "--quiet", "--filter=dangling=true"])).split("\n");
  const before = new Set(await dangling());
  await buildOperatorImage({ tag: ANOTHER_TAG, cache: false });
  const [first, second] = [await inspect(image.tag), await inspect(ANOTHER_TAG)];
  await runCommand(["docker", "rmi", ANOTHER_TAG]);
  // Its build stage is of no use to a later build.
  const left = (await dangling()).filter((id) => id !== "" && !before.has(id));
  if (left.length > 0) await runCommand(["docker", "rmi", ...left]);
  expect(second.RootFS.Layers).toEqual(first.RootFS.Layers);
  expect(first.RootFS.Layers.length).toBe(2);
  expect(first.Config).toMatchObject({ User: "65532:65532" });
});

async function inspect(tag: string): Promise<z.output<typeof imageSchema>[0]> {
  return imageSchema.parse(JSON.parse(await runCommand(["docker", "image", "inspect", tag])))[0];
}
