import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { DAY_MS } from "../../../src/clock.ts";
import { clusterMetrics } from "../../../src/telemetry/cluster-metrics.ts";
import { PROMETHEUS_BUILD_MS, resolvePromtool } from "../../chart/prometheus.ts";
import { silentProgress } from "../../control-plane/progress.ts";
import { ROOT, run } from "../chart/rendering.ts";
import { temporaryFile } from "../temporary-file.ts";
import { troubledReleases } from "./releases.ts";
import { type ShippedMonitoring, shippedMonitoring } from "./shipped-rules.ts";

interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The series of a scrape that the alerts are about, with the labels that Prometheus stores. */
function scraped(text: string, shipped: ShippedMonitoring): readonly Series[] {
  const { honorLabels, target } = shipped;
  const expressions = alertsOf(shipped).map(({ expr }) => expr);
  const all = [...text.matchAll(/^(atlascerts_\w+?)(?:\{(.*)\})? (\S+)$/gm)].map(([, name = "", all = "", value]) => {
    const own = [...all.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = "", text = ""]) => {
      const isKept = honorLabels || !(label in target);
      return [isKept ? label : `exported_${label}`, text];
    });
    return { name, labels: { ...target, ...Object.fromEntries(own) }, value: Number(value) };
  });
  return all.filter(({ name }) => expressions.some((expr) => expr.includes(name)));
}

type Alerts = Readonly<Record<string, readonly string[]>>;

interface Case {
  readonly name: string;
  readonly startMs: number;
  readonly series: readonly Series[];
  /** What a series does after the scrape, minute by minute. @default it stays as it is */
  readonly values?: (series: Series) => string | undefined;
  readonly evalTime?: string;
  /** All alerts that fire, each with `namespace name` of what it is about. */
  readonly firing: Alerts;
}

const MINUTES = 70;

function testGroup({ name, startMs, series, values, evalTime = "65m", firing }: Case) {
  const isLong = evalTime !== "65m";
  const quoted = (labels: Series["labels"]) =>
    Object.entries(labels)
      .map(([label, value]) => `${label}="${value}"`)
      .join(",");
  return {
    name,
    // Less than the five minutes for which Prometheus looks back.
    interval: isLong ? "4m" : "1m",
    start_timestamp: Math.floor(startMs / 1000),
    input_series: series.map((one) => ({
      series: `${one.name}{${quoted(one.labels)}}`,
      values: values?.(one) ?? `${one.value}x${isLong ? 400 : MINUTES}`,
    })),
    promql_expr_test: [
      {
        expr: 'group by (alertname, namespace, name) (ALERTS{alertstate="firing"})',
        eval_time: evalTime,
        exp_samples: Object.entries(firing).flatMap(([alertname, about]) =>
          about.map((one) => {
            const [namespace = "", of = ""] = one.split(" ");
            return { labels: `{${quoted({ alertname, namespace, ...(of !== "" && { name: of }) })}}`, value: 1 };
          }),
        ),
      },
    ],
  };
}

