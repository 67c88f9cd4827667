import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { builtFolder, cachedPrograms, platformName } from "./cached-programs.ts";
import { type AskVersion, kubebuilderAssets } from "./kubebuilder-assets.ts";
import { prebuiltPrograms } from "./prebuilt-programs.ts";
import { type ProgramName, SERVER_PROGRAMS } from "./program-source.ts";
import { silentProgress } from "./progress.ts";

const PINNED = { kubernetes: "v1.37.2", etcd: "v3.7.3", go: "1.26.0" };
const DEMO = new Set<ProgramName>(SERVER_PROGRAMS);
const TESTS = new Set<ProgramName>([...SERVER_PROGRAMS, "kube-controller-manager"]);

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "sources-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

async function fill(folder: string, programs: Iterable<string>): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const program of programs) await writeFile(path.join(folder, program), "", { mode: 0o755 });
  return folder;
}

const sameVersion: AskVersion = async (file) =>
  file.endsWith("kubectl") ? "Client Version: v1.36.1\nKustomize Version: v5.7.1\n" : "Kubernetes v1.36.1\n";

describe("KUBEBUILDER_ASSETS", () => {
  it("isn't asked for when the variable is not set", async () => {
    expect(await kubebuilderAssets(undefined).find(DEMO)).toEqual({ kind: "notAskedFor", reason: "not set" });
  });

  it("supplies the programs at the version that they tell", async () => {
    const folder = await fill(await temporaryFolder(), TESTS);
    const answer = await kubebuilderAssets(folder, sameVersion).find(TESTS);
    expect(answer).toEqual({ kind: "found", directory: folder, version: "v1.36.1" });
  });

  it("is passed over when it lacks a program that is needed", async () => {
    const folder = await fill(await temporaryFolder(), DEMO);
    const answer = await kubebuilderAssets(folder, sameVersion).find(TESTS);
    expect(answer).toEqual({ kind: "passedOver", reason: `${folder} lacks kube-controller-manager` });
  });

  it("is passed over when a program can't be executed", async () => {
    const folder = await fill(await temporaryFolder(), DEMO);
    await chmod(path.join(folder, "kubectl"), 0o644);
    const answer = await kubebuilderAssets(folder, sameVersion).find(DEMO);
    expect(answer).toEqual({ kind: "passedOver", reason: `${folder} lacks kubectl` });
  });

  it("is passed over when the programs are of different versions", async () => {
    const folder = await fill(await temporaryFolder(), DEMO);
    const askVersion: AskVersion = async (file, args) =>
      file.endsWith("kubectl") ? "Client Version: v1.35.0" : sameVersion(file, args);
    expect(await kubebuilderAssets(folder, askVersion).find(DEMO)).toEqual({
      kind: "passedOver",
      reason: `${folder} holds programs of different versions: kube-apiserver v1.36.1, kubectl v1.35.0`,
    });
  });

  it("is passed over when a program doesn't run here", async () => {
    const folder = await fill(await temporaryFolder(), DEMO);
    const askVersion: AskVersion = () => Promise.reject(new Error("exec format error"));
    expect(await kubebuilderAssets(folder, askVersion).find(DEMO)).toEqual({
      kind: "passedOver",
      reason: `kube-apiserver in ${folder} doesn't tell its version: exec format error`,
    });
  });
});

describe("the cache folder", () => {
  it("supplies what was built before", async () => {
    const cache = await temporaryFolder();
    const folder = await fill(builtFolder(cache, PINNED, "linux-amd64"), TESTS);
    const answer = await cachedPrograms(cache, PINNED, "linux-amd64").find(TESTS);
    expect(answer).toEqual({ kind: "found", directory: folder, version: "v1.37.2" });
  });

  it("supplies the newest of what was downloaded before", async () => {
    const cache = await temporaryFolder();
    await fill(path.join(cache, "prebuilt/k8s/v1.37.9-linux-amd64"), DEMO);
    const newest = await fill(path.join(cache, "prebuilt/k8s/v1.37.10-linux-amd64"), DEMO);
    const answer = await cachedPrograms(cache, PINNED, "linux-amd64").find(DEMO);
    expect(answer).toEqual({ kind: "found", directory: newest, version: "v1.37.10" });
  });

  it.each([
    ["another version", "built/kubernetes-v1.36.0-etcd-v3.7.3-linux-amd64"],
    ["another platform", "built/kubernetes-v1.37.2-etcd-v3.7.3-darwin-arm64"],
    ["another minor version, downloaded", "prebuilt/k8s/v1.36.0-linux-amd64"],
    ["another platform, downloaded", "prebuilt/k8s/v1.37.2-darwin-arm64"],
    ["a download that was not completed", "prebuilt/k8s/v1.37.2-linux-amd64.tmp-17-1700000000000"],
  ])("doesn't take the programs of %s", async (_what, folder) => {
    const cache = await temporaryFolder();
    await fill(path.join(cache, folder), TESTS);
    expect((await cachedPrograms(cache, PINNED, "linux-amd64").find(DEMO)).kind).toBe("passedOver");
  });

  it("doesn't mix programs of a download with programs of a build", async () => {
    const cache = await temporaryFolder();
    await fill(path.join(cache, "prebuilt/k8s/v1.37.2-linux-amd64"), DEMO);
    await fill(builtFolder(cache, PINNED, "linux-amd64"), ["kube-controller-manager"]);
    expect(await cachedPrograms(cache, PINNED, "linux-amd64").find(TESTS)).toEqual({
      kind: "passedOver",
      reason: `${cache} has no etcd, kube-apiserver, kubectl of Kubernetes v1.37.2 for linux-amd64 yet`,
    });
  });

  it.each([
    ["linux", "x64", "linux-amd64"],
    ["darwin", "arm64", "darwin-arm64"],
  ] as const)("names the platform %s/%s as Go does", (platform, architecture, name) => {
    expect(platformName(platform, architecture)).toBe(name);
  });
});

describe("the official prebuilt programs", () => {
  it("are passed over without a download when kube-controller-manager is needed", async () => {
    const answer = await prebuiltPrograms("/nowhere", PINNED, silentProgress, {}).find(TESTS);
    expect(answer).toEqual({ kind: "passedOver", reason: "they don't include kube-controller-manager" });
  });
});
