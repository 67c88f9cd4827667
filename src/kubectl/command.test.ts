import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { expect, test, vi } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { kubectlCommand } from "./command.ts";
import { COMPLETABLE } from "./commands.ts";

/** Nothing is there: a command that gets so far ends with 1. */
const run = (...argv: readonly string[]) => runWith({ KUBECONFIG: "/nowhere/kubeconfig" }, ...argv);

async function runWith(environment: Readonly<Record<string, string>>, ...argv: readonly string[]) {
  const printed = { stdout: new PassThrough().setEncoding("utf8"), stderr: new PassThrough().setEncoding("utf8") };
  const exitCode = await kubectlCommand(argv, { ...printed, environment, signal: new AbortController().signal });
  const text = (stream: PassThrough): string => String(stream.read() ?? "");
  return { exitCode, stdout: text(printed.stdout), stderr: text(printed.stderr) };
}

test("--version prints the version of the package", async () => {
  expect(await run("--version")).toEqual({
    exitCode: 0,
    stdout: `kubectl-atlascerts ${packageJson.version}\n`,
    stderr: "",
  });
});

test("--help names every command and the exit codes, within 100 columns", async () => {
  const { exitCode, stdout } = await run("--help");
  expect(exitCode).toBe(0);
  expect([...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name)).toEqual(Object.keys(COMPLETABLE));
  expect(stdout).toContain("Exit codes: 0");
  expect(stdout.split("\n").filter((line) => line.length > 100)).toEqual([]);
});

test("without a command prints the help where errors go, and ends with 2", async () => {
  expect(await run()).toEqual({ exitCode: 2, stdout: "", stderr: (await run("--help")).stdout });
});

test.each(Object.keys(COMPLETABLE))("%s --help lists its flags", async (name) => {
  const { exitCode, stdout, stderr } = await run(name, "--help");
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(new RegExp(`^Usage: kubectl atlascerts ${name}`));
  for (const flag of Object.keys(COMPLETABLE[name]?.options ?? {})) expect(stdout).toContain(`--${flag}`);
});

test.each([
  [["fly"], 'unknown command "fly": the commands are status'],
  [["status", "--fly"], "unknown option '--fly'"],
  [["status", "a", "b"], 'unexpected argument "b"'],
  [["inspect"], "the name of a resource is missing"],
  [["renew", "a", "--timeout=soon"], "--timeout must be a duration such as 2m or 90s"],
  [["timeline", "--days=many"], "--days must be a whole number from 1 to 800"],
  [["status", "-o", "xml"], '--output must be json or yaml, not "xml"'],
  [["check", "shop", "-n", "billing"], "NAMESPACE and --namespace exclude each other"],
  [["completion", "constructor"], "the shell must be bash, zsh or fish"],
  [["completion"], "the shell must be bash, zsh or fish"],
  [["completion", "bash", "zsh"], 'unexpected argument "zsh"'],
  [["status", "a", "-A"], "a name and --all-namespaces exclude each other"],
])("%j is a usage error", async (argv, sentence) => {
  const { exitCode, stdout, stderr } = await run(...argv);
  expect([exitCode, stdout, stderr]).toEqual([2, "", expect.stringContaining(`kubectl atlascerts: ${sentence}`)]);
  expect(stderr).toMatch(/ See --help\.\n$/);
});

test("a reader that has read enough ends nothing", async () => {
  const stdout = new PassThrough();
  const signal = new AbortController().signal;
  await kubectlCommand(["--help"], { stdout, stderr: new PassThrough(), environment: {}, signal });
  const error = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
  expect(() => stdout.emit("error", error)).not.toThrow();
  expect(() => stdout.emit("error", new Error("disk full"))).toThrow("disk full");
});

test("completion prints the script of a shell", async () => {
  expect(await run("completion", "bash")).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining("complete -F"),
  });
  expect(await run("completion", "csh")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("bash, zsh or fish"),
  });
});

test("what is typed is completed, and a cluster that cannot be reached has no names", async () => {
  expect((await run("__complete", "insp")).stdout).toMatch(/^inspect\tDecode.*\n:4\n$/);
  expect(await run("__complete", "inspect", "--namespace", "shop", "")).toEqual({
    exitCode: 0,
    stdout: ":4\n",
    stderr: "",
  });
});

test("a text of others is one line, and moves no cursor", async () => {
  expect((await run("status", "--kubeconfig=/nowhere/\u001b[2J\n")).stderr).toMatch(
    /^kubectl atlascerts: [^\n]*\/nowhere\/\\u\{1b\}\[2J[^\n]*\n$/,
  );
});

test("in a pod, ~/.kube/config goes before the service account, as for kubectl", async () => {
  const home = await mkdtemp(join(tmpdir(), "kubectl-home-"));
  await mkdir(join(home, ".kube"));
  await writeFile(join(home, ".kube", "config"), "{ a: [");
  vi.stubEnv("HOME", home);
  try {
    const { stderr } = await runWith({ KUBERNETES_SERVICE_HOST: "10.0.0.1" }, "status");
    expect(stderr).toContain(`cannot use the kubeconfig ${home}`);
  } finally {
    vi.unstubAllEnvs();
    await rm(home, { recursive: true });
  }
});

test("a kubeconfig that is not there is a sentence, and ends with 1", async () => {
  const { exitCode, stderr } = await run("status");
  expect([exitCode, stderr]).toEqual([
    1,
    expect.stringMatching(/^kubectl atlascerts: cannot use the kubeconfig .*\n$/),
  ]);
});
