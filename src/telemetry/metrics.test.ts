import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { certificateMetrics, type ResourceFigures } from "./certificate-metrics.ts";
import { Metrics } from "./metrics.ts";
import { registerRuntimeMetrics } from "./runtime-metrics.ts";

/** The lines of the product's series, as they are served. */
async function seriesOf(registry: Registry): Promise<readonly string[]> {
  return (await registry.metrics()).split("\n").filter((line) => line.startsWith("atlascerts_"));
}

const NOW = Date.UTC(2030, 0, 11);
const seconds = (ms: number) => String(ms / 1000);

describe("what is counted", () => {
  const metrics = () => new Metrics({ version: "1.2.3", issueReasons: ["SecretMissing", "NearingExpiry"] });

  test("starts at zero, so that the first is an increase", async () => {
    expect(await seriesOf(metrics().registry)).toEqual(
      expect.arrayContaining([
        'atlascerts_certificates_issued_total{reason="SecretMissing"} 0',
        'atlascerts_certificates_issued_total{reason="NearingExpiry"} 0',
        "atlascerts_orphans_found_total 0",
        'atlascerts_workqueue_retries_total{cause="error"} 0',
        'atlascerts_workqueue_retries_total{cause="time_limit"} 0',
        `atlascerts_build_info{version="1.2.3",node_version="${process.version}"} 1`,
      ]),
    );
  });

  test("a reconcile by decision, outcome and reason, with what was issued and what was lost", async () => {
    const counted = metrics();
    const common = { decision: "issue", reason: "NearingExpiry" };
    counted.reconciled({ ...common, outcome: "issued", issuedFor: "NearingExpiry" });
    counted.orphanFound();
    counted.orphanFound();
    counted.reconciled({ ...common, outcome: "overtaken", issuedFor: undefined });
    expect(await seriesOf(counted.registry)).toEqual(
      expect.arrayContaining([
        'atlascerts_reconciles_total{decision="issue",outcome="issued",reason="NearingExpiry"} 1',
        'atlascerts_reconciles_total{decision="issue",outcome="overtaken",reason="NearingExpiry"} 1',
        'atlascerts_certificates_issued_total{reason="NearingExpiry"} 1',
        "atlascerts_orphans_found_total 2",
      ]),
    );
  });

  test.each([
    [201, "2xx"],
    [429, "4xx"],
    [503, "5xx"],
    [undefined, "none"],
  ])("a request to Atlas that was answered with %s, as %s, with its time in seconds", async (status, label) => {
    const counted = metrics();
    counted.atlasExchange({ operation: "authenticate", status, durationMs: 1500 });
    expect(await seriesOf(counted.registry)).toEqual(
      expect.arrayContaining([
        `atlascerts_atlas_requests_total{operation="authenticate",status="${label}"} 1`,
        'atlascerts_atlas_request_duration_seconds_sum{operation="authenticate"} 1.5',
      ]),
    );
  });

  test.each([
    [409, "409"],
    [undefined, "none"],
  ])("a request to the API server that was answered with %s", async (code, label) => {
    const counted = metrics();
    counted.kubeExchange({ verb: "patch", code });
    expect(await seriesOf(counted.registry)).toContain(
      `atlascerts_kube_requests_total{verb="patch",code="${label}"} 1`,
    );
  });

  test("runs of the work queue, in seconds, and those that are retried", async () => {
    const counted = metrics();
    counted.runStarted(250);
    for (const result of ["done", "again", "failed", "timedOut", "failed"] as const) counted.runFinished(500, result);
    expect(await seriesOf(counted.registry)).toEqual(
      expect.arrayContaining([
        "atlascerts_workqueue_wait_duration_seconds_sum 0.25",
        "atlascerts_workqueue_work_duration_seconds_sum 2.5",
        "atlascerts_workqueue_work_duration_seconds_count 5",
        'atlascerts_workqueue_retries_total{cause="error"} 2',
        'atlascerts_workqueue_retries_total{cause="time_limit"} 1',
      ]),
    );
  });
});

