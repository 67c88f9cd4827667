import { MetricText, seconds } from "./metric-text.ts";

/** The facts about one resource that the figures need. */
export interface ResourceFigures {
  readonly namespace: string;
  readonly name: string;
  /** Status and reason of its condition Ready; both from closed lists. */
  readonly ready: "True" | "False" | "Unknown";
  readonly reason: string;
  /** Its Secret, user and project; undefined where its spec cannot be read. */
  readonly info: ResourceInfo | undefined;
  /** Of the certificate in its Secret, milliseconds since the epoch; undefined where there is none. */
  readonly notBeforeMs: number | undefined;
  readonly notAfterMs: number | undefined;
  readonly renewalMs: number | undefined;
  /** When Atlas last listed or returned that certificate, milliseconds since the epoch. */
  readonly verifiedMs: number | undefined;
  /** Reason of its condition Stalled, from a closed list; undefined unless that condition is True. */
  readonly stalled: string | undefined;
  /** Why a person has to act, now or before the renewal is due, from a closed list; undefined if no one has to. */
  readonly actionReason: string | undefined;
  /** Nothing is renewed while it is suspended. */
  readonly suspended: boolean;
  /** Unexpired certificates of its user that no resource accounts for. */
  readonly unaccounted: number;
  /** Unexpired certificates of the resource whose private keys are lost. */
  readonly orphaned: number;
  /** Certificates that may still be issued for its user today; undefined if none was issued. */
  readonly budgetLeft: number | undefined;
  /** Why each workload that waits for its restart still waits, from a closed list. */
  readonly pendingRestarts: readonly string[];
  /** Until when its certificates can be used to log in although its grant was withdrawn, in milliseconds since the epoch. */
  readonly withdrawnUntilMs: number | undefined;
  /** Pods that use an old certificate; undefined where they are not counted. */
  readonly outdatedPods: number | undefined;
  /** Until when those can log in with it, milliseconds since the epoch. */
  readonly outdatedUntilMs: number | undefined;
}

/** Labels of one resource that tell what it is about. */
export interface ResourceInfo {
  readonly secretName: string;
  readonly username: string;
  /** The AtlasProjectX509 that it names; "" for none. */
  readonly project: string;
  /** The project in which Atlas issued the certificate: not what the spec says, which Atlas may not know. "" for none. */
  readonly projectId: string;
}

/** One metric of every resource. */
interface ResourceMetric {
  readonly name: string;
  readonly help: string;
  /** Adds the series of one resource. */
  readonly write: (figures: ResourceFigures, add: Add) => void;
}

/** Adds a series, unless it has no value. `labels` are those beside namespace and name. */
type Add = (value: number | undefined, labels?: string) => void;

