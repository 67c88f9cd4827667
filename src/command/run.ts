import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { DEFAULT_BASE_URL, parseBaseUrl } from "../atlas/transport/base-url.ts";
import { readExtraCaFile } from "../atlas/transport/extra-ca.ts";
import { USER_AGENT } from "../atlas/transport/transport.ts";
import { systemClock } from "../clock.ts";
import { calendarOf } from "../controllers/user-certificate/atlas/calendar.ts";
import {
  bindAddressFlag,
  choiceFlag,
  describeFlags,
  durationFlag,
  environmentVariable,
  type FlagValues,
  listFlag,
  readFlags,
  switchFlag,
  textFlag,
  UsageError,
  wholeNumberFlag,
} from "../flags.ts";
import { type KubeConfig, KubeConfigError } from "../kube/config/kube-config.ts";
import { loadKubeConfig } from "../kube/config/load-kube-config.ts";
import { LeaseLostError } from "../kube/lease/lease-claim.ts";
import { formatBindAddress } from "../telemetry/bind-address.ts";
import { createLog, LOG_FORMATS, LOG_LEVELS } from "../telemetry/log.ts";
import { ListenError } from "../telemetry/server.ts";
import type { ServeOptions } from "./instruments.ts";
import { type OperatorOptions, runOperator } from "./operator.ts";
import { COMMIT, VERSION } from "./version.ts";

/** Streams, environment and end of a command. */
export interface CommandContext {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Its abort is the orderly end. */
  readonly signal: AbortSignal;
  /** From now on a crash of the process is told by this function. @default it goes to stderr */
  readonly onCrash: (report: (error: unknown) => void) => void;
}

/** The mark of all conditions while Atlas or its months are simulated. */
const SIMULATED_MARK = "[simulated Atlas] ";

/** The flags of `run` by the headings of `--help`, in its order. */
export const FLAG_GROUPS = {
  Kubernetes: {
    kubeconfig: textFlag(
      "FILE",
      "Kubeconfig of the API server. Defaults to $KUBECONFIG, then the cluster that this process runs in, then ~/.kube/config.",
    ),
    context: textFlag("NAME", "Context of the kubeconfig. Defaults to its current context."),
    "watch-namespaces": listFlag(
      "A,B",
      "Namespaces to watch, separated by commas. The operator then needs no access to other namespaces, except for its Lease. Defaults to all namespaces.",
    ),
    consumers: switchFlag(
      "After a renewal, count the pods that still use the previous certificate, until it expires. The operator then needs to list pods.",
      true,
    ),
    "rollout-restart": switchFlag(
      "After a renewal, restart the workloads that spec.rolloutRestart names. Needs the RBAC permissions of rollout-restart-role.yaml.",
      false,
    ),
  },
  Atlas: {
    "atlas-base-url": textFlag(
      "URL",
      "Scheme, host and port of the Atlas Administration API. The government cloud is https://cloud.mongodbgov.com.",
      DEFAULT_BASE_URL,
    ),
    "atlas-ca-file": textFlag(
      "FILE",
      "PEM file with additional CA certificates to trust when connecting to Atlas, for example for a TLS-inspecting proxy.",
    ),
    projects: switchFlag(
      'Serve AtlasProjectX509s, which grant other namespaces the use of database users. Their credentials are in Secrets labelled atlascerts.io/credentials: "true" in the namespace of the pod or the context. Enable this in one operator per cluster. Mutually exclusive with --watch-namespaces.',
      false,
    ),
    "allow-own-credentials": switchFlag(
      "Allow namespaces to use Atlas credentials of their own. If false, resources obtain certificates only through an AtlasProjectX509.",
      true,
    ),
    "verify-interval": durationFlag("Interval at which each certificate is compared with Atlas' list.", "6h"),
    "max-backoff": durationFlag("Maximum wait between failed attempts.", "1h"),
    "recheck-interval": durationFlag(
      "Maximum wait between attempts while someone has to fix a problem in Atlas. Atlas does not notify the operator of the fix.",
      "10m",
    ),
  },
  Limits: {
    workers: wholeNumberFlag(
      "Maximum number of concurrent reconciles. Most of the time they wait for the API server or Atlas.",
      128,
      { least: 1, most: 1024 },
    ),
    "max-issues-per-day": wholeNumberFlag(
      "Maximum number of certificates issued for one database user in any 24 hours, plus one for each further resource of that user. Atlas cannot revoke a certificate.",
      4,
      { least: 1, most: 100_000 },
    ),
    "max-unexpired-per-user": wholeNumberFlag("Maximum number of unexpired certificates of one database user.", 10, {
      least: 1,
      most: 100_000,
    }),
    "max-parked": wholeNumberFlag(
      "Maximum number of issued certificates that may wait in memory because their Secrets cannot be written. Once it is reached, the operator issues no more; certificates that are already being issued may exceed it.",
      20,
      { least: 1, most: 1000 },
    ),
  },
  "Leader election": {
    "leader-elect": switchFlag("Enable leader election, so that only one replica is active.", true),
    "lease-name": textFlag("NAME", "Name of the Lease.", "atlas-cert-operator"),
    "lease-namespace": textFlag("NAME", "Namespace of the Lease. Defaults to the namespace of the pod or the context."),
    "lease-duration": durationFlag("Time after the last renewal at which a standby may take over the Lease.", "15s"),
    "lease-renew-deadline": durationFlag("Time after the last renewal at which the leader stops working.", "10s"),
    "lease-retry-period": durationFlag("Interval between attempts to acquire or renew the Lease.", "2s"),
  },
  Serving: {
    "metrics-bind-address": bindAddressFlag("Address that serves /metrics. 0 disables it.", ":8080"),
    "health-bind-address": bindAddressFlag("Address that serves /livez and /readyz. 0 disables it.", ":8081"),
  },
  Logging: {
    "log-level": choiceFlag("Minimum log level.", LOG_LEVELS, "info"),
    "log-format": choiceFlag("Log format. auto is pretty in a terminal and json elsewhere.", LOG_FORMATS, "auto"),
  },
  "Simulated Atlas, for tests": {
    "simulated-month": durationFlag(
      "Length of a month in the simulator, so that the operator accepts its short-lived certificates. Use it only with the simulate command.",
      undefined,
    ),
    "simulated-atlas": switchFlag(
      "Mark every condition message as coming from a simulated Atlas. Implied by --simulated-month.",
      false,
    ),
  },
};

