import { findCondition } from "../api/conditions.ts";
import type { UserCertificate } from "../api/parse-user-certificate.ts";
import { DAY_MS } from "../clock.ts";
import { SECRETS } from "../kube/core-types.ts";
import { KubeError } from "../kube/kube-error.ts";
import { type KubeObject, objectKey, type ResourceType } from "../kube/resource-type.ts";
import { type Cluster, EXIT, type Report } from "./report.ts";
import {
  colourOf,
  getResource,
  isCommand,
  isFine,
  lifetimeOf,
  type Resource,
  resourceData,
  standingOf,
} from "./resources.ts";
import {
  type Branch,
  count,
  day,
  type Leaf,
  lifetimeBar,
  minute,
  type Page,
  paint,
  printable,
  proseWidth,
  relative,
  tree,
  wrap,
} from "./text.ts";

const BAR_WIDTH = 60;
const MOST_EVENTS = 5;
const MOST_ISSUANCES = 5;

/** An Event of the core group, as far as it is shown. */
interface ResourceEvent extends KubeObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly eventTime?: string | null;
  readonly lastTimestamp?: string | null;
  readonly count?: number;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string };
}

export const EVENTS: ResourceType<ResourceEvent> = {
  group: "",
  version: "v1",
  plural: "events",
  kind: "Event",
  namespaced: true,
};

/** Facts about a resource that its own status does not tell. */
export interface Surroundings {
  /** The newest first; undefined where the user may not list them. */
  readonly events: readonly ResourceEvent[] | undefined;
  /** Whether the Secret exists; undefined where the user may not read it. */
  readonly secretExists: boolean | undefined;
}

/** `status NAME`: one resource and all that belongs to it. */
export async function statusOfOne(cluster: Cluster, name: string): Promise<Report> {
  const resource = await getResource(cluster, name);
  const [events, secretExists] = await Promise.all([eventsOf(cluster, resource), secretExistsFor(cluster, resource)]);
  const surroundings = { events, secretExists };
  return {
    data: {
      ...resourceData(resource),
      ...(resource.valid && { recentIssuances: resource.status.recentIssuances, secretExists }),
      events: events?.slice(0, MOST_EVENTS).map((event) => {
        const { message, reason, type } = event;
        return { time: new Date(timeOf(event)).toISOString(), type, reason, message };
      }),
    },
    lines: (page) => renderOne(resource, surroundings, page),
    exitCode: isFine(resource) ? EXIT.ok : EXIT.attention,
  };
}

async function eventsOf({ kube, signal }: Cluster, { namespace, uid }: Resource) {
  const found: ResourceEvent[] = [];
  try {
    const options = { namespace, fieldSelector: `involvedObject.uid=${uid}`, signal };
    for await (const { items } of kube.list(EVENTS, options)) found.push(...items);
  } catch (error: unknown) {
    if (KubeError.is(error, "Forbidden")) return undefined;
    throw error;
  }
  return found.toSorted((a, b) => timeOf(b) - timeOf(a));
}

function timeOf({ eventTime, lastTimestamp, metadata, series }: ResourceEvent): number {
  const time = series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp;
  return time === undefined ? 0 : Date.parse(time);
}

async function secretExistsFor({ kube, signal }: Cluster, resource: Resource): Promise<boolean | undefined> {
  if (!resource.valid) return undefined;
  const ref = { namespace: resource.namespace, name: resource.spec.secretName };
  try {
    // Its key stays where it is.
    await kube.get<KubeObject>(SECRETS, ref, { metadataOnly: true, signal });
    return true;
  } catch (error: unknown) {
    if (KubeError.is(error, "NotFound")) return false;
    if (KubeError.is(error, "Forbidden")) return undefined;
    throw error;
  }
}

