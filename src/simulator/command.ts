import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseDurationMs } from "../api/duration.ts";
import { KEY_ALGORITHMS } from "./certificate-authority.ts";
import { DIGEST_ALGORITHMS } from "./digest.ts";
import { FixturesError, parseFixtures } from "./fixtures.ts";
import { type RateLimit, type Simulator, type SimulatorOptions, startSimulator } from "./simulator.ts";

/** What the command writes to and what ends it. */
export interface CommandStreams {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** Its abort is the orderly end. */
  readonly signal: AbortSignal;
}

export const SIMULATE_USAGE = `Usage: atlas-cert-operator simulate [flags]

An Atlas that issues real X.509 certificates, for demos and tests. When it is ready it prints one line of JSON:
{"url", "adminUrl", "projects", "credentials", "caFile"}.

Flags:
  --admin-host ADDRESS      address of the controls, which ask for no credentials (default 127.0.0.1)
  --admin-port PORT         port of the controls, 0 for a free one (default 0)
  --ca-file FILE            where to write the certificates of the authorities (default: a temporary file)
  --certificate-limit N     unexpired certificates that a user may have (default: no limit)
  --digest-algorithm NAME   hash of HTTP Digest: ${DIGEST_ALGORITHMS.join(" or ")} (default MD5)
  --fixtures FILE           projects, users and credentials as JSON (default: two projects)
  -h, --help                print this and exit
  --host ADDRESS            address of the API (default 127.0.0.1)
  --key-algorithm NAME      keys of the certificates: ${KEY_ALGORITHMS.join(", ")} (default rsa-2048)
  --month DURATION          how long a month lasts: 500ms, 30s, 5m, 1h (default: the months of the calendar)
  --port PORT               port of the API, 0 for a free one (default 0)
  --rate-limit LIMIT        per project: capacity/refill/interval, or unlimited (default 1200/500/60s)
  --role-missing-status N   status of the error for a missing role: 401 or 403 (default 403)
  --tls                     serve HTTPS; caFile then holds the certificate of its authority too

\`curl ADMIN_URL\` lists what the controls can do.
`;

const FLAGS = {
  "admin-host": { type: "string" },
  "admin-port": { type: "string" },
  "ca-file": { type: "string" },
  "certificate-limit": { type: "string" },
  "digest-algorithm": { type: "string" },
  fixtures: { type: "string" },
  help: { type: "boolean", short: "h" },
  host: { type: "string" },
  "key-algorithm": { type: "string" },
  month: { type: "string" },
  port: { type: "string" },
  "rate-limit": { type: "string" },
  "role-missing-status": { type: "string" },
  tls: { type: "boolean" },
} as const;

/** A flag that can't be used; the message names it and says what it takes. */
class FlagError extends Error {
  override readonly name = "FlagError";
}

/**
 * Runs `atlas-cert-operator simulate` until the signal aborts.
 *
 * @param argv the arguments behind the verb
 * @returns the exit code: 0 after an orderly end, 1 where it could not start, 2 for bad flags or fixtures
 */
