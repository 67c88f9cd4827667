import { objectKey } from "../kube/resource-type.ts";
import { type Cluster, EXIT, type Report } from "./report.ts";
import {
  colourOf,
  isCommand,
  isFine,
  lifetimeOf,
  listResources,
  type Resource,
  resourceData,
  standingOf,
} from "./resources.ts";
import {
  BAR_LEGEND,
  type Cell,
  count,
  lifetimeBar,
  type Page,
  paint,
  printable,
  proseWidth,
  relative,
  table,
  wrap,
} from "./text.ts";

/** From this width on there is room for a longer bar and for the names of the Secrets. */
const WIDE = 100;
const MOST_NOTES = 20;

/** `status`: all resources in a table, and what is to do. */
export async function statusOfAll(cluster: Cluster): Promise<Report> {
  const resources = await listResources(cluster);
  return {
    data: { items: resources.map(resourceData) },
    lines: (page) => renderAll(resources, cluster.namespace, page),
    exitCode: resources.every(isFine) ? EXIT.ok : EXIT.attention,
  };
}

export function renderAll(
  resources: readonly Resource[],
  namespace: string | undefined,
  page: Page,
): readonly string[] {
  if (resources.length === 0) {
    return namespace === undefined
      ? ["No AtlasUserCertificates in this cluster."]
      : [`No AtlasUserCertificates in namespace ${namespace}. "-A" shows those of all namespaces.`];
  }
  const isAll = namespace === undefined;
  const isWide = page.width >= WIDE;
  const columns = ["NAME", "READY", "REASON", "LIFETIME", "RENEWAL", "EXPIRES"];
  const header = [...(isAll ? ["NAMESPACE"] : []), ...columns, ...(isWide ? ["SECRET"] : [])];
  const rows = resources.map((resource) => [...(isAll ? [resource.namespace] : []), ...row(resource, page)]);
  const troubled = resources.filter((resource) => !isFine(resource));
  const notes = troubled.slice(0, MOST_NOTES).flatMap((resource) => note(resource, isAll, page));
  if (troubled.length > MOST_NOTES)
    notes.push("", `${troubled.length - MOST_NOTES} more: see "kubectl atlascerts status NAME".`);
  const rest = troubled.length;
  const fine = resources.length - rest;
  const total = rest === 0 ? `${count(fine, "certificate")}, all fine.` : `${fine} fine, ${rest} to look at.`;
  return [
    ...table(header, rows, page),
    ...notes,
    "",
    `${paint({ text: total, colour: rest === 0 ? "good" : "warning" }, page)}  ${paint({ text: BAR_LEGEND, colour: "faint" }, page)}`,
  ];
}

function row(resource: Resource, page: Page): readonly Cell[] {
  const standing = standingOf(resource);
  const colour = colourOf(standing);
  const lifetime = lifetimeOf(resource);
  const isWide = page.width >= WIDE;
  const secret = isWide && resource.valid ? [resource.spec.secretName] : [];
  const { ready, reason } = standing;
  const state = [resource.name, { text: ready, colour }, { text: reason, colour }];
  if (lifetime === undefined) return [...state, "", "", "", ...secret];
  const { notAfter, renewal } = lifetime;
  return [
    ...[...state, { text: lifetimeBar(lifetime, page.nowMs, isWide ? 20 : 12), colour, isWhole: true }],
    ...[renewal === undefined ? "" : relative(renewal, page.nowMs), relative(notAfter, page.nowMs), ...secret],
  ];
}

/** The problem of a resource that is not fine, and the next step. */
function note(resource: Resource, isAll: boolean, page: Page): readonly string[] {
  const { action, message } = standingOf(resource);
  const name = isAll ? objectKey(resource) : resource.name;
  const width = proseWidth(page, 2);
  const isSaid = action === undefined || message.includes(action);
  const step = isSaid ? [] : isCommand(action) ? [printable(action)] : wrap(action, width);
  const lines = [...wrap(message, width), ...step];
  return ["", paint({ text: name, colour: "strong" }, page), ...lines.map((line) => `  ${line}`)];
}
