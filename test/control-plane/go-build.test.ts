import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Clock, systemClock } from "../../src/clock.ts";
import { builtFolder } from "./cached-programs.ts";
import { goBuild } from "./go-build.ts";
import { silentProgress } from "./progress.ts";

const PINNED = { kubernetes: "v1.37.2", etcd: "v3.7.3", go: "1.26.0" };
const PLATFORM = "linux-amd64";
const impatient: Clock = { ...systemClock, sleep: () => new Promise((resolve) => setImmediate(resolve)) };

/** Stands in for Go: notes what it was asked for and writes the file that it was asked to. */
const GO = `#!/bin/sh
if [ "$1" = env ]; then printf 'go1.26.8\\nlocal\\n'; exit; fi
echo "$*" >> "$GO_LOG"
if [ -n "$GO_FAILS" ]; then echo "$GO_FAILS" >&2; exit 1; fi
while [ "$1" != -o ]; do shift; done
echo program > "$2" && chmod +x "$2"
`;

async function workshop(environment: Record<string, string> = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), "go-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(path.join(folder, "go"), GO, { mode: 0o755 });
  const log = path.join(folder, "go.log");
  const cache = path.join(folder, "cache");
  const source = goBuild({
    cache,
    pinned: PINNED,
    platform: PLATFORM,
    progress: silentProgress,
    clock: impatient,
    environment: { PATH: `${folder}:${process.env.PATH}`, GO_LOG: log, ...environment },
  });
  const builds = async () => (existsSync(log) ? (await readFile(log, "utf8")).trim().split("\n") : []);
  return { source, cache, builds, built: builtFolder(cache, PINNED, PLATFORM) };
}

describe("the build from source", () => {
  it("puts the programs into the cache folder", async () => {
    const { source, built } = await workshop();
    const answer = await source.find(new Set(["etcd", "kubectl"]));
    expect(answer).toEqual({ kind: "found", directory: built, version: "v1.37.2" });
    expect(await readdir(built)).toEqual(["etcd", "kubectl"]);
  });

  it("builds only what is missing", async () => {
    const { source, builds } = await workshop();
    await source.find(new Set(["etcd"]));
    await source.find(new Set(["etcd", "kubectl"]));
    expect(await builds()).toEqual([
      expect.stringMatching(/ go\.etcd\.io\/etcd\/server\/v3$/),
      expect.stringMatching(/ k8s\.io\/kubernetes\/cmd\/kubectl$/),
    ]);
  });

  it("builds once for two that ask at the same time", async () => {
    const { source, builds } = await workshop();
    await Promise.all([source.find(new Set(["etcd"])), source.find(new Set(["etcd"]))]);
    expect(await builds()).toHaveLength(1);
  });

  it("stamps the version in", async () => {
    const { source, builds } = await workshop();
    await source.find(new Set(["kube-apiserver"]));
    expect((await builds())[0]).toContain("-X k8s.io/component-base/version.gitVersion=v1.37.2");
  });

  it("is passed over with the compiler's words when it fails, and leaves nothing behind", async () => {
    const { source, cache, built } = await workshop({ GO_FAILS: "no space left on device" });
    expect(await source.find(new Set(["etcd"]))).toEqual({
      kind: "passedOver",
      reason: "go build of etcd failed:\nno space left on device",
    });
    expect(await readdir(built)).toEqual([]);
    expect((await readdir(cache)).filter((name) => name.startsWith(".building-"))).toEqual([]);
  });

  it("is passed over when there is no go", async () => {
    const { source } = await workshop({ PATH: "/nowhere" });
    expect(await source.find(new Set(["etcd"]))).toEqual({
      kind: "passedOver",
      reason: "go is not installed: install Go 1.26 or newer (https://go.dev/dl)",
    });
  });
});