/** All flags of `run`. */
export const RUN_FLAGS = {
  ...FLAG_GROUPS.Kubernetes,
  ...FLAG_GROUPS.Atlas,
  ...FLAG_GROUPS.Limits,
  ...FLAG_GROUPS["Leader election"],
  ...FLAG_GROUPS.Serving,
  ...FLAG_GROUPS.Logging,
  ...FLAG_GROUPS["Simulated Atlas, for tests"],
};

const RUN_USAGE = `Usage: atlas-cert-operator run [flags]

Runs the operator, which keeps the certificates of all AtlasUserCertificates valid in their Secrets.

Each flag can be set by an environment variable, such as ${environmentVariable("log-level")} for --log-level.

${Object.entries(FLAG_GROUPS)
  .map(([heading, flags]) => `${heading}:\n${describeFlags(flags)}`)
  .join("\n\n")}

  --help
      Print this help and exit.
`;

/**
 * `atlas-cert-operator run`.
 *
 * @returns the exit code: 0 after an orderly end, 1 where the operator can't go on, 2 for a flag that is not allowed
 */
export async function runCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    context.stdout.write(RUN_USAGE);
    return 0;
  }
  const flags = readFlags(RUN_FLAGS, argv, context.environment);
  const log = createLog({ level: flags["log-level"], format: flags["log-format"], destination: context.stdout });
  context.onCrash((error) => log.fatal({ err: error }, "crashed"));
  log.info({ version: VERSION, commit: COMMIT, node: process.version }, "atlas-cert-operator");
  try {
    await runOperator({ ...(await operatorOptions(flags, context)), log }, context.signal);
    return 0;
  } catch (error: unknown) {
    if (error instanceof KubeConfigError) throw new UsageError(error.message);
    if (error instanceof ListenError) {
      log.error({}, error.message);
      return 1;
    }
    if (!(error instanceof LeaseLostError)) throw error;
    log.error({ err: error }, "another process took over the lease: stopping, so that only one is active");
    return 1;
  }
}

