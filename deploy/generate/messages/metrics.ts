import { ISSUE_REASONS } from "../../../src/api/reasons.ts";
import { NOW, PROJECT } from "../../../src/controllers/user-certificate/testing/snapshots.ts";
import { AtlasTraffic } from "../../../src/telemetry/atlas-traffic.ts";
import { certificateMetrics, type ResourceFigures } from "../../../src/telemetry/certificate-metrics.ts";
import { clusterMetrics } from "../../../src/telemetry/cluster-metrics.ts";
import { Metrics } from "../../../src/telemetry/metrics.ts";
import { registerRuntimeMetrics } from "../../../src/telemetry/runtime-metrics.ts";

export interface Metric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** The operator's own metrics, read from a scrape with one series of each. */
export async function allMetrics(): Promise<readonly Metric[]> {
  return parse(await scrape());
}

/** What Prometheus would be served. */
async function scrape(): Promise<string> {
  const metrics = new Metrics({ version: "0", issueReasons: ISSUE_REASONS });
  const statistics = { lists: 1, events: 1, failures: 0, handlerErrors: 0, skipped: 0 };
  registerRuntimeMetrics(metrics.registry, {
    queue: { depth: 0, delayed: 0, atWork: 0, stuck: 0, oldestWaitMs: 0 },
    watches: [{ name: "secrets", namespace: undefined, reflector: { lastProgressAt: 0, statistics } }],
    events: { sent: 0, dropped: 0, pending: 0 },
    pacer: { groupIds: () => [PROJECT], tokensLeft: () => 1200, unconfirmedTokensLeft: () => undefined },
    isLeading: () => true,
    skewMs: () => 0,
    parked: () => 0,
    monotonic: () => 0,
  });
  metrics.reconciled({ decision: "keep", outcome: "nothing", reason: "None", issuedFor: undefined });
  metrics.atlasExchange({ operation: "authenticate", status: 200, durationMs: 1 });
  metrics.kubeExchange({ verb: "get", code: 200 });
  metrics.addText(() => certificateMetrics([RESOURCE], NOW));
  const traffic = new AtlasTraffic();
  traffic.add({ operation: "getUserSecurity", projectId: PROJECT, status: 200, durationMs: 1 }, NOW);
  metrics.addText(() => traffic.text(NOW));
  metrics.addText(() =>
    clusterMetrics(
      [{ name: "production", isReady: true, resources: 1, isCustomerManaged: false }],
      [{ name: "production-x7k2p", isComplete: true, isFailed: false }],
    ),
  );
  return metrics.text();
}

const RESOURCE: ResourceFigures = {
  ...{ namespace: "shop", name: "orders-api", reason: "Issued", stalled: undefined, unaccounted: 1 },
  ...{ notBeforeMs: NOW, notAfterMs: NOW, renewalMs: NOW, verifiedMs: NOW, withdrawnUntilMs: NOW },
  ...{ actionReason: undefined, suspended: false, orphaned: 1, budgetLeft: 3, pendingRestarts: ["RestartDue"] },
  info: { secretName: "orders-api-mongodb", username: "orders-api", project: "production", projectId: PROJECT },
  ...{ outdatedPods: 2, outdatedUntilMs: NOW },
  ready: "True",
};

function parse(text: string): readonly Metric[] {
  return [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)\n((?:[^#\n].*\n?)*)/gm)]
    .map(([, name = "", help = "", type = "", series = ""]) => ({ name, help, type, labels: labelsOf(series) }))
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

/** `le` is the text format's own label of a histogram's buckets. */
function labelsOf(series: string): readonly string[] {
  const names = [...series.matchAll(/[{,](\w+)="/g)].map(([, name = ""]) => name);
  return [...new Set(names)].filter((name) => name !== "le");
}