test(
  "the chart's alerts fire for what two releases have scraped, each with the namespace of what it is about",
  async () => {
    const promtool = await resolvePromtool({ progress: silentProgress });
    const { shop, billing } = await troubledReleases();
    const [first, second] = await Promise.all(["first", "second"].map(shippedMonitoring));
    if (first === undefined || second === undefined) throw new Error("two releases were asked for");
    const ofShop = scraped(await shop.metrics(), first);
    const ofBilling = scraped(await billing.metrics(), second);
    const releases = [...ofShop, ...ofBilling];
    const expiryMs = Date.parse((await shop.get("suspended")).status.notAfter ?? "");
    const inShop = (...names: readonly string[]) => names.map((name) => `${shop.namespace} ${name}`);
    const inBilling = (...names: readonly string[]) => names.map((name) => `${billing.namespace} ${name}`);
    const now: Alerts = {
      AtlasCertificateActionRequired: inShop("keystore", "refused"),
      AtlasCertificateBudgetSpent: inBilling("spent"),
      AtlasCertificateCredentialsRejected: inBilling("rejected"),
      AtlasCertificateNotReady: inBilling("rejected"),
      AtlasCertificateOrphaned: inShop("orphaned"),
      AtlasCertificateRestartPending: inShop("reports"),
    };
    const renewalsOverdue = [...inShop("healthy", "keystore", "orphaned", "refused", "reports"), ...inBilling("spent")];
    const nearExpiry: Alerts = {
      ...now,
      AtlasCertificatePodsOutdated: inShop("reports"),
      AtlasCertificateRenewalOverdue: renewalsOverdue,
    };
    const project = clusterMetrics(
      [{ name: "production", isReady: false, resources: 1, isCustomerManaged: false }],
      [],
    );
    const watches = (namespace: string) => (series: Series) =>
      series.name === "atlascerts_watch_age_seconds" && series.labels.namespace === namespace
        ? `${series.value}+60x${MINUTES}`
        : undefined;
    const leading = (value: number) => (series: Series) =>
      series.name === "atlascerts_leader" && series.labels.namespace === "second" ? `${value}x${MINUTES}` : undefined;
    const nowMs = Date.now();
    const cases: readonly Case[] = [
      { name: "now", startMs: nowMs, series: releases, firing: now },
      { name: "six days before the expiry", startMs: expiryMs - 6 * DAY_MS, series: releases, firing: nearExpiry },
      {
        name: "two days before the expiry, of a suspended resource too",
        startMs: expiryMs - 2 * DAY_MS,
        series: releases,
        firing: {
          ...nearExpiry,
          AtlasCertificateExpiresSoon: [...renewalsOverdue, ...inShop("refused-suspended", "suspended")],
        },
      },
      {
        name: "two days before the expiry, five minutes after renewals became due",
        ...{ startMs: expiryMs - 2 * DAY_MS, evalTime: "5m", series: releases },
        firing: {
          AtlasCertificateBudgetSpent: now.AtlasCertificateBudgetSpent ?? [],
          AtlasCertificateCredentialsRejected: now.AtlasCertificateCredentialsRejected ?? [],
          AtlasCertificateOrphaned: now.AtlasCertificateOrphaned ?? [],
          AtlasCertificatePodsOutdated: inShop("reports"),
        },
      },
      {
        name: "a day after an orphan was found",
        ...{ startMs: nowMs, evalTime: "25h", series: releases },
        firing: { ...now, AtlasCertificateOrphaned: [] },
      },
      {
        name: "while the API server is silent for one of the releases",
        ...{ startMs: nowMs, series: releases, values: watches("first") },
        firing: { ...now, AtlasOperatorWatchStale: ["first"] },
      },
      {
        name: "while one of the releases has no pod",
        ...{ startMs: nowMs, series: ofShop },
        firing: {
          AtlasCertificateActionRequired: inShop("keystore", "refused"),
          AtlasCertificateOrphaned: inShop("orphaned"),
          AtlasCertificateRestartPending: inShop("reports"),
          AtlasOperatorNoLeader: ["second"],
        },
      },
      ...[0, 2].map((leaders) => ({
        name: `while one of the releases has ${leaders} leaders`,
        ...{ startMs: nowMs, series: releases, values: leading(leaders) },
        firing: { ...now, AtlasOperatorNoLeader: ["second"] },
      })),
      {
        name: "while a project is not ready",
        ...{ startMs: nowMs, series: [...releases, ...scraped(project, first)] },
        firing: { ...now, AtlasProjectNotReady: ["first production"] },
      },
    ];
    const rule_files = await Promise.all(
      [first, second].map(({ rules, target }) => temporaryFile(`${target.job}.yaml`, stringify(rules))),
    );
    const tests = { rule_files, evaluation_interval: "5m", tests: cases.map(testGroup) };
    const file = await temporaryFile("tests.yaml", stringify(tests, { aliasDuplicateObjects: false }));
    const { code, stdout, stderr } = await run(promtool, ["test", "rules", file]);
    expect(code, stdout + stderr).toBe(0);
    const tried = new Set(cases.flatMap(({ firing }) => Object.keys(firing)));
    expect(tried).toEqual(new Set(alertsOf(first).map(({ alert }) => alert)));
  },
  PROMETHEUS_BUILD_MS,
);

function alertsOf({ rules }: ShippedMonitoring) {
  return rules.groups.flatMap((group) => group.rules);
}

test("promtool finds nothing in the alerts, and each has a severity, a summary and a runbook that exists", async () => {
  const promtool = await resolvePromtool({ progress: silentProgress });
  const shipped = await shippedMonitoring("first");
  const file = await temporaryFile("rules.yaml", stringify(shipped.rules));
  const { code, stdout, stderr } = await run(promtool, ["check", "rules", "--lint=all", "--lint-fatal", file]);
  expect(code, stdout + stderr).toBe(0);
  const headings = [...readFileSync(path.join(ROOT, "docs/alerts.md"), "utf8").matchAll(/^## (\w+)$/gm)].map(
    ([, heading]) => heading,
  );
  expect(alertsOf(shipped).map(({ alert }) => alert)).toEqual(headings);
  for (const { alert, annotations, labels } of alertsOf(shipped)) {
    expect(annotations.runbook_url).toBe(
      `https://github.com/atlas-cert-operator/atlas-cert-operator/blob/main/docs/alerts.md#${alert.toLowerCase()}`,
    );
    expect([labels.severity, annotations.summary, annotations.description], alert).toEqual([
      expect.stringMatching(/^(critical|warning)$/),
      expect.stringMatching(/\.$/),
      expect.stringMatching(/\.(\{\{ end \}\})?$/),
    ]);
  }
});
