import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import packageJson from "../../package.json" with { type: "json" };
import { RUN_FLAGS } from "../../src/command/run.ts";
import { SIMULATE_FLAGS } from "../../src/simulator/command-flags.ts";
import { LOG_LEVELS } from "../../src/telemetry/log.ts";
import { freshNamespace, rest } from "../control-plane/control-plane.ts";
import { type RunningCommand, runCommandLine, startCommand } from "./command-process.ts";
import { operatorKubeconfig } from "./operator/service-account.ts";

/** A good one, of an API server that nobody reaches. */
const KUBECONFIG = `
apiVersion: v1
kind: Config
clusters: [{name: nowhere, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: nobody, user: {token: none}}]
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
current-context: nowhere
`;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "command-line-"));
  await writeFile(path.join(folder, "kubeconfig"), KUBECONFIG);
  await writeFile(path.join(folder, "no-certificate.pem"), "nothing of use\n");
});
afterAll(() => rm(folder, { recursive: true }));

/** Arguments with the names of the files in the folder as full paths. */
const inFolder = (argv: readonly string[]) => argv.map((argument) => argument.replace("=FOLDER/", `=${folder}/`));

describe("atlas-cert-operator", () => {
  test("--version prints the version of the package", async () => {
    const { exitCode, stdout, stderr } = await runCommandLine(["--version"]);
    expect([exitCode, stdout, stderr]).toEqual([0, `atlas-cert-operator ${packageJson.version}\n`, ""]);
  });

  test("--help names the commands", async () => {
    const { exitCode, stdout, stderr } = await runCommandLine(["--help"]);
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect([...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, verb]) => verb)).toEqual(["run", "simulate", "kubectl"]);
  });

  test("without a verb prints the help where errors go, and ends with 2", async () => {
    const { exitCode, stdout, stderr } = await runCommandLine([]);
    expect([exitCode, stdout, stderr]).toEqual([2, "", expect.stringMatching(/^Usage: atlas-cert-operator COMMAND/)]);
  });
});

describe.each([
  { verb: "run", table: RUN_FLAGS },
  { verb: "simulate", table: SIMULATE_FLAGS },
])("atlas-cert-operator $verb --help", ({ verb, table }) => {
  test("lists every flag once, in the order in which they are declared", async () => {
    const { exitCode, stdout, stderr } = await runCommandLine([verb, "--help"]);
    expect([exitCode, stderr]).toEqual([0, ""]);
    const flags = [...stdout.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, flag]) => flag);
    expect(flags).toEqual([...Object.keys(table), "help"]);
  });

  test("fits a terminal of 100 columns", async () => {
    const { stdout } = await runCommandLine([verb, "--help"]);
    expect(stdout.split("\n").filter((line) => line.length > 100)).toEqual([]);
  });
});

