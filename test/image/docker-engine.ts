import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { type Clock, systemClock } from "../../src/clock.ts";
import { withLock } from "../control-plane/build-lock.ts";
import { cacheFolder, ensureWritable } from "../control-plane/cache-folder.ts";
import { type CrashGuard, startCrashGuard } from "../control-plane/crash-guard.ts";
import type { Progress } from "../control-plane/progress.ts";

const execute = promisify(execFile);

/** Where Debian puts dockerd; a PATH need not name it. */
const SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin";
/** dockerd sets its network up with iptables, which its package only recommends. */
const PACKAGES = ["docker.io", "iptables"];
const START_LIMIT_MS = 60_000;
const POLL_MS = 200;

/** There is no Docker engine to work with. The message says what to do. */
export class NoDockerError extends Error {
  override readonly name = "NoDockerError";
}

export interface DockerEngine {
  /** Ends the engine if it was started here; another one is left as it is. */
  stop(): Promise<void>;
}

export interface DockerEngineOptions {
  readonly progress: Progress;
  /** @default systemClock */
  readonly clock?: Clock;
}

/**
 * The Docker engine of this machine: the one that runs, else one that is started here, and installed before where that
 * may be done without a question (root, on a system with apt-get). It ends with this process, however that dies.
 *
 * @throws NoDockerError
 */
export async function dockerEngine(options: DockerEngineOptions): Promise<DockerEngine> {
  const { progress, clock = systemClock } = options;
  if (await answers()) return LEFT_AS_IT_IS;
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    throw new NoDockerError(
      "No Docker engine answers `docker info`, and only root could start one here: start Docker.",
    );
  }
  const cache = cacheFolder(process.env, homedir());
  await ensureWritable(cache);
  const whileWaiting = (wait: () => Promise<void>) =>
    progress.step("waiting for another process that starts a Docker engine", wait);
  return withLock(path.join(cache, "docker-engine.lock"), { clock, whileWaiting }, async () => {
    if (await answers()) return LEFT_AS_IT_IS;
    if (!(await isThere("dockerd")) || !(await isThere("docker"))) await install(progress);
    // Where a service manager is at work, the package has started it.
    if (await answers()) return LEFT_AS_IT_IS;
    return progress.step("starting a Docker engine", () => start(clock));
  });
}

const LEFT_AS_IT_IS: DockerEngine = { stop: async () => {} };

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH ?? ""}:${SYSTEM_FOLDERS}` };
}

async function answers(): Promise<boolean> {
  return succeeds("docker", ["info"]);
}

async function isThere(program: string): Promise<boolean> {
  return succeeds("which", [program]);
}

async function succeeds(file: string, args: readonly string[]): Promise<boolean> {
  try {
    await execute(file, args, { env: environment() });
    return true;
  } catch {
    return false;
  }
}

async function install(progress: Progress): Promise<void> {
  if (!(await isThere("apt-get"))) {
    throw new NoDockerError(
      "There is no Docker engine, and no apt-get to install one with: install Docker and start it.",
    );
  }
  const env = { ...environment(), DEBIAN_FRONTEND: "noninteractive" };
  // A machine where another installation is under way waits for it.
  const flags = ["-o", "DPkg::Lock::Timeout=300", "-qq"];
  try {
    await progress.step(`installing ${PACKAGES.join(" and ")} with apt-get`, async () => {
      await execute("apt-get", [...flags, "update"], { env });
      await execute("apt-get", [...flags, "install", "-y", "--no-install-recommends", ...PACKAGES], { env });
    });
  } catch (error: unknown) {
    const says = error instanceof Error ? error.message : String(error);
    throw new NoDockerError(`There is no Docker engine, and apt-get can't install one: ${says.trim().slice(-2_000)}`, {
      cause: error,
    });
  }
}

async function start(clock: Clock): Promise<DockerEngine> {
  const guard = startCrashGuard(await mkdtemp(path.join(tmpdir(), "docker-engine-")));
  const logFile = path.join(guard.folder, "dockerd.log");
  const log = await open(logFile, "w");
  const dockerd = spawn("dockerd", [], {
    env: environment(),
    // A group of its own: Ctrl-C must not end it before the containers, and the guard ends it with its containerd.
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  const exited = once(dockerd, "exit");
  exited.catch(() => {});
  if (dockerd.pid !== undefined) guard.watch(dockerd.pid);
  await log.close();
  const startedMs = clock.monotonic();
  while (!(await answers())) {
    const over = dockerd.exitCode !== null || dockerd.pid === undefined;
    if (over || clock.monotonic() - startedMs > START_LIMIT_MS) {
      const says = await readFile(logFile, "utf8");
      await guard.close();
      throw new NoDockerError(`dockerd does not start on this machine: ${says.trim().split("\n").slice(-3).join(" ")}`);
    }
    await clock.sleep(POLL_MS);
  }
  // Whoever forgets to stop it is not kept alive by it; the guard does it then.
  dockerd.unref();
  return { stop: () => stop(dockerd, exited, guard) };
}

async function stop(dockerd: ReturnType<typeof spawn>, exited: Promise<unknown>, guard: CrashGuard): Promise<void> {
  dockerd.ref();
  dockerd.kill("SIGTERM");
  await exited;
  if (dockerd.pid !== undefined) guard.forget(dockerd.pid);
  await guard.close();
}
