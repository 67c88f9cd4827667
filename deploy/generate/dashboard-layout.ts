/** The kinds of panels of a Grafana dashboard, and their places in it. */

interface Query {
  readonly expr: string;
  /** The legend; labels in braces. */
  readonly legend?: string;
}

interface Panel {
  readonly title: string;
  readonly description: string;
  readonly type: "barchart" | "stat" | "state-timeline" | "table" | "timeseries";
  /** Of the 24 columns. */
  readonly width: number;
  readonly height?: number;
  readonly queries: readonly Query[];
  /** @default "short" */
  readonly unit?: string;
  /** What the type needs beside: options, fieldConfig and transformations of Grafana. */
  readonly options?: object;
  readonly fieldConfig?: { readonly defaults?: object; readonly overrides?: readonly object[] };
  readonly transformations?: readonly object[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const DATASOURCE = { type: "prometheus", uid: "$datasource" };

/** A green zero, and a color for anything else. */
const thresholds = (color: string) => ({
  mode: "absolute",
  steps: [
    { color: "green", value: null },
    { color, value: 1 },
  ],
});

export function figure(title: string, description: string, expr: string, color?: string): Panel {
  return {
    ...{ title, description, type: "stat", width: 4, height: 4, queries: [{ expr }] },
    options: { reduceOptions: { calcs: ["lastNotNull"] }, colorMode: color === undefined ? "none" : "value" },
    ...(color !== undefined && { fieldConfig: { defaults: { thresholds: thresholds(color) } } }),
  };
}

/** How many become due on each of the next days. */
export function calendar(title: string, description: string, time: string): Panel {
  return {
    ...{ title, description, type: "barchart", width: 12, unit: "none" },
    queries: [{ expr: `count_values("day", floor((${time} - time()) / 86400) >= 0)` }],
    options: { xField: "day", legend: { showLegend: false } },
    transformations: [
      { id: "convertFieldType", options: { conversions: [{ targetField: "day", destinationType: "number" }] } },
      { id: "sortBy", options: { sort: [{ field: "day" }] } },
      { id: "convertFieldType", options: { conversions: [{ targetField: "day", destinationType: "string" }] } },
      { id: "organize", options: { excludeByName: { Time: true }, renameByName: { Value: "certificates" } } },
    ],
  };
}

export const graph = (
  title: string,
  description: string,
  queries: readonly Query[],
  unit = "short",
  width = 8,
): Panel => ({
  ...{ title, description, type: "timeseries", width, queries, unit },
});

export const unitOf = (name: string, unit: string) => ({
  matcher: { id: "byName", options: name },
  properties: [{ id: "unit", value: unit }],
});

/** A dashboard as Grafana imports it. */
export function laidOut(rows: readonly Row[]): object {
  const panels: object[] = [];
  let y = 0;
  for (const { title, panels: ofRow } of rows) {
    panels.push({ id: panels.length + 1, title, type: "row", collapsed: false, gridPos: { x: 0, y, w: 24, h: 1 } });
    y += 1;
    let x = 0;
    let lineHeight = 0;
    for (const panel of ofRow) {
      const { height = 8, width } = panel;
      if (x + width > 24) {
        x = 0;
        y += lineHeight;
        lineHeight = 0;
      }
      panels.push({ id: panels.length + 1, ...grafanaPanel(panel), gridPos: { x, y, w: width, h: height } });
      x += width;
      lineHeight = Math.max(lineHeight, height);
    }
    y += lineHeight;
  }
  return {
    ...{ uid: "atlas-cert-operator", title: "Atlas certificates", tags: ["atlas-cert-operator"], timezone: "utc" },
    ...{ schemaVersion: 39, version: 1, editable: true, refresh: "1m", time: { from: "now-24h", to: "now" } },
    templating: {
      list: [
        { name: "datasource", label: "Data source", type: "datasource", query: "prometheus" },
        variable("namespace", "Namespace of resources", "label_values(atlascerts_resource_ready, namespace)"),
        variable("operator", "Namespace of operators", "label_values(atlascerts_leader, namespace)"),
      ],
    },
    panels,
  };
}

function grafanaPanel({ description, fieldConfig, options, queries, title, transformations, type, unit }: Panel) {
  // A table, a figure and a calendar show this moment.
  const isInstant = ["barchart", "stat", "table"].includes(type);
  return {
    ...{ title, description, type, datasource: DATASOURCE },
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode("A".charCodeAt(0) + index),
      ...{ datasource: DATASOURCE, expr, instant: isInstant, range: !isInstant },
      ...(type === "table" || type === "barchart" ? { format: "table" } : {}),
      ...(legend !== undefined && { legendFormat: legend }),
    })),
    fieldConfig: {
      defaults: { unit: unit ?? "short", ...fieldConfig?.defaults },
      overrides: fieldConfig?.overrides ?? [],
    },
    options: options ?? {},
    ...(transformations !== undefined && { transformations }),
  };
}

function variable(name: string, label: string, query: string) {
  return {
    ...{ name, label, type: "query", datasource: DATASOURCE, query, refresh: 2, sort: 1 },
    ...{ multi: true, includeAll: true, allValue: ".*", current: { text: "All", value: "$__all" } },
  };
}