describe("a command line that can't be used ends with 2 and one sentence:", () => {
  test.each<[what: string, argv: readonly string[], sentence: string]>([
    ["an unknown command", ["fly"], 'unknown command "fly": the commands are run, simulate and kubectl'],
    ["an unknown flag", ["run", "--kubeconfg=x"], "unknown flag --kubeconfg"],
    ["an argument that is no flag", ["run", "now"], 'unexpected argument "now"'],
    ["a flag without its value", ["run", "--kubeconfig"], "--kubeconfig needs a value: --kubeconfig=FILE"],
    ["an unknown flag of the simulator", ["simulate", "--prt=1"], "unknown flag --prt"],
    [
      "a port that can't be",
      ["simulate", "--port=99999"],
      '--port must be a whole number from 0 to 65535, not "99999"',
    ],
    [
      "projects for some namespaces only",
      ["run", "--kubeconfig=FOLDER/kubeconfig", "--projects", "--watch-namespaces=a"],
      "--projects is not possible with --watch-namespaces",
    ],
    ["no worker", ["run", "--workers=0"], '--workers must be a whole number from 1 to 1024, not "0"'],
    [
      "a duration in words",
      ["run", "--verify-interval=soon"],
      '--verify-interval must be a duration such as 6h, 1h30m, 10s or 500ms, not "soon"',
    ],
    [
      "an unknown log level",
      ["run", "--log-level=loud"],
      '--log-level must be one of trace, debug, info, warn, error, fatal, not "loud"',
    ],
    [
      "a switch that is neither on nor off",
      ["run", "--leader-elect=yes"],
      '--leader-elect must be true or false, not "yes"',
    ],
    [
      "a kubeconfig that does not exist",
      ["run", "--kubeconfig=FOLDER/none"],
      "cannot use the kubeconfig FOLDER/none: ENOENT",
    ],
    [
      "a context that does not exist",
      ["run", "--kubeconfig=FOLDER/kubeconfig", "--context=other"],
      'the kubeconfig FOLDER/kubeconfig has no context "other" with a cluster',
    ],
    ["no way to an API server", ["run"], "no kubeconfig: --kubeconfig and KUBECONFIG are not set"],
    [
      "an Atlas URL with a path",
      ["run", "--kubeconfig=FOLDER/kubeconfig", "--atlas-base-url=https://cloud.mongodb.com/api"],
      "The Atlas base URL must not have a path. See --help.",
    ],
    [
      "an Atlas URL without TLS",
      ["run", "--kubeconfig=FOLDER/kubeconfig", "--atlas-base-url=http://cloud.mongodb.com"],
      "The Atlas base URL must use https; plain http is accepted only for localhost, 127.0.0.1 and [::1]. See --help.",
    ],
    [
      "a CA file without a certificate",
      ["run", "--kubeconfig=FOLDER/kubeconfig", "--atlas-ca-file=FOLDER/no-certificate.pem"],
      "The file of extra CA certificates FOLDER/no-certificate.pem is unusable: it holds no PEM certificate",
    ],
    [
      "a port that is none",
      ["run", "--metrics-bind-address=8080"],
      '--metrics-bind-address must be :PORT, HOST:PORT, or 0 to disable it, not "8080"',
    ],
    [
      "one port for both servers",
      ["run", "--kubeconfig=FOLDER/kubeconfig", "--health-bind-address=:8080"],
      "--metrics-bind-address and --health-bind-address must differ",
    ],
    [
      "lease times that don't fit together",
      ["run", "--kubeconfig=FOLDER/kubeconfig", "--lease-duration=5s"],
      "--lease-duration must be longer than --lease-renew-deadline",
    ],
  ])("%s", async (_, argv, sentence) => {
    const { exitCode, stderr } = await runCommandLine(inFolder(argv));
    expect([exitCode, stderr.trimEnd().split("\n")]).toEqual([
      2,
      [expect.stringContaining(`atlas-cert-operator: ${sentence.replaceAll("FOLDER", folder)}`)],
    ]);
  });

  test("an environment variable with a value that is not allowed", async () => {
    const { exitCode, stderr } = await runCommandLine(["run"], { ATLAS_CERTS_WORKERS: "many" });
    const sentence = 'ATLAS_CERTS_WORKERS must be a whole number from 1 to 1024, not "many"';
    expect([exitCode, stderr]).toEqual([2, `atlas-cert-operator: ${sentence}. See --help.\n`]);
  });
});

describe("atlas-cert-operator simulate", () => {
  test("prints one line of JSON when it is ready, and ends with 0 on SIGTERM", async () => {
    const command = await startCommand(["simulate", "--key-algorithm=ec-p256"]);
    await vi.waitFor(() => expect(command.stdout()).toMatch(/\n$/), STARTED);
    command.kill("SIGTERM");
    const { exitCode, stdout } = await command.ended;
    expect([exitCode, Object.keys(JSON.parse(stdout))]).toEqual([
      0,
      ["url", "adminUrl", "projects", "credentials", "caFile"],
    ]);
  });
});

