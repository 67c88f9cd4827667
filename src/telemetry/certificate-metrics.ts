import { MetricText } from "./metric-text.ts";

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

/**
 * The figures of all resources, in the text format of Prometheus. They come from the caches, which every replica has:
 * with two replicas, take the `max by (namespace, name)`.
 *
 * Written in one pass and not by prom-client, which makes an object of every series: with 5,000 resources that took
 * 85 ms and 60 MiB a scrape. Nothing is kept, so the series of a resource that is gone go with it.
 */
export function certificateMetrics(resources: Iterable<ResourceFigures>, nowMs: number): string {
  const info = new MetricText(
    "atlascerts_resource_info",
    "Always 1. The labels name the resource's Secret, its database user, its AtlasProjectX509, and the Atlas project that issued its certificate.",
  );
  const notBefore = new MetricText(
    "atlascerts_certificate_not_before_timestamp_seconds",
    "Time from which the certificate in the resource's Secret is valid. Absent while there is none.",
  );
  const verified = new MetricText(
    "atlascerts_certificate_verified_timestamp_seconds",
    "Time at which Atlas last listed the certificate in the resource's Secret, or returned it to the operator.",
  );
  const notAfter = new MetricText(
    "atlascerts_certificate_not_after_timestamp_seconds",
    "Expiry time of the certificate in the resource's Secret. Absent while there is none.",
  );
  const renewal = new MetricText(
    "atlascerts_certificate_renewal_timestamp_seconds",
    "Time at which the certificate in the resource's Secret is due for renewal.",
  );
  const unaccounted = new MetricText(
    "atlascerts_unaccounted_certificates",
    "Unexpired certificates of the resource's database user that no resource explains: issued elsewhere, or orphaned. Absent while there are none.",
  );
  const orphaned = new MetricText(
    "atlascerts_orphaned_certificates",
    "Unexpired certificates of the resource whose private keys are lost. Absent while there are none.",
  );
  const budgetLeft = new MetricText(
    "atlascerts_issuance_budget_left",
    "Certificates that may still be issued for the resource's database user before the daily limit is reached. Absent if none was issued in the last 24 hours.",
  );
  const restarts = new MetricText(
    "atlascerts_restarts_pending",
    "Workloads of the resource that have not been restarted since its certificate was replaced, by reason; RestartDue if nothing stands in the way. Absent while there are none.",
  );
  const isReady = new MetricText(
    "atlascerts_resource_ready",
    "1 if the resource's condition Ready is True, else 0, with the condition's reason.",
  );
  const isStalled = new MetricText(
    "atlascerts_resource_stalled",
    "1 with the condition's reason if the resource's condition Stalled is True, else 0 with reason None.",
  );
  const needsPerson = new MetricText(
    "atlascerts_resource_action_required",
    "1 with the reason if a person has to act, even if the resource is still Ready; else 0 with reason None. The conditions Ready and Stalled say what to do.",
  );
  const isSuspended = new MetricText(
    "atlascerts_resource_suspended",
    "1 if the resource's spec.suspend is true, else 0.",
  );
  const withdrawn = new MetricText(
    "atlascerts_withdrawn_logins_until_timestamp_seconds",
    "Time until which certificates of the resource can still be used to log in although its grant was withdrawn. Absent while the grant exists.",
  );
  const outdated = new MetricText(
    "atlascerts_consumers_outdated",
    "Pods that still use a certificate from before the latest renewal. Absent while no such certificate is valid.",
  );
  const outdatedUntil = new MetricText(
    "atlascerts_consumers_outdated_valid_until_timestamp_seconds",
    "Earliest expiry time of the certificates that outdated pods use. Absent while there are no such pods.",
  );
  const ready = new Map<string, number>();
  let overdue = 0;
  for (const resource of resources) {
    const { namespace, name, renewalMs } = resource;
    const labels = `namespace="${namespace}",name="${name}"`;
    if (resource.info !== undefined) info.add(`${labels},${infoLabels(resource.info)}`, 1);
    notBefore.addTime(labels, resource.notBeforeMs);
    notAfter.addTime(labels, resource.notAfterMs);
    renewal.addTime(labels, renewalMs);
    verified.addTime(labels, resource.verifiedMs);
    if (renewalMs !== undefined && renewalMs <= nowMs && !resource.suspended) overdue += 1;
    if (resource.unaccounted > 0) unaccounted.add(labels, resource.unaccounted);
    if (resource.orphaned > 0) orphaned.add(labels, resource.orphaned);
    if (resource.budgetLeft !== undefined) budgetLeft.add(labels, resource.budgetLeft);
    for (const [reason, count] of counted(resource.pendingRestarts)) restarts.add(reasoned(labels, reason), count);
    withdrawn.addTime(labels, resource.withdrawnUntilMs);
    if (resource.outdatedPods !== undefined) outdated.add(labels, resource.outdatedPods);
    outdatedUntil.addTime(labels, resource.outdatedUntilMs);
    isReady.add(reasoned(labels, resource.reason), Number(resource.ready === "True"));
    isStalled.add(reasoned(labels, resource.stalled), Number(resource.stalled !== undefined));
    needsPerson.add(reasoned(labels, resource.actionReason), Number(resource.actionReason !== undefined));
    isSuspended.add(labels, resource.suspended ? 1 : 0);
    const state = `ready="${resource.ready}",reason="${resource.reason}"`;
    ready.set(state, (ready.get(state) ?? 0) + 1);
  }
  const certificates = [notBefore, notAfter, renewal, verified, unaccounted, orphaned, budgetLeft, withdrawn];
  const states = [info, isReady, isStalled, needsPerson, isSuspended, restarts, outdated, outdatedUntil];
  return [...certificates, ...states, readyText(ready), overdueText(overdue)].map((metric) => metric.text).join("");
}

function infoLabels({ secretName, username, project, projectId }: ResourceInfo): string {
  return `secret="${secretName}",username="${escaped(username)}",project="${project}",project_id="${projectId}"`;
}

/** Names of database users may have any character but control characters. */
function escaped(value: string): string {
  return value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
}

function reasoned(labels: string, reason = "None"): string {
  return `${labels},reason="${reason}"`;
}

function counted(values: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function readyText(counts: ReadonlyMap<string, number>): MetricText {
  const metric = new MetricText(
    "atlascerts_resources",
    "Number of resources by status and reason of their condition Ready.",
  );
  for (const [labels, count] of counts) metric.add(labels, count);
  return metric;
}

function overdueText(count: number): MetricText {
  const metric = new MetricText(
    "atlascerts_renewals_overdue",
    "Number of resources, suspended ones excluded, whose renewal is due and has not happened. A renewal takes seconds.",
  );
  metric.add("", count);
  return metric;
}