export function renderOne(resource: Resource, surroundings: Surroundings, page: Page): readonly string[] {
  const standing = standingOf(resource);
  const { action, message, ready, reason } = standing;
  const state = { True: "Ready", False: "Not ready", Unknown: "Unknown" }[ready];
  const title = `${printable(objectKey(resource))}  ${paint({ text: `${state}: ${reason}`, colour: colourOf(standing) }, page)}`;
  const branches = resource.valid ? branchesOf(resource, surroundings, page) : [];
  const step = action === undefined ? untroubled(resource) : nextStep(action, message);
  const branchesAndStep = [...branches, { label: "Next step", leaves: [step] }];
  return [title, ...wrap(message, proseWidth(page)), ...tree(branchesAndStep, page)];
}

function nextStep(action: string, message: string): Leaf {
  const text = message.includes(action) ? "Action is required: see the message at the top." : action;
  const leaf = { text, colour: "warning" } as const;
  return isCommand(action) ? { cells: [leaf] } : leaf;
}

function untroubled(resource: Resource): string {
  const renewal = lifetimeOf(resource)?.renewal;
  return renewal === undefined
    ? "No action is required."
    : `No action is required: the operator renews the certificate at ${minute(renewal)}.`;
}

function branchesOf(resource: UserCertificate, surroundings: Surroundings, page: Page): readonly Branch[] {
  const { spec, status } = resource;
  const project =
    spec.projectRef === undefined
      ? `${spec.projectId}, credentials in Secret ${spec.credentialsRef?.name}`
      : `AtlasProjectX509 ${spec.projectRef.name}`;
  const issuing = findCondition(status, "Issuing");
  return [
    { label: "Lifetime", leaves: lifetimeLeaves(resource, page) },
    { label: "Certificate", leaves: certificateLeaves(resource, page) },
    { label: "Issuing", leaves: issuing?.status === "True" ? [issuing.message] : [] },
    { label: "User", leaves: [spec.username] },
    { label: "Project", leaves: [project] },
    { label: "Secret", leaves: secretLeaves(resource, surroundings) },
    { label: "Consumers", leaves: consumerLeaves(resource) },
    { label: "Issued", leaves: issuanceLeaves(resource) },
    { label: "Unaccounted", leaves: unaccountedLeaves(resource) },
    { label: "Events", leaves: eventLeaves(surroundings, page) },
  ];
}

function lifetimeLeaves(resource: UserCertificate, page: Page): readonly Leaf[] {
  const lifetime = lifetimeOf(resource);
  if (lifetime === undefined) return [];
  const { notAfter, notBefore, renewal } = lifetime;
  const colour = colourOf(standingOf(resource));
  const time = notAfter - notBefore < 3 * DAY_MS ? minute : day;
  const renews = renewal === undefined ? "" : `, ${time(renewal)} renewal (${relative(renewal, page.nowMs)})`;
  return [
    { text: lifetimeBar(lifetime, page.nowMs, Math.min(BAR_WIDTH, proseWidth(page, 20))), colour },
    `${time(notBefore)} issue${renews}, ${time(notAfter)} expiry (${relative(notAfter, page.nowMs)})`,
  ];
}

function certificateLeaves({ status }: UserCertificate, page: Page): readonly Leaf[] {
  const { lastVerifiedTime, previous, revision, serialNumber } = status;
  if (serialNumber === undefined) return [];
  const verified =
    lastVerifiedTime === undefined ? "" : `, Atlas confirmed it ${relative(Date.parse(lastVerifiedTime), page.nowMs)}`;
  const number = revision === undefined ? "" : `, revision ${revision}`;
  return [
    `serial number ${serialNumber}${number}${verified}`,
    ...(previous === undefined
      ? []
      : [`the one before it, ${previous.serialNumber}, can log in until ${minute(Date.parse(previous.notAfter))}`]),
  ];
}

