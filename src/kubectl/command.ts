import { systemClock } from "../clock.ts";
import { VERSION } from "../command/version.ts";
import { UsageError } from "../flags.ts";
import { KubeClient } from "../kube/client/kube-client.ts";
import { KubeConfigError } from "../kube/config/kube-config.ts";
import { loadKubeConfig } from "../kube/config/load-kube-config.ts";
import { KubeError } from "../kube/kube-error.ts";
import { type Arguments, COMMON_OPTIONS, describeOptions, readArguments } from "./command-line.ts";
import { COMMANDS, COMPLETABLE, COMPLETION, type Command } from "./commands.ts";
import { candidatesFor, completionLines, namesIn, type ReadNames, SCRIPTS } from "./completion.ts";
import { type Cluster, CommandError, EXIT, type Report } from "./report.ts";
import { printable, toYaml } from "./text.ts";

/** Streams and environment of the command. */
export interface KubectlContext {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** A person waits for it with a finger on the key. */
const COMPLETION_TIMEOUT_MS = 3_000;

const USAGE = `Usage: kubectl atlascerts COMMAND [flags]

Shows, checks and renews Atlas-managed X.509 certificates, with the rights of your kubeconfig.

Commands:
${[...Object.values(COMMANDS), COMPLETION].map(({ about, usage }) => `  ${usage.padEnd(18)}  ${about}`).join("\n")}

Flags:
${describeOptions(COMMON_OPTIONS)}
  -V, --version           Print the version and exit.

Exit codes: 0 all is well, 1 no answer was possible, 2 wrong usage, 3 something needs attention.
"kubectl atlascerts COMMAND --help" lists the flags of a command.
`;

/** `kubectl atlascerts`. Gives the exit code. */
export async function kubectlCommand(argv: readonly string[], context: KubectlContext): Promise<number> {
  const { stderr, stdout } = context;
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    // The reader of a pipe, such as head, may have read enough.
    if (error.code !== "EPIPE") throw error;
  });
  try {
    return await dispatch(argv, context);
  } catch (error: unknown) {
    const isUsage = error instanceof UsageError;
    if (isUsage || error instanceof KubeConfigError || error instanceof CommandError || error instanceof KubeError) {
      const hint = isUsage ? " See --help." : "";
      const sentence = printable(error.message.replaceAll(/\s+/g, " ")).replace(/\.$/, "");
      stderr.write(`kubectl atlascerts: ${sentence}.${hint}\n`);
      return isUsage ? EXIT.usage : EXIT.failed;
    }
    if (context.signal.aborted) return EXIT.failed;
    throw error;
  }
}

async function dispatch(argv: readonly string[], context: KubectlContext): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined) {
    context.stderr.write(USAGE);
    return EXIT.usage;
  }
  if (["--help", "-h", "help"].includes(name)) {
    context.stdout.write(USAGE);
    return EXIT.ok;
  }
  if (["--version", "-V", "version"].includes(name)) {
    context.stdout.write(`kubectl-atlascerts ${VERSION}\n`);
    return EXIT.ok;
  }
  if (name === "__complete") {
    context.stdout.write(completionLines(await candidatesFor(rest, COMPLETABLE, namesWith(context))));
    return EXIT.ok;
  }
  if (name === "completion") {
    const given = readArguments(rest, COMPLETION.options, { least: 0, most: 1 });
    const [shell = ""] = given.names;
    const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
    const text = given.isSet("help") ? helpFor(COMPLETION) : script;
    if (text === undefined) throw new UsageError("the shell must be bash, zsh or fish");
    context.stdout.write(text);
    return EXIT.ok;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    throw new UsageError(
      `unknown command ${JSON.stringify(name)}: the commands are ${Object.keys(COMPLETABLE).join(", ")}`,
    );
  }
  const options = { ...command.options, ...COMMON_OPTIONS };
  const given = readArguments(rest, options, command);
  if (given.isSet("help")) {
    context.stdout.write(helpFor({ ...command, options }));
    return EXIT.ok;
  }
  const output = given.text("output");
  if (output !== undefined && output !== "json" && output !== "yaml") {
    throw new UsageError(`--output must be json or yaml, not ${JSON.stringify(output)}`);
  }
  const report = await withCluster(given, context, command.plan(given));
  context.stdout.write(printed(report, output, context));
  return report.exitCode;
}

function helpFor({ about, options, usage }: Pick<Command, "about" | "options" | "usage">): string {
  return `Usage: kubectl atlascerts ${usage} [flags]\n\n${about}\n\nFlags:\n${describeOptions(options)}\n`;
}

/** Reads names for completion: whatever goes wrong, there are none, and no line of an error among the candidates. */
function namesWith(context: KubectlContext): ReadNames {
  return async (what, given) => {
    try {
      const signal = AbortSignal.any([context.signal, AbortSignal.timeout(COMPLETION_TIMEOUT_MS)]);
      return await withCluster(given, { ...context, signal }, (cluster) => namesIn(cluster, what));
    } catch {
      return [];
    }
  };
}

async function withCluster<T>(
  given: Arguments,
  { environment, signal, stderr }: KubectlContext,
  run: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const kubeConfig = await loadKubeConfig({
    kubeconfig: given.text("kubeconfig"),
    context: given.text("context"),
    env: environment,
    homeFirst: true,
  });
  const kube = new KubeClient({
    kubeConfig,
    userAgent: `kubectl-atlascerts/${VERSION}`,
    fieldManager: "kubectl-atlascerts",
    timeoutMs: 15_000,
  });
  try {
    const namespace = given.text("namespace") ?? kubeConfig.namespace ?? "default";
    return await run({
      kube,
      namespace: given.isSet("all-namespaces") ? undefined : namespace,
      clock: systemClock,
      signal,
      progress: (line) => stderr.write(`${printable(line)}\n`),
    });
  } finally {
    await kube.close();
  }
}

function printed({ data, lines }: Report, output: "json" | "yaml" | undefined, context: KubectlContext): string {
  if (output === "json") return `${JSON.stringify(data, undefined, 2)}\n`;
  if (output === "yaml") return toYaml(data);
  const { environment, stdout } = context;
  const { isTTY = false, columns = 100 } = stdout;
  const page = {
    width: isTTY ? columns : Number.POSITIVE_INFINITY,
    // https://no-color.org
    colours: isTTY && !environment.NO_COLOR && environment.TERM !== "dumb",
    nowMs: systemClock.now(),
  };
  return `${lines(page).join("\n")}\n`;
}
