import { readdir } from "node:fs/promises";
import path from "node:path";
import type { PinnedVersions } from "./pinned-versions.ts";
import { missingPrograms } from "./program-folder.ts";
import type { ProgramSource } from "./program-source.ts";

/** As in `linux-amd64`, in Go's words. */
export function platformName(platform: NodeJS.Platform, architecture: string): string {
  const goArchitecture = { x64: "amd64", ppc64: "ppc64le" }[architecture] ?? architecture;
  return `${platform}-${goArchitecture}`;
}

/** Where the programs built from the Go module are kept. One set per folder: they never mix with another version's. */
export function builtFolder(cache: string, pinned: PinnedVersions, platform: string): string {
  return path.join(cache, "built", `kubernetes-${pinned.kubernetes}-etcd-${pinned.etcd}-${platform}`);
}

/** Where downloaded programs are kept: envtest-js lays out `k8s/<version>-<platform>` below it. */
export function prebuiltFolder(cache: string): string {
  return path.join(cache, "prebuilt");
}

/** What earlier runs built or downloaded. */
export function cachedPrograms(cache: string, pinned: PinnedVersions, platform: string): ProgramSource {
  return {
    name: "cache folder",
    find: async (need) => {
      const built = builtFolder(cache, pinned, platform);
      const missing = await missingPrograms(built, need);
      if (missing.length === 0) return { kind: "found", directory: built, version: pinned.kubernetes };
      for (const { directory, version } of await downloaded(cache, pinned, platform)) {
        if ((await missingPrograms(directory, need)).length === 0) return { kind: "found", directory, version };
      }
      return {
        kind: "passedOver",
        reason: `${cache} has no ${missing.join(", ")} of Kubernetes ${pinned.kubernetes} for ${platform} yet`,
      };
    },
  };
}

/** The downloaded sets of the pinned minor version, newest first. */
async function downloaded(cache: string, pinned: PinnedVersions, platform: string) {
  const parent = path.join(prebuiltFolder(cache), "k8s");
  let names: string[];
  try {
    names = await readdir(parent);
  } catch (error: unknown) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
  const prefix = `v${minorVersion(pinned.kubernetes)}.`;
  return names
    .filter((name) => name.startsWith(prefix) && name.endsWith(`-${platform}`))
    .map((name) => ({ directory: path.join(parent, name), version: name.slice(0, -platform.length - 1) }))
    .sort((a, b) => b.version.localeCompare(a.version, "en", { numeric: true }));
}

/** `1.37` of `v1.37.2`. */
export function minorVersion(version: string): string {
  return version.replace(/^v/, "").split(".").slice(0, 2).join(".");
}