describe("what is read from the caches", () => {
  const resource: ResourceFigures = {
    namespace: "shop",
    name: "orders-api",
    ready: "True",
    reason: "Issued",
    info: { secretName: "orders-api-mongodb", username: "orders-api", project: "", projectId: "" },
    notBeforeMs: NOW - 2000,
    notAfterMs: NOW + 2000,
    renewalMs: NOW + 1000,
    verifiedMs: NOW - 1000,
    stalled: undefined,
    actionReason: undefined,
    suspended: false,
    unaccounted: 0,
    orphaned: 0,
    budgetLeft: undefined,
    pendingRestarts: [],
    withdrawnUntilMs: undefined,
    outdatedPods: undefined,
    outdatedUntilMs: undefined,
  };
  const linesOf = (...resources: readonly ResourceFigures[]) =>
    [...certificateMetrics(resources, NOW)]
      .join("")
      .split("\n")
      .filter((line) => line.startsWith("atlascerts_"));

  test("the times of each certificate, in seconds", () => {
    const none = { notBeforeMs: undefined, notAfterMs: undefined, renewalMs: undefined, verifiedMs: undefined };
    const lines = linesOf(resource, { ...resource, ...none, name: "new" });
    const labels = '{namespace="shop",name="orders-api"}';
    expect(lines.filter((line) => line.includes("_timestamp_seconds{"))).toEqual([
      `atlascerts_certificate_not_before_timestamp_seconds${labels} ${seconds(NOW - 2000)}`,
      `atlascerts_certificate_not_after_timestamp_seconds${labels} ${seconds(NOW + 2000)}`,
      `atlascerts_certificate_renewal_timestamp_seconds${labels} ${seconds(NOW + 1000)}`,
      `atlascerts_certificate_verified_timestamp_seconds${labels} ${seconds(NOW - 1000)}`,
    ]);
  });

  test("how many are ready, and why not", () => {
    const lines = linesOf(
      resource,
      { ...resource, name: "b" },
      { ...resource, name: "c", ready: "False", reason: "RoleMissing" },
    );
    expect(lines.filter((line) => line.startsWith("atlascerts_resources"))).toEqual([
      'atlascerts_resources{ready="True",reason="Issued"} 2',
      'atlascerts_resources{ready="False",reason="RoleMissing"} 1',
    ]);
  });

  test.each<[what: string, change: Partial<ResourceFigures>, series: string]>([
    ["ready, when Ready is True", {}, 'atlascerts_resource_ready{LABELS,reason="Issued"} 1'],
    ["no outdated pods", { outdatedPods: 0 }, "atlascerts_consumers_outdated{LABELS} 0"],
    ["outdated pods", { outdatedPods: 2 }, "atlascerts_consumers_outdated{LABELS} 2"],
    [
      "until when outdated pods can log in",
      { outdatedUntilMs: NOW },
      `atlascerts_consumers_outdated_valid_until_timestamp_seconds{LABELS} ${seconds(NOW)}`,
    ],
    ["not ready, when Ready is False", { ready: "False" }, 'atlascerts_resource_ready{LABELS,reason="Issued"} 0'],
    [
      "not ready, when it has no status yet",
      { ready: "Unknown", reason: "None" },
      'atlascerts_resource_ready{LABELS,reason="None"} 0',
    ],
    ["no action required", {}, 'atlascerts_resource_action_required{LABELS,reason="None"} 0'],
    [
      "action required, with the reason",
      { actionReason: "RoleMissing" },
      'atlascerts_resource_action_required{LABELS,reason="RoleMissing"} 1',
    ],
    ["budget left", { budgetLeft: 0 }, "atlascerts_issuance_budget_left{LABELS} 0"],
    [
      "workloads that wait for their restarts",
      { pendingRestarts: ["RestartDue", "RestartDue"] },
      'atlascerts_restarts_pending{LABELS,reason="RestartDue"} 2',
    ],
    [
      "what it is about, escaped",
      { info: { secretName: "s", username: String.raw`CN=a"b\,c`, project: "p", projectId: "1" } },
      String.raw`atlascerts_resource_info{LABELS,secret="s",username="CN=a\"b\\,c",project="p",project_id="1"} 1`,
    ],
    ["not stalled", {}, 'atlascerts_resource_stalled{LABELS,reason="None"} 0'],
    [
      "stalled, with the reason",
      { stalled: "RoleMissing" },
      'atlascerts_resource_stalled{LABELS,reason="RoleMissing"} 1',
    ],
    ["not suspended", {}, "atlascerts_resource_suspended{LABELS} 0"],
    ["suspended", { suspended: true }, "atlascerts_resource_suspended{LABELS} 1"],
  ])("a resource that is %s, as one series", (_, change, series) => {
    const expected = series.replace("LABELS", 'namespace="shop",name="orders-api"');
    const [metric = ""] = series.split("{");
    expect(linesOf({ ...resource, ...change }).filter((line) => line.startsWith(metric))).toEqual([expected]);
  });

  test.each<[what: string, change: Partial<ResourceFigures>, overdue: number]>([
    ["a renewal to come", {}, 0],
    ["one that is due", { renewalMs: NOW }, 1],
    ["one that is due and suspended", { renewalMs: NOW, suspended: true }, 0],
    ["no certificate yet", { renewalMs: undefined }, 0],
  ])("overdue renewals: %s", (_, change, overdue) => {
    expect(linesOf({ ...resource, ...change })).toContain(`atlascerts_renewals_overdue ${overdue}`);
  });

  test("unaccounted-for certificates, where there are any", () => {
    const lines = linesOf(resource, { ...resource, name: "b", unaccounted: 3 });
    expect(lines.filter((line) => line.startsWith("atlascerts_unaccounted"))).toEqual([
      'atlascerts_unaccounted_certificates{namespace="shop",name="b"} 3',
    ]);
  });

  test("orphaned certificates, where there are any", () => {
    const lines = linesOf(resource, { ...resource, name: "b", orphaned: 2 });
    expect(lines.filter((line) => line.startsWith("atlascerts_orphaned"))).toEqual([
      'atlascerts_orphaned_certificates{namespace="shop",name="b"} 2',
    ]);
  });

  test("until when certificates whose grant was withdrawn can log in", () => {
    const lines = linesOf(resource, { ...resource, name: "b", withdrawnUntilMs: NOW + 3000 });
    expect(lines.filter((line) => line.startsWith("atlascerts_withdrawn"))).toEqual([
      `atlascerts_withdrawn_logins_until_timestamp_seconds{namespace="shop",name="b"} ${seconds(NOW + 3000)}`,
    ]);
  });

  test("each metric with its help and its type, before its series", () => {
    expect([...certificateMetrics([], NOW)].join("")).toMatch(
      /^(# HELP atlascerts_\w+ [^\n\\]+\.\n# TYPE atlascerts_\w+ gauge\n(atlascerts_.*\n)*\n)+$/,
    );
  });

  test("in parts of a limited length, each series whole, however many resources there are", () => {
    const resources = Array.from({ length: 2000 }, (_, index) => ({ ...resource, name: `orders-${index}` }));
    const parts = [...certificateMetrics(resources, NOW)];
    expect(Math.max(...parts.map(({ length }) => length))).toBeLessThan(70_000);
    expect(parts.filter((part) => !part.endsWith("\n"))).toEqual([]);
    const readyLines = parts.join("").match(/^atlascerts_resource_ready\{.*$/gm);
    expect(new Set(readyLines).size).toBe(2000);
  });

  test("beside what is counted, in one text", async () => {
    const metrics = new Metrics({ version: "1.2.3", issueReasons: [] });
    metrics.addText(() => certificateMetrics([resource], NOW));
    const text = await metrics.text();
    expect(text).toMatch(/^atlascerts_orphans_found_total 0$/m);
    expect(text).toMatch(/^atlascerts_resources\{/m);
    expect(text.endsWith("\n")).toBe(true);
  });
});

test("what is read from the runtime", async () => {
  const registry = new Registry();
  const statistics = { lists: 3, events: 5, failures: 2, handlerErrors: 1, skipped: 9 };
  registerRuntimeMetrics(registry, {
    queue: { depth: 1, delayed: 2, atWork: 3, stuck: 4, oldestWaitMs: 5500 },
    watches: [
      { name: "secrets", namespace: undefined, reflector: { lastProgressAt: 1000, statistics } },
      {
        name: "secrets",
        namespace: "shop",
        reflector: { lastProgressAt: undefined, statistics: { ...statistics, lists: 0 } },
      },
    ],
    events: { sent: 6, dropped: 7, pending: 8 },
    pacer: { groupIds: () => ["p1"], tokensLeft: () => 1199, unconfirmedTokensLeft: () => 7 },
    isLeading: () => true,
    skewMs: () => -1500,
    parked: () => 2,
    monotonic: () => 3500,
  });
  const all = '{watch="secrets",watch_namespace=""}';
  const shop = '{watch="secrets",watch_namespace="shop"}';
  expect(await seriesOf(registry)).toEqual([
    "atlascerts_workqueue_depth 1",
    "atlascerts_workqueue_delayed 2",
    "atlascerts_workqueue_at_work 3",
    "atlascerts_workqueue_stuck 4",
    "atlascerts_workqueue_oldest_wait_seconds 5.5",
    `atlascerts_watch_age_seconds${all} 2.5`,
    `atlascerts_watch_relists_total${all} 2`,
    `atlascerts_watch_relists_total${shop} 0`,
    `atlascerts_watch_skipped_total${all} 9`,
    `atlascerts_watch_skipped_total${shop} 9`,
    `atlascerts_watch_events_total${all} 5`,
    `atlascerts_watch_events_total${shop} 5`,
    `atlascerts_watch_failures_total${all} 2`,
    `atlascerts_watch_failures_total${shop} 2`,
    `atlascerts_watch_handler_errors_total${all} 1`,
    `atlascerts_watch_handler_errors_total${shop} 1`,
    "atlascerts_events_sent_total 6",
    "atlascerts_events_dropped_total 7",
    "atlascerts_events_pending 8",
    "atlascerts_leader 1",
    "atlascerts_clock_skew_seconds -1.5",
    "atlascerts_parked_certificates 2",
    'atlascerts_atlas_rate_limit_tokens{project_id="p1"} 1199',
    'atlascerts_atlas_rate_limit_tokens{project_id="unconfirmed"} 7',
  ]);
});
