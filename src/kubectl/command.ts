import { parseDurationMs } from "../api/duration.ts";
import { DEFAULT_BASE_URL, parseBaseUrl } from "../atlas/transport/base-url.ts";
import { readExtraCaFile } from "../atlas/transport/extra-ca.ts";
import { AtlasTransport } from "../atlas/transport/transport.ts";
import { X509AuthenticationApi } from "../atlas/x509-authentication-api.ts";
import { systemClock } from "../clock.ts";
import { VERSION } from "../command/version.ts";
import { UsageError } from "../flags.ts";
import { KubeClient } from "../kube/client/kube-client.ts";
import { KubeConfigError } from "../kube/config/kube-config.ts";
import { loadKubeConfig } from "../kube/config/load-kube-config.ts";
import { KubeError } from "../kube/kube-error.ts";
import { check } from "./check.ts";
import { checkSections } from "./check-sections.ts";
import {
  ALL_NAMESPACES,
  type Arguments,
  COMMON_OPTIONS,
  describeOptions,
  type Options,
  readArguments,
} from "./command-line.ts";
import { inspectSecret } from "./inspect.ts";
import { renew } from "./renew.ts";
import { type Cluster, CommandError, EXIT, type Report } from "./report.ts";
import { statusOfAll } from "./status-table.ts";
import { statusOfOne } from "./status-tree.ts";
import { timeline } from "./timeline.ts";
import { toYaml } from "./yaml.ts";

