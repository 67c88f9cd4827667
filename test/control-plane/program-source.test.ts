import { describe, expect, it } from "vitest";
import {
  chooseSource,
  NoProgramsError,
  type ProgramName,
  type ProgramSource,
  type SourceAnswer,
} from "./program-source.ts";
import { type Progress, silentProgress } from "./progress.ts";

const NEED = new Set<ProgramName>(["etcd", "kube-apiserver"]);
const found: SourceAnswer = { kind: "found", directory: "/programs", version: "v1.37.2" };
const passedOver: SourceAnswer = { kind: "passedOver", reason: "it lacks etcd" };
const notAskedFor: SourceAnswer = { kind: "notAskedFor", reason: "not set" };

function source(name: string, answer: SourceAnswer): ProgramSource {
  return { name, find: async () => answer };
}

async function linesOf(...sources: ProgramSource[]): Promise<string[]> {
  const lines: string[] = [];
  const progress: Progress = { ...silentProgress, line: (text) => lines.push(text) };
  await chooseSource(NEED, sources, progress);
  return lines;
}

describe("chooseSource", () => {
  it("takes the first source that has everything", async () => {
    const chosen = await chooseSource(
      NEED,
      [source("a", passedOver), source("b", found), source("c", found)],
      silentProgress,
    );
    expect(chosen).toEqual({ directory: "/programs", version: "v1.37.2", source: "b" });
  });

  it("doesn't ask the sources behind the one that it takes", async () => {
    let asked = false;
    const last: ProgramSource = {
      name: "slow",
      find: async () => {
        asked = true;
        return found;
      },
    };
    await chooseSource(NEED, [source("a", found), last], silentProgress);
    expect(asked).toBe(false);
  });

  it("prints why it passed a source over", async () => {
    expect(await linesOf(source("cache", passedOver), source("build", found))).toEqual([
      "cache passed over: it lacks etcd",
    ]);
  });

  it("doesn't mention a way that nobody asked for when the next one works", async () => {
    expect(await linesOf(source("assets", notAskedFor), source("cache", found))).toEqual([]);
  });

  it("mentions a way that nobody asked for once another one has failed as well", async () => {
    expect(await linesOf(source("assets", notAskedFor), source("cache", passedOver), source("build", found))).toEqual([
      "assets passed over: not set",
      "cache passed over: it lacks etcd",
    ]);
  });

  it("fails with what is needed and every reason when no source has it", async () => {
    const choice = chooseSource(NEED, [source("assets", notAskedFor), source("cache", passedOver)], silentProgress);
    await expect(choice).rejects.toThrow(
      new NoProgramsError(
        [
          "No Kubernetes control plane to run, for want of etcd, kube-apiserver. Mend one of these ways:",
          "  assets passed over: not set",
          "  cache passed over: it lacks etcd",
        ].join("\n"),
      ),
    );
  });
});
