import { expect, test } from "vitest";
import { z } from "zod";
import { PROMETHEUS_BUILD_MS } from "../../chart/prometheus.ts";
import { only, render } from "../chart/rendering.ts";
import { Prometheus } from "./prometheus.ts";
import { troubledReleases } from "./releases.ts";
import { shippedMonitoring } from "./shipped-rules.ts";

const panelSchema = z.object({
  title: z.string(),
  type: z.string(),
  targets: z.array(z.object({ expr: z.string(), legendFormat: z.string().optional() })).default([]),
});
const dashboardSchema = z.object({
  panels: z.array(panelSchema),
  templating: z.object({ list: z.array(z.object({ name: z.string(), query: z.string() })) }),
});

async function shippedDashboard() {
  const objects = await render({ metrics: { dashboard: { enabled: true } } });
  const { data, metadata } = z
    .looseObject({ data: z.record(z.string(), z.string()), metadata: z.looseObject({ labels: z.unknown() }) })
    .parse(only(objects, "ConfigMap", "atlas-cert-operator-dashboard"));
  // The sidecar of Grafana's chart looks for this label.
  expect(metadata.labels).toMatchObject({ grafana_dashboard: "1" });
  return dashboardSchema.parse(JSON.parse(data["atlas-cert-operator.json"] ?? ""));
}

test(
  "a Prometheus that scrapes two releases answers each query of the dashboard, and fills in each alert's texts",
  async () => {
    const { panels, templating } = await shippedDashboard();
    const { shop, billing } = await troubledReleases();
    const releases = [
      { address: shop.metricsAddress, shipped: await shippedMonitoring("first") },
      { address: billing.metricsAddress, shipped: await shippedMonitoring("second") },
    ];
    const prometheus = await Prometheus.start(releases);

    // What "All" stands for, and an interval that holds every scrape, however slow the machine is.
    const filledIn = (expr: string) =>
      expr.replace(/\$(namespace|operator)\b/g, ".*").replaceAll("$__rate_interval", "5m");
    const queries = panels.flatMap(({ title, targets }) => targets.map((target) => ({ title, ...target })));
    expect(queries.length).toBeGreaterThan(25);
    for (const { title, expr, legendFormat } of queries) {
      const series = await prometheus.query(filledIn(expr));
      expect(series, `${title}: ${expr}`).not.toEqual([]);
      // A label that the query does not keep would be an empty place in the legend.
      for (const [, label = ""] of (legendFormat ?? "").matchAll(/\{\{(\w+)\}\}/g)) {
        expect(series[0]?.labels, `${title}: ${expr}`).toHaveProperty(label);
      }
    }
    const figures = await Promise.all(
      panels
        .filter(({ type }) => type === "stat")
        .map(async ({ title, targets: [target] }) => {
          const [figure] = await prometheus.query(filledIn(target?.expr ?? ""));
          return [title, figure?.value] as const;
        }),
    );
    expect(Object.fromEntries(figures)).toEqual({
      ...{ Resources: 10, "Not ready": 1, "Action required": 3, "Renewal overdue": 0 },
      ...{ "Outdated pods": 1, Suspended: 3 },
    });
    for (const [, metric = "", label = ""] of templating.list.flatMap(({ query }) => [
      ...query.matchAll(/^label_values\((\w+), (\w+)\)$/g),
    ])) {
      expect(await prometheus.query(`group by (${label}) (${metric})`), metric).toHaveLength(2);
    }

    const alerts = await prometheus.alerts();
    expect(alerts.length).toBeGreaterThan(5);
    for (const { annotations, labels } of alerts) {
      expect(Object.values(annotations).join(" "), labels.alertname).not.toMatch(/error expanding|no value|\{\{/);
      expect(annotations.summary).toContain(labels.name);
    }
  },
  PROMETHEUS_BUILD_MS,
);