/** Streams and environment of the command. */
export interface KubectlContext {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** One command: its flags beside those that all have, and what it does. */
interface Command {
  readonly usage: string;
  readonly about: string;
  readonly options: Options;
  readonly least: number;
  readonly most: number;
  /** @throws UsageError before anything is read */
  readonly plan: (given: Arguments) => (cluster: Cluster) => Promise<Report>;
}

export const COMMANDS: Readonly<Record<string, Command>> = {
  status: {
    usage: "status [NAME]",
    about: "Show all certificates and what needs to be done, or everything about one.",
    options: { "all-namespaces": ALL_NAMESPACES },
    least: 0,
    most: 1,
    plan: (given) => {
      const [name] = given.names;
      if (name === undefined) return statusOfAll;
      if (given.isSet("all-namespaces")) throw new UsageError("a name and --all-namespaces exclude each other");
      return (cluster) => statusOfOne(cluster, name);
    },
  },
  inspect: {
    usage: "inspect NAME",
    about: "Decode and check the certificate in the Secret. The key is never shown.",
    options: {},
    least: 1,
    most: 1,
    plan:
      ({ names: [name = ""] }) =>
      (cluster) =>
        inspectSecret(cluster, name),
  },
  renew: {
    usage: "renew NAME...",
    about: "Request one new certificate for each resource.",
    options: {
      wait: { type: "boolean", description: "Wait for the new certificates." },
      timeout: { type: "string", placeholder: "DURATION", description: "With --wait: how long. Defaults to 2m." },
    },
    least: 1,
    most: Number.POSITIVE_INFINITY,
    plan: (given) => {
      const waitMs = parseDurationMs(given.text("timeout") ?? "2m");
      if (waitMs === undefined) throw new UsageError("--timeout must be a duration such as 2m or 90s");
      return (cluster) => renew(cluster, given.names, { waitMs: given.isSet("wait") ? waitMs : undefined });
    },
  },
  check: {
    usage: "check [NAMESPACE]",
    about: "Check the installation, and credentials, project and users at Atlas, before the first issue.",
    options: {
      "operator-namespace": { type: "string", placeholder: "NAME", description: "Namespace of the operator." },
      "atlas-base-url": { type: "string", placeholder: "URL", description: `Defaults to ${DEFAULT_BASE_URL}.` },
      "atlas-ca-file": {
        type: "string",
        placeholder: "FILE",
        description: "More CA certificates to trust, for Atlas.",
      },
    },
    least: 0,
    most: 1,
    plan: (given) => {
      const baseUrl = parseBaseUrl(given.text("atlas-base-url") ?? DEFAULT_BASE_URL);
      if (!baseUrl.ok) throw new UsageError(baseUrl.problem);
      return (cluster) => checkWith(cluster, given, baseUrl.origin);
    },
  },
  timeline: {
    usage: "timeline",
    about: "Show which certificates are renewed and which expire, by day.",
    options: {
      days: { type: "string", placeholder: "N", description: "Number of days, 1 to 800. Defaults to 30." },
      "all-namespaces": ALL_NAMESPACES,
    },
    least: 0,
    most: 0,
    plan: (given) => {
      const days = Number(given.text("days") ?? "30");
      if (!Number.isInteger(days) || days < 1 || days > 800) {
        throw new UsageError("--days must be a whole number from 1 to 800");
      }
      return (cluster) => timeline(cluster, days);
    },
  },
};

async function checkWith(cluster: Cluster, given: Arguments, atlasOrigin: string): Promise<Report> {
  const { names, text } = given;
  const file = text("atlas-ca-file");
  const transport = new AtlasTransport({ baseUrl: atlasOrigin, extraCa: file && (await extraCaIn(file)) });
  const namespace = names[0] ?? cluster.namespace;
  try {
    return await check({ ...cluster, namespace }, (one) =>
      checkSections(one, {
        connect: (credentials) =>
          new X509AuthenticationApi({ credentials, transport, learnRateLimits: false, longestWaitMs: 0 }),
        operatorNamespace: text("operator-namespace"),
        atlasOrigin,
      }),
    );
  } finally {
    await transport.close();
  }
}

async function extraCaIn(file: string): Promise<string> {
  try {
    return await readExtraCaFile(file);
  } catch (error: unknown) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

const USAGE = `Usage: kubectl atlascerts COMMAND [flags]

Shows, checks and renews Atlas-managed X.509 client certificates, with the rights of your kubeconfig.

Commands:
${Object.values(COMMANDS)
  .map(({ about, usage }) => `  ${usage.padEnd(18)}  ${about}`)
  .join("\n")}

Flags:
${describeOptions(COMMON_OPTIONS)}
  -V, --version           Print the version and exit.

Exit codes: 0 all is well, 1 no answer was possible, 2 wrong usage, 3 something needs attention.
"kubectl atlascerts COMMAND --help" lists the flags of a command.
`;

/** `kubectl atlascerts`. Gives the exit code. */
export async function kubectlCommand(argv: readonly string[], context: KubectlContext): Promise<number> {
  const { stderr } = context;
  try {
    return await dispatch(argv, context);
  } catch (error: unknown) {
    const isUsage = error instanceof UsageError;
    if (isUsage || error instanceof KubeConfigError || error instanceof CommandError || error instanceof KubeError) {
      const hint = isUsage ? " See --help." : "";
      stderr.write(`kubectl atlascerts: ${error.message.replace(/\.$/, "")}.${hint}\n`);
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
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    throw new UsageError(
      `unknown command ${JSON.stringify(name)}: the commands are ${Object.keys(COMMANDS).join(", ")}`,
    );
  }
  const options = { ...command.options, ...COMMON_OPTIONS };
  const given = readArguments(rest, options, command);
  if (given.isSet("help")) {
    context.stdout.write(
      `Usage: kubectl atlascerts ${command.usage} [flags]\n\n${command.about}\n\nFlags:\n${describeOptions(options)}\n`,
    );
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

async function withCluster<T>(
  given: Arguments,
  { environment, signal, stderr }: KubectlContext,
  run: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const kubeConfig = await loadKubeConfig({
    kubeconfig: given.text("kubeconfig"),
    context: given.text("context"),
    env: environment,
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
      progress: (line) => stderr.write(`${line}\n`),
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
