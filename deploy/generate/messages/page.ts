import { BLOCKED_REASONS, EVENT_REASONS, ISSUE_REASONS, RESTART_REASONS } from "../../../src/api/reasons.ts";
import { FLAG_GROUPS } from "../../../src/command/run.ts";
import { environmentVariable, type Flag } from "../../../src/flags.ts";
import { SIMULATE_FLAGS } from "../../../src/simulator/command-flags.ts";
import { projectSamples, removalSamples } from "./cluster-samples.ts";
import { allMetrics, type Metric } from "./metrics.ts";
import type { Sample } from "./samples.ts";
import { type Reason, userCertificateSamples } from "./user-certificate.ts";

/** The generated page, from the root of the repository. */
export const MESSAGES = "docs/messages.md";

const BLOCKED: readonly string[] = BLOCKED_REASONS;

/** The reasons by the part of the page that shows them, each once. */
const PARTS: Readonly<Record<string, readonly Reason[]>> = {
  "Reasons to issue a certificate": ISSUE_REASONS.filter((reason) => !BLOCKED.includes(reason)),
  "Reasons why nothing happens": BLOCKED_REASONS,
  "Reasons why a workload is not restarted": RESTART_REASONS,
  "Other reasons": EVENT_REASONS,
};

const INTRODUCTION = `\
This page lists every message that the operator writes, every flag and every metric. The messages are made by the
operator's own code with sample values: resource \`orders-api\` in namespace \`shop\`, for user \`orders-api\`, at
2030-01-11T00:00:00Z. In a running operator they show your names, times and numbers.

To find out what a resource reports, run \`kubectl describe auc NAME\` and look up the reason of its condition \`Ready\` here.`;

/** The kinds of the platform team, with the situations of each. */
const CLUSTER_KINDS: Readonly<Record<string, () => readonly Sample[]>> = {
  AtlasProjectX509: projectSamples,
  AtlasCustomerX509Removal: removalSamples,
};

const FLAGS = "Flags";
const FLAGS_INTRODUCTION = `\
Each flag can also be set by the environment variable of the same name: \`--log-level\` by \`${environmentVariable("log-level")}\`.`;
const SIMULATOR = "Simulator";

const METRICS = "Metrics";
const METRICS_INTRODUCTION =
  "The operator also exports the metrics of its process and of Node.js (`process_*`, `nodejs_*`).";

/** Every condition message, Event, flag and metric, made by the code that makes them. */
export async function messagesPage(): Promise<string> {
  const samples = await userCertificateSamples();
  const blocks = [
    "<!-- Generated from the code by `make messages`. Change the texts there. -->",
    "# Messages, flags and metrics",
    INTRODUCTION,
    contents(),
    ...Object.entries(PARTS).flatMap(([heading, reasons]) => [
      `## ${heading}`,
      ...reasons.flatMap((reason) => [
        `### ${reason}`,
        ...samples[reason].flatMap((sample) => sampleBlocks(reason, sample)),
      ]),
    ]),
    ...Object.entries(CLUSTER_KINDS).flatMap(([kind, samplesOf]) => [
      `## ${kind}`,
      ...samplesOf().flatMap((sample) => sampleBlocks("", sample)),
    ]),
    `## ${FLAGS}`,
    FLAGS_INTRODUCTION,
    ...Object.entries(FLAG_GROUPS).flatMap(([heading, flags]) => [`### ${heading}`, flagTable(flags)]),
    `### ${SIMULATOR}`,
    "The flags of `atlas-cert-operator simulate`.",
    flagTable(SIMULATE_FLAGS),
    `## ${METRICS}`,
    METRICS_INTRODUCTION,
    metricTable(await allMetrics()),
  ];
  return `${blocks.join("\n\n")}\n`;
}

function contents(): string {
  const parts = [
    ...Object.entries(PARTS),
    ...Object.keys(CLUSTER_KINDS).map((kind) => [kind, []] as const),
    [FLAGS, [...Object.keys(FLAG_GROUPS), SIMULATOR]] as const,
    [METRICS, []] as const,
  ];
  return parts
    .map(([heading, entries]) => {
      const links = entries.map(linkTo).toSorted().join(" · ");
      return links === "" ? `- ${linkTo(heading)}` : `- ${linkTo(heading)}: ${links}`;
    })
    .join("\n");
}

/** With the anchor that GitHub gives a heading. */
function linkTo(heading: string): string {
  return `[${heading}](#${heading
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, "")
    .replaceAll(" ", "-")})`;
}

/** A reason other than that of the section stands in brackets; a text that stands above is not repeated. */
function sampleBlocks(reason: string, { title, conditions, events }: Sample): readonly string[] {
  const named = (what: string, own: string) => (own === reason ? what : `${what} (${own})`);
  const rows = conditions.map((one) => [named(`${one.type}=${one.status}`, one.reason), text(one.message)]);
  const eventRows = events.map((event) => {
    const same = conditions.find(({ message }) => message === event.note);
    return [named(`Event, ${event.type}`, event.reason), same === undefined ? text(event.note) : `*as ${same.type}*`];
  });
  return [`${title}:`, table(["condition or Event", "message"], [...rows, ...eventRows])];
}

function flagTable(flags: Readonly<Record<string, Flag<unknown>>>): string {
  const rows = Object.entries(flags).map(([name, { default: standard, description, placeholder }]) => [
    `\`--${name}${placeholder === "" ? "" : `=${placeholder.replaceAll("|", "\\|")}`}\``,
    standard === undefined || standard === "" ? "" : `\`${standard}\``,
    text(description),
  ]);
  return table(["flag", "default", "meaning"], rows);
}

function metricTable(metrics: readonly Metric[]): string {
  const rows = metrics.map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(", "),
    text(help),
  ]);
  return table(["metric", "type", "labels", "meaning"], rows);
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, header.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`);
  return lines.join("\n");
}

/** A text as Markdown shows it unchanged. */
function text(plain: string): string {
  return plain.replace(/[\\*<>|[\]~]/g, "\\$&").replaceAll("\n", "<br>");
}