function secretLeaves({ spec, status }: UserCertificate, { secretExists }: Surroundings): readonly Leaf[] {
  const { secretName } = spec;
  const own: Leaf = secretExists === false ? { text: `${secretName} does not exist`, colour: "bad" } : secretName;
  const leftBehind = (status.leftBehind ?? []).map(
    (left) => `${left.secretName} is left behind: its certificate is valid until ${minute(Date.parse(left.notAfter))}`,
  );
  return [own, ...leftBehind];
}

function consumerLeaves({ status }: UserCertificate): readonly Leaf[] {
  const { consumers, pendingRestarts = [] } = status;
  const restarts = pendingRestarts.map(({ kind, message, name, reason }): Leaf => {
    const why = message ?? `it has not been restarted since the renewal${reason === undefined ? "" : ` (${reason})`}`;
    return { text: `${kind} ${name}: ${why}`, colour: "warning" };
  });
  if (consumers === undefined) return restarts;
  const { outdated, outdatedPods = [], outdatedValidUntil, pods, unknown = 0 } = consumers;
  const all = count(pods, "pod");
  const doubt = unknown === 0 ? [] : [`${unknown} of ${all} may still use an older certificate`];
  if (outdated === 0) {
    const current = pods === 0 ? "no pod uses the Secret" : `${all} with the current certificate`;
    return [...(unknown === 0 ? [current] : doubt), ...restarts];
  }
  const until = outdatedValidUntil === undefined ? "" : `, valid until ${minute(Date.parse(outdatedValidUntil))}`;
  const more = outdated - outdatedPods.length;
  return [
    { text: `${outdated} of ${all} with an older certificate${until}:`, colour: "warning" },
    ...outdatedPods.map((name) => ({ cells: ["", name] })),
    ...(outdatedPods.length > 0 && more > 0 ? [{ cells: ["", `and ${more} more`] }] : []),
    ...doubt,
    ...restarts,
  ];
}

function issuanceLeaves({ status }: UserCertificate): readonly Leaf[] {
  const recent = (status.recentIssuances ?? []).toSorted((a, b) => Date.parse(b.time) - Date.parse(a.time));
  const shown = recent.slice(0, MOST_ISSUANCES).map(({ lost, reason, serialNumber, time }): Leaf => {
    const number = serialNumber === undefined ? "serial number unknown" : serialNumber;
    return {
      cells: [
        minute(Date.parse(time)),
        reason,
        ...(lost === undefined ? [number] : [`${number},`, { text: `lost: ${lost}`, colour: "bad" as const }]),
      ],
    };
  });
  const more = recent.length - shown.length;
  return more > 0 ? [...shown, `and ${more} more`] : shown;
}

function unaccountedLeaves({ spec, status }: UserCertificate): readonly Leaf[] {
  const unaccounted = status.unaccounted ?? [];
  if (unaccounted.length === 0) return [];
  const colour = spec.userSharedWithOtherClusters ? undefined : "warning";
  const more = unaccounted.length - MOST_ISSUANCES;
  return [
    { text: `${count(unaccounted.length, "certificate")} of the user that no resource here explains:`, colour },
    ...unaccounted.slice(0, MOST_ISSUANCES).map(({ notAfter, serialNumber }) => ({
      cells: ["", `${serialNumber}, valid until ${minute(Date.parse(notAfter))}`],
    })),
    ...(more > 0 ? [{ cells: ["", `and ${more} more`] }] : []),
  ];
}

function eventLeaves({ events }: Surroundings, page: Page): readonly Leaf[] {
  if (events === undefined) return [{ text: "you may not list Events in this namespace", colour: "faint" }];
  return events.slice(0, MOST_EVENTS).map((event): Leaf => {
    const { message = "", reason = "", type } = event;
    const times = event.series?.count ?? event.count ?? 1;
    const repeated = times > 1 ? ` (${times} times)` : "";
    const text = `${relative(timeOf(event), page.nowMs)}  ${reason}${repeated}: ${message}`;
    return { text, colour: type === "Warning" ? "warning" : undefined };
  });
}
