import { parseDurationMs } from "../api/duration.ts";
import { DEFAULT_BASE_URL, parseBaseUrl } from "../atlas/transport/base-url.ts";
import { readExtraCaFile } from "../atlas/transport/extra-ca.ts";
import { AtlasTransport } from "../atlas/transport/transport.ts";
import { X509AuthenticationApi } from "../atlas/x509-authentication-api.ts";
import { UsageError } from "../flags.ts";
import { checkReport } from "./check.ts";
import { checkSections } from "./check-sections.ts";
import { ALL_NAMESPACES, type Arguments, COMMON_OPTIONS } from "./command-line.ts";
import type { Completable } from "./completion.ts";
import { inspectSecret } from "./inspect.ts";
import { renew } from "./renew.ts";
import type { Cluster, Report } from "./report.ts";
import { statusOfAll } from "./status-table.ts";
import { statusOfOne } from "./status-tree.ts";
import { timeline } from "./timeline.ts";

/** One command: its flags beside those that all have, and what it does. */
export interface Command extends Completable {
  readonly usage: string;
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
    names: "resources",
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
    names: "resources",
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
      timeout: {
        type: "string",
        placeholder: "DURATION",
        description: "Maximum time to wait with --wait. Defaults to 2m.",
      },
    },
    names: "resources",
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
    about: "Check the installation, and everything at Atlas that issuing needs.",
    options: {
      "operator-namespace": { type: "string", placeholder: "NAME", description: "Namespace of the operator." },
      "atlas-base-url": {
        type: "string",
        placeholder: "URL",
        description: `Address of Atlas. Defaults to ${DEFAULT_BASE_URL}.`,
      },
      "atlas-ca-file": {
        type: "string",
        placeholder: "FILE",
        description: "Additional PEM CA certificates to trust when connecting to Atlas.",
      },
    },
    names: "namespaces",
    least: 0,
    most: 1,
    plan: (given) => {
      if (given.names.length > 0 && given.text("namespace") !== undefined) {
        throw new UsageError("NAMESPACE and --namespace exclude each other");
      }
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
    names: undefined,
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
    const sections = await checkSections(
      { ...cluster, namespace },
      {
        connect: (credentials) =>
          new X509AuthenticationApi({ credentials, transport, learnRateLimits: false, longestWaitMs: 0 }),
        operatorNamespace: text("operator-namespace"),
        atlas: { origin: atlasOrigin, isGiven: text("atlas-base-url") !== undefined },
      },
    );
    return checkReport(sections);
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

export const COMPLETION = {
  usage: "completion SHELL",
  about: "Print the completion script for bash, zsh or fish.",
  options: { help: COMMON_OPTIONS.help },
  names: "shells",
} as const;

/** All commands, with their flags. */
export const COMPLETABLE: Readonly<Record<string, Completable>> = {
  ...Object.fromEntries(
    Object.entries(COMMANDS).map(([name, command]) => {
      return [name, { ...command, options: { ...command.options, ...COMMON_OPTIONS } }];
    }),
  ),
  completion: COMPLETION,
};