/** Timestamps rather than durations: Prometheus subtracts time(). */
const METRICS: readonly ResourceMetric[] = [
  {
    name: "atlascerts_certificate_not_before_timestamp_seconds",
    help: "Time from which the certificate in the resource's Secret is valid. Absent while there is none.",
    write: (figures, add) => add(seconds(figures.notBeforeMs)),
  },
  {
    name: "atlascerts_certificate_not_after_timestamp_seconds",
    help: "Expiry time of the certificate in the resource's Secret. Absent while there is none.",
    write: (figures, add) => add(seconds(figures.notAfterMs)),
  },
  {
    name: "atlascerts_certificate_renewal_timestamp_seconds",
    help: "Time at which the certificate in the resource's Secret is due for renewal.",
    write: (figures, add) => add(seconds(figures.renewalMs)),
  },
  {
    name: "atlascerts_certificate_verified_timestamp_seconds",
    help: "Time at which Atlas last listed the certificate in the resource's Secret, or returned it to the operator.",
    write: (figures, add) => add(seconds(figures.verifiedMs)),
  },
  {
    name: "atlascerts_unaccounted_certificates",
    help: "Unexpired certificates of the resource's database user that no resource explains: issued elsewhere, or orphaned. Absent while there are none.",
    write: ({ unaccounted }, add) => add(unaccounted || undefined),
  },
  {
    name: "atlascerts_orphaned_certificates",
    help: "Unexpired certificates of the resource whose private keys are lost. Absent while there are none.",
    write: ({ orphaned }, add) => add(orphaned || undefined),
  },
  {
    name: "atlascerts_issuance_budget_left",
    help: "Certificates that may still be issued for the resource's database user before the daily limit is reached. Absent if none was issued in the last 24 hours.",
    write: ({ budgetLeft }, add) => add(budgetLeft),
  },
  {
    name: "atlascerts_withdrawn_logins_until_timestamp_seconds",
    help: "Time until which certificates of the resource can still be used to log in although its grant was withdrawn. Absent while the grant exists.",
    write: (figures, add) => add(seconds(figures.withdrawnUntilMs)),
  },
  {
    name: "atlascerts_resource_info",
    help: "Always 1. The labels name the resource's Secret, its database user, its AtlasProjectX509, and the Atlas project that issued its certificate.",
    write: ({ info }, add) => info && add(1, infoLabels(info)),
  },
  {
    name: "atlascerts_resource_ready",
    help: "1 if the resource's condition Ready is True, else 0, with the condition's reason.",
    write: ({ ready, reason }, add) => add(Number(ready === "True"), reasonLabel(reason)),
  },
  {
    name: "atlascerts_resource_stalled",
    help: "1 with the condition's reason if the resource's condition Stalled is True, else 0 with reason None.",
    write: ({ stalled }, add) => add(Number(stalled !== undefined), reasonLabel(stalled)),
  },
  {
    name: "atlascerts_resource_action_required",
    help: "1 with the reason if a person has to act, even if the resource is still Ready; else 0 with reason None. The conditions Ready and Stalled say what to do.",
    write: ({ actionReason }, add) => add(Number(actionReason !== undefined), reasonLabel(actionReason)),
  },
  {
    name: "atlascerts_resource_suspended",
    help: "1 if the resource's spec.suspend is true, else 0.",
    write: ({ suspended }, add) => add(Number(suspended)),
  },
  {
    name: "atlascerts_restarts_pending",
    help: "Workloads of the resource that have not been restarted since its certificate was replaced, by reason; RestartDue if nothing stands in the way. Absent while there are none.",
    write: ({ pendingRestarts }, add) => {
      for (const [reason, count] of counted(pendingRestarts)) add(count, reasonLabel(reason));
    },
  },
  {
    name: "atlascerts_consumers_outdated",
    help: "Pods that still use a certificate from before the latest renewal. Absent while no such certificate is valid.",
    write: ({ outdatedPods }, add) => add(outdatedPods),
  },
  {
    name: "atlascerts_consumers_outdated_valid_until_timestamp_seconds",
    help: "Earliest expiry time of the certificates that outdated pods use. Absent while there are no such pods.",
    write: (figures, add) => add(seconds(figures.outdatedUntilMs)),
  },
];

/** A part ends once it is longer than this, in characters. */
const PART_LENGTH = 65_536;

/**
 * The figures of all resources, in the text format of Prometheus, in parts, so that the whole text, megabytes with thousands
 * of resources, is never in memory. The figures come from the caches, which every replica has: with two replicas, take the
 * `max by (namespace, name)`. Nothing is kept, so the series of a resource that is gone go with it.
 *
 * prom-client is not used: it makes an object of every series. With 5,000 resources that took 85 ms and 60 MiB a scrape.
 */
export function* certificateMetrics(resources: Iterable<ResourceFigures>, nowMs: number): Generator<string> {
  const all = [...resources];
  for (const metric of METRICS) yield* partsOf(metric, all);
  yield readyText(all).text;
  yield overdueText(all, nowMs).text;
}

function* partsOf({ name, help, write }: ResourceMetric, resources: readonly ResourceFigures[]): Generator<string> {
  const metric = new MetricText(name, help);
  let own = "";
  const add: Add = (value, labels) => metric.add(labels === undefined ? own : `${own},${labels}`, value);
  for (const resource of resources) {
    own = `namespace="${resource.namespace}",name="${resource.name}"`;
    write(resource, add);
    if (metric.length > PART_LENGTH) yield metric.take();
  }
  yield metric.text;
}

function infoLabels({ secretName, username, project, projectId }: ResourceInfo): string {
  return `secret="${secretName}",username="${escaped(username)}",project="${project}",project_id="${projectId}"`;
}

/** Names of database users may have any character but control characters. */
function escaped(value: string): string {
  return value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
}

function reasonLabel(reason = "None"): string {
  return `reason="${reason}"`;
}

function counted(values: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function readyText(resources: readonly ResourceFigures[]): MetricText {
  const metric = new MetricText(
    "atlascerts_resources",
    "Number of resources by status and reason of their condition Ready.",
  );
  for (const [labels, count] of counted(resources.map(({ ready, reason }) => `ready="${ready}",reason="${reason}"`))) {
    metric.add(labels, count);
  }
  return metric;
}

function overdueText(resources: readonly ResourceFigures[], nowMs: number): MetricText {
  const metric = new MetricText(
    "atlascerts_renewals_overdue",
    "Number of resources, suspended ones excluded, whose renewal is due and has not happened. A renewal takes seconds.",
  );
  const overdue = resources.filter(
    ({ renewalMs, suspended }) => renewalMs !== undefined && renewalMs <= nowMs && !suspended,
  );
  metric.add("", overdue.length);
  return metric;
}
