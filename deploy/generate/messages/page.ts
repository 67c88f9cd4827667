import { BLOCKED_REASONS, EVENT_REASONS, ISSUE_REASONS, RESTART_REASONS } from "../../../src/api/reasons.ts";
import { FLAG_GROUPS } from "../../../src/command/run.ts";
import { environmentVariable, type Flag } from "../../../src/flags.ts";
import { SIMULATE_FLAGS } from "../../../src/simulator/command-flags.ts";
import { allMetrics, type Metric } from "./metrics.ts";
import { projectSamples } from "./project-samples.ts";
import { removalSamples } from "./removal-samples.ts";
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

To find out what an object reports, run \`kubectl describe auc NAME\` (\`apx\` for an AtlasProjectX509, \`acxr\` for an
AtlasCustomerX509Removal) and look up the reason of its conditions here.`;

/** The kinds of the platform team. */
async function clusterKinds(): Promise<Readonly<Record<string, Readonly<Record<string, readonly Sample[]>>>>> {
  return { AtlasProjectX509: await projectSamples(), AtlasCustomerX509Removal: await removalSamples() };
}

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
  const kinds = Object.entries(await clusterKinds());
  const blocks = [
    "<!-- Generated from the code by `make messages`. Change the texts there. -->",
    "# Messages, flags and metrics",
    INTRODUCTION,
    contents(kinds.map(([kind, reasons]) => [kind, Object.keys(reasons)])),
    ...Object.entries(PARTS).flatMap(([heading, reasons]) => [
      `## ${heading}`,
      ...reasons.flatMap((reason) => [
        `### ${reason}`,
        ...samples[reason].flatMap((sample) => sampleBlocks(reason, sample)),
      ]),
    ]),
    ...kinds.flatMap(([kind, reasons]) => [
      `## ${kind}`,
      ...Object.entries(reasons).flatMap(([reason, ofReason]) => [
        `### ${headingOf(kind, reason)}`,
        ...ofReason.flatMap((sample) => sampleBlocks(reason, sample)),
      ]),
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

function contents(kinds: readonly (readonly [kind: string, reasons: readonly string[]])[]): string {
  const linked = (entries: readonly string[]) => entries.map((entry) => linkTo(entry));
  const parts: readonly (readonly [heading: string, links: readonly string[]])[] = [
    ...Object.entries(PARTS).map(([heading, reasons]) => [heading, linked(reasons)] as const),
    ...kinds.map(([kind, reasons]) => [kind, reasons.map((one) => linkTo(headingOf(kind, one), one))] as const),
    [FLAGS, linked([...Object.keys(FLAG_GROUPS), SIMULATOR])],
    [METRICS, []],
  ];
  return parts
    .map(([heading, entries]) => {
      const links = entries.toSorted().join(" · ");
      return links === "" ? `- ${linkTo(heading)}` : `- ${linkTo(heading)}: ${links}`;
    })
    .join("\n");
}

/** Several kinds share some reasons, and each heading needs an anchor of its own. */
function headingOf(kind: string, reason: string): string {
  return `${reason} (${kind})`;
}

/** With the anchor that GitHub gives a heading. */
function linkTo(heading: string, title = heading): string {
  return `[${title}](#${heading
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