/** What a process may take to start, with a wide margin for a busy machine. */
const STARTED = { timeout: 30_000, interval: 50 };

const logLineSchema = z.object({
  level: z.enum(LOG_LEVELS),
  time: z.iso.datetime(),
  msg: z.string().min(1),
});

const leaseSchema = z.object({ spec: z.object({ holderIdentity: z.string().optional() }) });

/** Of many processes at one time, one would get the default ports. */
const NO_SERVERS = ["--metrics-bind-address=0", "--health-bind-address=0"];

async function startOperator(namespace: string, ...flags: string[]): Promise<RunningCommand> {
  return startCommand([
    "run",
    `--kubeconfig=${await operatorKubeconfig(namespace)}`,
    `--watch-namespaces=${namespace}`,
    // There is nothing to issue: nobody calls it.
    "--atlas-base-url=http://127.0.0.1:1",
    ...NO_SERVERS,
    ...flags,
  ]);
}

/** Ends it with the signal; gives the exit code and the milliseconds that this took. */
async function stop(command: RunningCommand, signal: NodeJS.Signals) {
  const start = performance.now();
  command.kill(signal);
  const { exitCode, stdout, stderr } = await command.ended;
  return { exitCode, stdout, stderr, tookMs: performance.now() - start };
}

describe("atlas-cert-operator run", () => {
  test.each(["SIGTERM", "SIGINT"] as const)("logs JSON lines, and ends with 0 within 2 s after %s", async (signal) => {
    const namespace = await freshNamespace("command");
    const command = await startOperator(namespace, "--leader-elect=false");
    await vi.waitFor(() => expect(command.stdout()).toContain("started leading"), STARTED);
    const { exitCode, stdout, stderr, tookMs } = await stop(command, signal);
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(tookMs).toBeLessThan(2000);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => logLineSchema.parse(JSON.parse(line)));
    expect(lines.map(({ msg }) => msg)).toEqual(expect.arrayContaining(["starting", "stopped"]));
  });

  test("takes its flags from the environment", async () => {
    const namespace = await freshNamespace("command");
    const command = await startCommand(["run", "--log-level=debug", ...NO_SERVERS], {
      ATLAS_CERTS_KUBECONFIG: await operatorKubeconfig(namespace),
      ATLAS_CERTS_WATCH_NAMESPACES: namespace,
      ATLAS_CERTS_LEADER_ELECT: "false",
      ATLAS_CERTS_LOG_LEVEL: "error",
    });
    await vi.waitFor(() => expect(command.stdout()).toContain("started leading"), STARTED);
    expect((await stop(command, "SIGTERM")).exitCode).toBe(0);
  });

  test("gives its lease back when it ends", async () => {
    const namespace = await freshNamespace("command");
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/atlas-cert-operator`;
    const command = await startOperator(namespace, `--lease-namespace=${namespace}`);
    await vi.waitFor(() => expect(command.stdout()).toContain("started leading"), STARTED);
    const held = leaseSchema.parse((await rest("GET", path)).body).spec.holderIdentity;
    const { exitCode } = await stop(command, "SIGTERM");
    const after = leaseSchema.parse((await rest("GET", path)).body).spec.holderIdentity;
    expect([exitCode, held, after ?? ""]).toEqual([0, expect.stringMatching(/_[0-9a-f]{8}$/), ""]);
  });

  test.each(["--leader-elect=true", "--leader-elect=false"])(
    "%s: ends with 0 within 2 s where it has never reached the API server",
    async (flag) => {
      const command = await startCommand(inFolder(["run", "--kubeconfig=FOLDER/kubeconfig", ...NO_SERVERS, flag]));
      await vi.waitFor(() => expect(command.stdout()).toContain('"starting"'), STARTED);
      const { exitCode, tookMs } = await stop(command, "SIGTERM");
      expect(exitCode).toBe(0);
      expect(tookMs).toBeLessThan(2000);
    },
  );
});
