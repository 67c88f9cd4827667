import { actionReason } from "../api/action-reason.ts";
import { DAY_MS } from "../clock.ts";
import { objectKey } from "../kube/resource-type.ts";
import { type Cluster, EXIT, type Report } from "./report.ts";
import { listResources, type Resource } from "./resources.ts";
import { type Cell, count, day, minute, type Page, paint, relative, table } from "./text.ts";

/** Something that happens to a certificate at a time. */
export interface Milestone {
  readonly time: number;
  readonly what: "renewal" | "expiry";
  /** `namespace/name`. */
  readonly resource: string;
  readonly note: string;
  /** Nothing is planned that would prevent the loss. */
  readonly isThreat: boolean;
}

/** `timeline`: what is renewed and what expires within so many days, by day. */
export async function timeline(cluster: Cluster, days: number): Promise<Report> {
  const nowMs = cluster.clock.now();
  const resources = await listResources(cluster);
  const milestones = milestonesOf(resources, nowMs, nowMs + days * DAY_MS);
  return {
    data: {
      days,
      milestones: milestones.map(({ isThreat, time, ...rest }) => {
        return { time: new Date(time).toISOString(), ...rest, needsAttention: isThreat };
      }),
    },
    lines: (page) => [...renderTimeline(milestones, days, page), ...renderEmpty(resources)],
    exitCode: milestones.some(({ isThreat }) => isThreat) ? EXIT.attention : EXIT.ok,
  };
}

/** In the order of their times. What should have happened already is among them. */
export function milestonesOf(resources: readonly Resource[], nowMs: number, untilMs: number): readonly Milestone[] {
  return resources
    .flatMap((resource) => milestonesOfOne(resource, nowMs))
    .filter(({ time }) => time <= untilMs)
    .toSorted((a, b) => a.time - b.time || (a.resource < b.resource ? -1 : 1));
}

function milestonesOfOne(resource: Resource, nowMs: number): readonly Milestone[] {
  if (!resource.valid) return [];
  const { spec, status } = resource;
  const key = objectKey(resource);
  const reason = actionReason(status);
  // A keystore's password holds up the keystore alone.
  const renewsAlone = !spec.suspend && (reason === undefined || reason === "KeystorePasswordMissing");
  const milestones: Milestone[] = [];
  const { consumers, leftBehind = [], notAfter, renewalTime } = status;
  if (renewalTime !== undefined && !spec.suspend) {
    const time = Date.parse(renewalTime);
    const note = renewsAlone ? (time < nowMs ? "overdue" : "") : "only after action: see status";
    milestones.push({ time, what: "renewal", resource: key, note, isThreat: !renewsAlone });
  }
  if (notAfter !== undefined) {
    const time = Date.parse(notAfter);
    const why = spec.suspend ? "suspended: not renewed" : "needs action: see status";
    const note = time <= nowMs ? "has expired" : renewsAlone ? "renewed before" : why;
    milestones.push({ time, what: "expiry", resource: key, note, isThreat: !renewsAlone || time <= nowMs });
  }
  if (consumers?.outdatedValidUntil !== undefined && consumers.outdated > 0) {
    const note = `${count(consumers.outdated, "pod")} to restart before`;
    milestones.push({
      time: Date.parse(consumers.outdatedValidUntil),
      what: "expiry",
      resource: key,
      note,
      isThreat: true,
    });
  }
  for (const left of leftBehind) {
    const note = `left behind in Secret ${left.secretName}`;
    milestones.push({ time: Date.parse(left.notAfter), what: "expiry", resource: key, note, isThreat: false });
  }
  return milestones;
}

export function renderTimeline(milestones: readonly Milestone[], days: number, page: Page): readonly string[] {
  if (milestones.length === 0) return [`Nothing is renewed and nothing expires in the next ${count(days, "day")}.`];
  let last = "";
  const rows = milestones.map(({ isThreat, note, resource, time, what }): readonly Cell[] => {
    const date = day(time);
    const isNew = date !== last;
    last = date;
    const sign = what === "renewal" ? "◆ renewal" : isThreat ? "✗ expiry" : "○ expiry";
    const colour = isThreat ? "bad" : what === "renewal" ? "good" : "faint";
    return [
      ...(isNew
        ? [{ text: date, colour: "strong" as const }, weekday(time), relative(time, page.nowMs)]
        : ["", "", ""]),
      ...[minute(time).slice(11), { text: sign, colour }, resource, { text: note, colour }],
    ] as const;
  });
  const of = (what: Milestone["what"]) => milestones.filter((one) => one.what === what);
  const threats = milestones.filter(({ isThreat }) => isThreat).length;
  const [renewals, expiries] = [of("renewal").length, of("expiry").length];
  const summary = `The next ${count(days, "day")}: ${count(renewals, "renewal")}, ${expiries} ${expiries === 1 ? "expiry" : "expiries"}`;
  const attention =
    threats === 0 ? "; no action is required." : `; ${threats} ${threats === 1 ? "needs" : "need"} attention.`;
  return [
    ...table(["DAY", "", "", "TIME", "WHAT", "RESOURCE", "NOTE"], rows, page),
    "",
    paint({ text: summary + attention, colour: threats === 0 ? "good" : "bad" }, page),
  ];
}

/** A resource without a certificate has no time in its status. */
function renderEmpty(resources: readonly Resource[]): readonly string[] {
  const empty = resources.filter((resource) => !resource.valid || resource.status.notAfter === undefined).length;
  return empty === 0 ? [] : [`${count(empty, "resource")} without a certificate: see "kubectl atlascerts status".`];
}

function weekday(ms: number): string {
  return ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][new Date(ms).getUTCDay()] ?? "";
}
