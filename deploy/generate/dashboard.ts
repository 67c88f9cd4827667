import { calendar, figure, graph, laidOut, type Row, unitOf } from "./dashboard-layout.ts";

const OF_RESOURCES = '{namespace=~"$namespace"}';
const OF_OPERATORS = '{namespace=~"$operator"}';
/** Every replica exports all resources. */
const each = (metric: string, more = "") => `max by (namespace, name${more}) (${metric}${OF_RESOURCES})`;
const count = (expr: string) => `count(${expr}) or vector(0)`;
const notSuspended = `unless on (namespace, name) (${each("atlascerts_resource_suspended")} == 1)`;
const renewal = each("atlascerts_certificate_renewal_timestamp_seconds");
const notAfter = each("atlascerts_certificate_not_after_timestamp_seconds");

/** Each query is tried against a real Prometheus: see test/integration/monitoring. */
const ROWS: readonly Row[] = [
  {
    title: "All certificates",
    panels: [
      figure("Resources", "AtlasUserCertificates.", count(each("atlascerts_resource_ready"))),
      figure(
        "Not ready",
        "Resources that are not ready, suspended ones excluded.",
        count(`${each("atlascerts_resource_ready")} == 0 ${notSuspended}`),
        "red",
      ),
      figure(
        "Action required",
        "Resources that need a person, also while they are still ready.",
        count(`${each("atlascerts_resource_action_required")} == 1`),
        "orange",
      ),
      figure(
        "Renewal overdue",
        "Resources whose renewal has been due for more than five minutes, suspended ones excluded.",
        count(`${renewal} < time() - 300 ${notSuspended}`),
        "orange",
      ),
      figure(
        "Outdated pods",
        "Pods that still use a certificate from before the latest renewal.",
        `sum(${each("atlascerts_consumers_outdated")}) or vector(0)`,
        "orange",
      ),
      figure("Suspended", "Suspended resources.", count(`${each("atlascerts_resource_suspended")} == 1`), "blue"),
      {
        ...{ title: "State", type: "table", width: 24, height: 10 },
        description: "Each resource with the reason of its condition Ready, its Secret, its user and its project.",
        queries: [
          { expr: each("atlascerts_resource_ready", ", reason"), legend: "ready" },
          { expr: each("atlascerts_resource_info", ", secret, username, project, project_id") },
          { expr: `${renewal} * 1000`, legend: "renewal" },
          { expr: `${notAfter} * 1000`, legend: "expiry" },
          { expr: each("atlascerts_resource_suspended"), legend: "suspended" },
        ],
        transformations: [
          { id: "merge", options: {} },
          {
            id: "organize",
            options: {
              excludeByName: { Time: true, "Value #B": true },
              renameByName: {
                ...{ "Value #A": "ready", "Value #C": "renewal", "Value #D": "expiry", "Value #E": "suspended" },
              },
            },
          },
        ],
        fieldConfig: { overrides: [unitOf("renewal", "dateTimeAsIso"), unitOf("expiry", "dateTimeAsIso")] },
      },
    ],
  },
  {
    title: "Renewals and expiries",
    panels: [
      calendar("Renewals in the coming days", "Number of certificates that are renewed, by days from now.", renewal),
      calendar("Expiries in the coming days", "Number of certificates that expire, by days from now.", notAfter),
      {
        ...{ title: "Ready over time", type: "state-timeline", width: 12, height: 10 },
        description: "The condition Ready of each resource: 1 is True.",
        queries: [{ expr: each("atlascerts_resource_ready"), legend: "{{namespace}}/{{name}}" }],
        options: { showValue: "never", mergeValues: true },
        fieldConfig: {
          defaults: {
            thresholds: {
              mode: "absolute",
              steps: [
                { color: "red", value: null },
                { color: "green", value: 1 },
              ],
            },
          },
        },
      },
      {
        ...graph(
          "Time until the expiry",
          "It falls until the renewal and then rises; a line that goes on falling is a renewal that failed.",
          [{ expr: `${notAfter} - time()`, legend: "{{namespace}}/{{name}}" }],
          "s",
          12,
        ),
        height: 10,
      },
      graph("Certificates issued", "By reason.", [
        {
          expr: `sum by (reason) (increase(atlascerts_certificates_issued_total${OF_OPERATORS}[$__rate_interval]))`,
          legend: "{{reason}}",
        },
      ]),
      graph("Pending restarts", "Workloads that were not restarted since their certificate was replaced.", [
        { expr: each("atlascerts_restarts_pending", ", reason"), legend: "{{namespace}}/{{name}} {{reason}}" },
      ]),
      graph("Orphaned certificates", "Unexpired certificates whose private keys are lost.", [
        { expr: each("atlascerts_orphaned_certificates"), legend: "{{namespace}}/{{name}}" },
      ]),
    ],
  },
  {
    title: "Atlas",
    panels: [
      graph("Rate limit left", "Requests that Atlas still allows for each project now.", [
        {
          expr: `min by (project_id) (atlascerts_atlas_rate_limit_tokens${OF_OPERATORS})`,
          legend: "{{project_id}}",
        },
      ]),
      graph("Failed requests by project", "Requests that Atlas did not carry out, a second, by status.", [
        {
          expr: `sum by (project_id, status) (rate(atlascerts_atlas_project_requests_total{namespace=~"$operator",status!="2xx"}[$__rate_interval]))`,
          legend: "{{project_id}} {{status}}",
        },
      ]),
      graph(
        "Time since the last success",
        "By project. The operator lists the certificates of each resource every few hours.",
        [
          {
            expr: `time() - max by (project_id) (atlascerts_atlas_last_success_timestamp_seconds${OF_OPERATORS})`,
            legend: "{{project_id}}",
          },
        ],
        "s",
      ),
      graph("Requests", "Requests to Atlas a second, by operation and status.", [
        {
          expr: `sum by (operation, status) (rate(atlascerts_atlas_requests_total${OF_OPERATORS}[$__rate_interval]))`,
          legend: "{{operation}} {{status}}",
        },
      ]),
      graph(
        "Daily limit left",
        "Certificates that may still be issued for a user before the daily limit is reached. Empty if none was issued in the last 24 hours.",
        [
          {
            expr: `min by (namespace, name) (atlascerts_issuance_budget_left${OF_RESOURCES})`,
            legend: "{{namespace}}/{{name}}",
          },
        ],
      ),
      graph(
        "Clock skew",
        "Time by which Atlas' clock is ahead.",
        [{ expr: `atlascerts_clock_skew_seconds${OF_OPERATORS}`, legend: "{{namespace}}/{{pod}}" }],
        "s",
      ),
    ],
  },
  {
    title: "Operator",
    panels: [
      graph("Work queue", "Keys that are due, at work, or stuck.", [
        ...["depth", "at_work", "stuck"].map((what) => ({
          expr: `sum by (namespace) (atlascerts_workqueue_${what}${OF_OPERATORS})`,
          legend: `{{namespace}} ${what}`,
        })),
      ]),
      graph(
        "Wait for a worker and work",
        "The 95th percentile.",
        ["wait", "work"].map((what) => ({
          expr: `histogram_quantile(0.95, sum by (le) (rate(atlascerts_workqueue_${what}_duration_seconds_bucket${OF_OPERATORS}[$__rate_interval])))`,
          legend: what,
        })),
        "s",
      ),
      graph("Retries", "Failed reconciles that are retried, a second, by cause.", [
        {
          expr: `sum by (cause) (rate(atlascerts_workqueue_retries_total${OF_OPERATORS}[$__rate_interval]))`,
          legend: "{{cause}}",
        },
      ]),
      graph(
        "Age of watches",
        "Time since the API server last sent anything. It sends something about every minute.",
        [
          {
            expr: `max by (namespace, pod, watch) (atlascerts_watch_age_seconds${OF_OPERATORS})`,
            legend: "{{pod}} {{watch}}",
          },
        ],
        "s",
      ),
      graph("Failures of watches", "Lists and watches that failed, and complete lists after the first one, a second.", [
        ...["failures", "relists"].map((what) => ({
          expr: `sum by (watch) (rate(atlascerts_watch_${what}_total${OF_OPERATORS}[$__rate_interval]))`,
          legend: `{{watch}} ${what}`,
        })),
      ]),
      graph("Leaders", "One for each release.", [
        { expr: `sum by (namespace, job) (atlascerts_leader${OF_OPERATORS})`, legend: "{{namespace}}/{{job}}" },
      ]),
    ],
  },
];

/** The chart's Grafana dashboard. */
export function dashboard(): object {
  return laidOut(ROWS);
}