async function operatorOptions(
  flags: FlagValues<typeof RUN_FLAGS>,
  context: CommandContext,
): Promise<Omit<OperatorOptions, "log">> {
  const kubeConfig = await loadKubeConfig({
    kubeconfig: flags.kubeconfig,
    context: flags.context,
    env: context.environment,
  });
  const namespaces = flags["watch-namespaces"];
  return {
    kubeConfig,
    userAgent: USER_AGENT,
    identity: `${hostname()}_${randomBytes(4).toString("hex")}`,
    atlas: { baseUrl: baseUrlOf(flags), extraCa: await extraCaOf(flags) },
    namespaces: namespaces.length === 0 ? undefined : namespaces,
    projects: projectsOf(flags, kubeConfig),
    allowOwnCredentials: flags["allow-own-credentials"],
    workers: flags.workers,
    policy: {
      maxIssuesPerDay: flags["max-issues-per-day"],
      maxUnexpiredPerUser: flags["max-unexpired-per-user"],
      maxParked: flags["max-parked"],
      verifyIntervalMs: flags["verify-interval"],
      maxBackoffMs: flags["max-backoff"],
      recheckIntervalMs: flags["recheck-interval"],
      countsConsumers: flags.consumers,
      restartsWorkloads: flags["rollout-restart"],
    },
    calendar: calendarOf(flags["simulated-month"]),
    mark: flags["simulated-atlas"] || flags["simulated-month"] !== undefined ? SIMULATED_MARK : undefined,
    ...(flags["leader-elect"] && {
      lease: {
        namespace: flags["lease-namespace"] ?? kubeConfig.namespace ?? "default",
        name: flags["lease-name"] ?? "atlas-cert-operator",
        ...leaseTimesOf(flags),
      },
    }),
    serve: serveOptionsOf(flags),
    clock: systemClock,
    random: Math.random,
  };
}

function baseUrlOf(flags: FlagValues<typeof RUN_FLAGS>): string {
  const baseUrl = parseBaseUrl(flags["atlas-base-url"] ?? DEFAULT_BASE_URL);
  if (!baseUrl.ok) throw new UsageError(baseUrl.problem);
  return baseUrl.origin;
}

function projectsOf(flags: FlagValues<typeof RUN_FLAGS>, kubeConfig: KubeConfig): OperatorOptions["projects"] {
  if (!flags.projects) return undefined;
  if (flags["watch-namespaces"].length > 0) {
    throw new UsageError(
      "--projects is not possible with --watch-namespaces: AtlasProjectX509s are of the whole cluster, and one operator that watches all namespaces serves them",
    );
  }
  return { namespace: kubeConfig.namespace ?? "default" };
}

async function extraCaOf(flags: FlagValues<typeof RUN_FLAGS>): Promise<string | undefined> {
  const file = flags["atlas-ca-file"];
  if (file === undefined) return undefined;
  try {
    return await readExtraCaFile(file);
  } catch (error: unknown) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** The second would not get the port either; here the sentence can name both flags. */
function serveOptionsOf(flags: FlagValues<typeof RUN_FLAGS>): ServeOptions {
  const { "metrics-bind-address": metrics, "health-bind-address": health } = flags;
  if (metrics && health && metrics.port !== 0 && formatBindAddress(metrics) === formatBindAddress(health)) {
    throw new UsageError("--metrics-bind-address and --health-bind-address must differ");
  }
  return { metrics, health };
}

/** The lease itself refuses such times too; here the sentence can name the flags. */
function leaseTimesOf(flags: FlagValues<typeof RUN_FLAGS>) {
  const leaseDurationMs = flags["lease-duration"];
  const renewDeadlineMs = flags["lease-renew-deadline"];
  const retryPeriodMs = flags["lease-retry-period"];
  if (leaseDurationMs <= renewDeadlineMs || renewDeadlineMs <= retryPeriodMs * 1.2) {
    throw new UsageError(
      "--lease-duration must be longer than --lease-renew-deadline, which must be longer than 1.2 times --lease-retry-period",
    );
  }
  return { leaseDurationMs, renewDeadlineMs, retryPeriodMs };
}
