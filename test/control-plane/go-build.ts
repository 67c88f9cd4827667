import { mkdir, mkdtemp, rename } from "node:fs/promises";
import path from "node:path";
import type { Clock } from "../../src/clock.ts";
import { withLock } from "./build-lock.ts";
import { ensureWritable } from "./cache-folder.ts";
import { builtFolder, minorVersion } from "./cached-programs.ts";
import { type CrashGuard, startCrashGuard } from "./crash-guard.ts";
import { askGo, compileGo } from "./go-compile.ts";
import { goProblem } from "./go-toolchain.ts";
import { type PinnedVersions, PROGRAMS_MODULE } from "./pinned-versions.ts";
import { missingPrograms } from "./program-folder.ts";
import type { ProgramName, ProgramSource } from "./program-source.ts";
import type { Progress, Report } from "./progress.ts";

/** The main package of each program, and about how long its first build takes on two cores. */
const PACKAGES: Readonly<Record<ProgramName, { readonly path: string; readonly about: string }>> = {
  etcd: { path: "go.etcd.io/etcd/server/v3", about: "1 min" },
  "kube-apiserver": { path: "k8s.io/kubernetes/cmd/kube-apiserver", about: "5 min" },
  "kube-controller-manager": { path: "k8s.io/kubernetes/cmd/kube-controller-manager", about: "2 min" },
  kubectl: { path: "k8s.io/kubernetes/cmd/kubectl", about: "30 s" },
  kubelet: { path: "k8s.io/kubernetes/cmd/kubelet", about: "2 min" },
  "kube-scheduler": { path: "k8s.io/kubernetes/cmd/kube-scheduler", about: "1 min" },
  "kube-proxy": { path: "k8s.io/kubernetes/cmd/kube-proxy", about: "30 s" },
};

export interface GoBuildOptions {
  readonly cache: string;
  readonly pinned: PinnedVersions;
  /** As in `linux-amd64`. */
  readonly platform: string;
  readonly progress: Progress;
  readonly clock: Clock;
  /** Where `go` is found and what it is told. */
  readonly environment: NodeJS.ProcessEnv;
}

/** A build from the pinned Go module: minutes the first time, kept in the cache folder for the next. */
export function goBuild(options: GoBuildOptions): ProgramSource {
  const { cache, pinned, platform, progress, clock, environment } = options;
  return {
    name: "build from source",
    find: async (need) => {
      const problem = await goProblem(pinned.go, () => askGo(environment));
      if (problem !== undefined) return { kind: "passedOver", reason: problem };
      await ensureWritable(cache);
      const directory = builtFolder(cache, pinned, platform);
      const whileWaiting = (wait: () => Promise<void>) =>
        progress.step("waiting for another process that builds the control plane", wait);
      const failure = await withLock(path.join(cache, "build.lock"), { clock, whileWaiting }, () =>
        buildMissing(directory, need, options),
      );
      if (failure !== undefined) return { kind: "passedOver", reason: failure };
      return { kind: "found", directory, version: pinned.kubernetes };
    },
  };
}

/** Gives the reason when a build fails. The process that held the lock before may have built all of it. */
async function buildMissing(directory: string, need: Iterable<ProgramName>, options: GoBuildOptions) {
  const missing = await missingPrograms(directory, need);
  if (missing.length === 0) return undefined;
  await mkdir(directory, { recursive: true });
  // In the cache folder, not in the system's own: a rename is atomic only within one file system.
  const guard = startCrashGuard(await mkdtemp(path.join(options.cache, ".building-")));
  try {
    for (const program of missing) {
      const version = program === "etcd" ? options.pinned.etcd : options.pinned.kubernetes;
      const text = `building ${program} ${version} from source (first time only, about ${PACKAGES[program].about})`;
      const failure = await options.progress.step(text, (report) => build(program, options, guard, report));
      if (failure !== undefined) return failure;
      await rename(path.join(guard.folder, program), path.join(directory, program));
    }
    return undefined;
  } finally {
    await guard.close();
  }
}

function build(
  program: ProgramName,
  options: GoBuildOptions,
  guard: CrashGuard,
  report: Report,
): Promise<string | undefined> {
  return compileGo({
    report,
    program,
    moduleFolder: PROGRAMS_MODULE,
    packagePath: PACKAGES[program].path,
    linkerFlags: versionStamp(options.pinned.kubernetes),
    outputFile: path.join(guard.folder, program),
    guard,
    environment: options.environment,
  });
}

/** The version that Kubernetes' own build stamps in (hack/lib/version.sh). */
function versionStamp(version: string): readonly string[] {
  const [major, minor] = minorVersion(version).split(".");
  const values = Object.entries({ gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: "clean" });
  return ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"].flatMap((name) =>
    values.map(([key, value]) => `-X ${name}.${key}=${value}`),
  );
}
