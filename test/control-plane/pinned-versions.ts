import { readFile } from "node:fs/promises";
import path from "node:path";

/** The Go module that pins the programs and builds them. */
export const PROGRAMS_MODULE = path.join(import.meta.dirname, "programs");

export interface PinnedVersions {
  /** As in `v1.37.2`. */
  readonly kubernetes: string;
  /** As in `v3.7.3`. */
  readonly etcd: string;
  /** The oldest Go that builds them, as in `1.26.0`. */
  readonly go: string;
}

/** @throws Error when go.mod can't be read or lacks one of them. */
export async function readPinnedVersions(moduleFolder = PROGRAMS_MODULE): Promise<PinnedVersions> {
  return parsePinnedVersions(await readFile(path.join(moduleFolder, "go.mod"), "utf8"));
}

/** Takes the text of a go.mod file (https://go.dev/ref/mod#go-mod-file). */
export function parsePinnedVersions(goMod: string): PinnedVersions {
  const find = (what: string, pattern: RegExp): string => {
    const version = pattern.exec(goMod)?.[1];
    if (version === undefined) throw new Error(`go.mod of the control plane's programs names no version of ${what}`);
    return version;
  };
  return {
    kubernetes: find("k8s.io/kubernetes", /^\s*(?:require\s+)?k8s\.io\/kubernetes\s+(v\S+)/m),
    etcd: find("go.etcd.io/etcd/server/v3", /^\s*(?:require\s+)?go\.etcd\.io\/etcd\/server\/v3\s+(v\S+)/m),
    go: find("go", /^go\s+(\d\S*)/m),
  };
}