export async function simulateCommand(argv: readonly string[], io: CommandStreams): Promise<number> {
  let settings: Settings | "help";
  try {
    settings = await parseSettings(argv);
  } catch (error: unknown) {
    if (error instanceof FixturesError) io.stderr.write(`simulate: ${error.message}\n`);
    else if (isUsageError(error)) io.stderr.write(`simulate: ${error.message}\n\n${SIMULATE_USAGE}`);
    else throw error;
    return 2;
  }
  if (settings === "help") {
    io.stdout.write(SIMULATE_USAGE);
    return 0;
  }
  try {
    await serve(settings, io);
    return 0;
  } catch (error: unknown) {
    io.stderr.write(`simulate: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

interface Settings {
  readonly options: SimulatorOptions;
  /** Undefined: a temporary one. */
  readonly caFile: string | undefined;
}

async function serve({ options, caFile }: Settings, io: CommandStreams): Promise<void> {
  await using simulator = await startSimulator(options);
  const folder = caFile === undefined ? await mkdtemp(join(tmpdir(), "atlas-simulator-")) : undefined;
  try {
    const file = caFile ?? join(folder ?? "", "ca.pem");
    await writeFile(file, simulator.caPem);
    io.stdout.write(`${JSON.stringify(describe(simulator, file))}\n`);
    await aborted(io.signal);
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

async function parseSettings(argv: readonly string[]): Promise<Settings | "help"> {
  const { values } = parseArgs({ args: [...argv], options: FLAGS, strict: true });
  if (values.help === true) return "help";
  const { host, "admin-host": adminHost, tls } = values;
  const options: SimulatorOptions = {
    host,
    adminHost,
    tls,
    port: parsePort("--port", values.port),
    adminPort: parsePort("--admin-port", values["admin-port"]),
    monthMs: parseMonth(values.month),
    keyAlgorithm: parseChoice("--key-algorithm", KEY_ALGORITHMS, values["key-algorithm"]),
    digestAlgorithm: parseChoice("--digest-algorithm", DIGEST_ALGORITHMS, values["digest-algorithm"]),
    rateLimit: parseRateLimit(values["rate-limit"]),
    roleMissingStatus: parseRoleMissingStatus(values["role-missing-status"]),
    certificateLimit: parseCount("--certificate-limit", values["certificate-limit"]),
    fixtures: await readFixtures(values.fixtures),
  };
  return { options, caFile: values["ca-file"] };
}

function parsePort(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new FlagError(`${flag} takes a port from 0 to 65535`);
  return Number(text);
}

function parseCount(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new FlagError(`${flag} takes a whole number from 1`);
  return Number(text);
}

function parseMonth(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const monthMs = parseDurationMs(text);
  if (monthMs === undefined || monthMs === 0)
    throw new FlagError("--month takes a duration such as 500ms, 30s, 5m, 1h");
  return monthMs;
}

function parseChoice<Choice extends string>(
  flag: string,
  choices: readonly Choice[],
  text: string | undefined,
): Choice | undefined {
  const choice = choices.find((one) => one === text);
  if (text !== undefined && choice === undefined) throw new FlagError(`${flag} takes one of ${choices.join(", ")}`);
  return choice;
}

function parseRateLimit(text: string | undefined): RateLimit | "unlimited" | undefined {
  if (text === undefined || text === "unlimited") return text;
  const [, capacity, refill, interval] = /^([1-9]\d{0,8})\/([1-9]\d{0,8})\/([^/]+)$/.exec(text) ?? [];
  const intervalMs = parseDurationMs(interval ?? "");
  if (intervalMs === undefined || intervalMs === 0 || intervalMs % 1000 !== 0) {
    throw new FlagError(
      "--rate-limit takes capacity/refill/interval in whole seconds, such as 1200/500/60s, or unlimited",
    );
  }
  return { capacity: Number(capacity), refill: Number(refill), refillDurationSeconds: intervalMs / 1000 };
}

function parseRoleMissingStatus(text: string | undefined): 401 | 403 | undefined {
  switch (text) {
    case undefined:
      return undefined;
    case "401":
      return 401;
    case "403":
      return 403;
    default:
      throw new FlagError("--role-missing-status takes 401 or 403");
  }
}

async function readFixtures(file: string | undefined): Promise<SimulatorOptions["fixtures"]> {
  if (file === undefined) return undefined;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error: unknown) {
    throw new FixturesError(`--fixtures ${file} can't be read: ${error instanceof Error ? error.message : error}`);
  }
  try {
    return parseFixtures(JSON.parse(text));
  } catch (error: unknown) {
    if (error instanceof SyntaxError) throw new FixturesError(`--fixtures ${file} is not JSON: ${error.message}`);
    throw error;
  }
}

function isUsageError(error: unknown): error is Error {
  if (error instanceof FlagError) return true;
  return error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_");
}
