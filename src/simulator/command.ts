import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { type FlagValues, readFlags, UsageError } from "../flags.ts";
import { SIMULATE_FLAGS, SIMULATE_USAGE } from "./command-flags.ts";
import { FixturesError, parseFixtures } from "./fixtures.ts";
import { type ServerPair, type Simulator, type SimulatorOptions, startSimulator } from "./simulator.ts";

export interface SimulateContext {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Its abort is the orderly end. */
  readonly signal: AbortSignal;
}

/**
 * Runs `atlas-cert-operator simulate` until the signal aborts.
 *
 * @param argv the arguments behind the verb
 * @returns the exit code: 0 after an orderly end, 1 where it could not start
 * @throws UsageError for flags or fixtures that are not allowed
 */
export async function simulateCommand(argv: readonly string[], context: SimulateContext): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    context.stdout.write(SIMULATE_USAGE);
    return 0;
  }
  const flags = readFlags(SIMULATE_FLAGS, argv, context.environment);
  const options = await simulatorOptions(flags);
  try {
    await serve(options, flags["ca-file"], context);
    return 0;
  } catch (error: unknown) {
    context.stderr.write(`atlas-cert-operator: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

/** @param caFile undefined: a temporary one */
async function serve(options: SimulatorOptions, caFile: string | undefined, context: SimulateContext): Promise<void> {
  await using simulator = await startSimulator(options);
  const folder = caFile === undefined ? await mkdtemp(join(tmpdir(), "atlas-simulator-")) : undefined;
  try {
    const file = caFile ?? join(folder ?? "", "ca.pem");
    await writeFile(file, simulator.caPem);
    context.stdout.write(`${JSON.stringify(describe(simulator, file))}\n`);
    await aborted(context.signal);
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

function describe({ url, adminUrl, projects, credentials }: Simulator, caFile: string) {
  return { url, adminUrl, projects, credentials, caFile };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

async function simulatorOptions(flags: FlagValues<typeof SIMULATE_FLAGS>): Promise<SimulatorOptions> {
  return {
    host: flags.host,
    port: flags.port,
    tls: (await readServerPair(flags["tls-cert-file"], flags["tls-key-file"])) ?? flags.tls,
    adminHost: flags["admin-host"],
    adminPort: flags["admin-port"],
    fixtures: await readFixtures(flags.fixtures),
    monthMs: flags.month,
    keyAlgorithm: flags["key-algorithm"],
    certificateLimit: flags["certificate-limit"],
    rateLimit: flags["rate-limit"],
    digestAlgorithm: flags["digest-algorithm"],
    roleMissingStatus: flags["role-missing-status"] === "401" ? 401 : 403,
  };
}

async function readServerPair(certFile: string | undefined, keyFile: string | undefined) {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    throw new UsageError("--tls-cert-file and --tls-key-file require each other");
  }
  const pair: ServerPair = {
    certificatePem: await readFlagFile("tls-cert-file", certFile),
    privateKeyPem: await readFlagFile("tls-key-file", keyFile),
  };
  try {
    createSecureContext({ cert: pair.certificatePem, key: pair.privateKeyPem });
  } catch (error: unknown) {
    // Without what the TLS library says of it, which is no sentence.
    throw new UsageError("--tls-cert-file and --tls-key-file are not a PEM certificate and its private key", {
      cause: error,
    });
  }
  return pair;
}

async function readFixtures(file: string | undefined): Promise<SimulatorOptions["fixtures"]> {
  if (file === undefined) return undefined;
  const text = await readFlagFile("fixtures", file);
  try {
    return parseFixtures(JSON.parse(text));
  } catch (error: unknown) {
    if (error instanceof SyntaxError) {
      throw new UsageError(`--fixtures ${file} is not JSON: ${error.message}`, { cause: error });
    }
    if (error instanceof FixturesError) throw new UsageError(`--fixtures ${file}: ${error.message}`, { cause: error });
    throw error;
  }
}

async function readFlagFile(flag: keyof typeof SIMULATE_FLAGS, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error: unknown) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--${flag} ${file} cannot be read: ${reason}`, { cause: error });
  }
}
