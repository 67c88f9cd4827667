import { spawn } from "node:child_process";
import path from "node:path";
import { z } from "zod";
import { ensureWritable } from "./cache-folder.ts";
import { minorVersion, prebuiltFolder } from "./cached-programs.ts";
import type { PinnedVersions } from "./pinned-versions.ts";
import { missingPrograms } from "./program-folder.ts";
import { type ProgramName, type ProgramSource, SERVER_PROGRAMS } from "./program-source.ts";
import type { Progress } from "./progress.ts";

/** The release index is a small file: no answer by then means that there is no way to it. */
const FIRST_ANSWER_LIMIT_MS = 8_000;
/** The archive has about 150 MB. */
const DOWNLOAD_LIMIT_MS = 10 * 60_000;

const answerSchema = z.union([
  z.object({ directory: z.string(), version: z.string() }),
  z.object({ error: z.string() }).transform(({ error }) => ({ error })),
]);

/** The official test binaries of the pinned minor version, downloaded and verified by envtest-js. */
export function prebuiltPrograms(
  cache: string,
  pinned: PinnedVersions,
  progress: Progress,
  environment: NodeJS.ProcessEnv,
): ProgramSource {
  return {
    name: "official prebuilt programs",
    find: async (need) => {
      const never = [...need].filter((program) => !isPrebuilt(program));
      if (never.length > 0) return { kind: "passedOver", reason: `they don't include ${never.join(", ")}` };
      await ensureWritable(cache);
      const text = `looking for the official test binaries of Kubernetes ${minorVersion(pinned.kubernetes)}`;
      const answer = await progress.step(text, () => download(cache, minorVersion(pinned.kubernetes), environment));
      if ("error" in answer) return { kind: "passedOver", reason: answer.error };
      const missing = await missingPrograms(answer.directory, need);
      if (missing.length > 0) return { kind: "passedOver", reason: `${answer.directory} lacks ${missing.join(", ")}` };
      return { kind: "found", directory: answer.directory, version: answer.version };
    },
  };
}

function isPrebuilt(program: ProgramName): boolean {
  return SERVER_PROGRAMS.some((server) => server === program);
}

async function download(cache: string, version: string, environment: NodeJS.ProcessEnv) {
  const script = path.join(import.meta.dirname, "download-prebuilt.ts");
  // envtest-js would hand this folder back instead of downloading; it has been passed over already.
  const { KUBEBUILDER_ASSETS: _passedOver, NODE_OPTIONS: _ofTheTestRunner, ...env } = environment;
  const child = spawn(process.execPath, [script, prebuiltFolder(cache), version], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let ended = "";
  const end = (reason: string) => {
    ended = reason;
    child.kill("SIGKILL");
  };
  const total = setTimeout(
    () => end(`no complete download within ${DOWNLOAD_LIMIT_MS / 60_000} min`),
    DOWNLOAD_LIMIT_MS,
  );
  const first = setTimeout(
    () => end(`no answer from the release index within ${FIRST_ANSWER_LIMIT_MS / 1_000} s`),
    FIRST_ANSWER_LIMIT_MS,
  );
  child.stderr.once("data", () => clearTimeout(first));
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
  });
  await new Promise((resolve) => child.once("close", resolve).once("error", resolve));
  clearTimeout(total);
  clearTimeout(first);
  if (ended) return { error: ended };
  const answer = answerSchema.safeParse(parseJson(output));
  return answer.success ? answer.data : { error: "the download ended without an answer" };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
