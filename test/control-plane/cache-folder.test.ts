import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { cacheFolder, ensureWritable, UnwritableCacheError } from "./cache-folder.ts";

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "cache-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

describe("the cache folder", () => {
  it.each([
    ["ATLAS_CERTS_CACHE before anything else", { ATLAS_CERTS_CACHE: "/a", XDG_CACHE_HOME: "/x" }, "/a"],
    ["a folder of its own in XDG_CACHE_HOME", { XDG_CACHE_HOME: "/x" }, "/x/atlas-cert-operator"],
    ["~/.cache without either", {}, "/home/me/.cache/atlas-cert-operator"],
    ["~/.cache when XDG_CACHE_HOME is relative", { XDG_CACHE_HOME: "x" }, "/home/me/.cache/atlas-cert-operator"],
    [
      "~/.cache when the variables are empty",
      { ATLAS_CERTS_CACHE: "", XDG_CACHE_HOME: "" },
      "/home/me/.cache/atlas-cert-operator",
    ],
  ])("is %s", (_what, environment, folder) => {
    expect(cacheFolder(environment, "/home/me")).toBe(folder);
  });

  it("is made when it is missing", async () => {
    const folder = path.join(await temporaryFolder(), "a", "b");
    await ensureWritable(folder);
    expect((await stat(folder)).isDirectory()).toBe(true);
  });

  it("is refused in one sentence when it can't be made", async () => {
    const file = path.join(await temporaryFolder(), "file");
    await writeFile(file, "");
    await expect(ensureWritable(path.join(file, "cache"))).rejects.toThrow(
      new UnwritableCacheError(
        `The cache folder ${file}/cache can't be written (ENOTDIR): set ATLAS_CERTS_CACHE to a folder that can.`,
      ),
    );
  });

  it.runIf(process.platform === "linux")("is refused where a folder can never be made", async () => {
    await expect(ensureWritable("/proc/atlas-certs-cache")).rejects.toThrow(UnwritableCacheError);
  });
});
