/**
 * Draws docs/dashboard.svg: what a real Prometheus answers to queries of the chart's dashboard after it has scraped the
 * operator of the demo for two minutes. `node test/demo/dashboard-picture.ts`
 */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { dashboard } from "../../deploy/generate/dashboard.ts";
import { systemClock } from "../../src/clock.ts";
import { http } from "../../src/testing/http.ts";
import { resolvePrometheus } from "../chart/prometheus.ts";
import { freePort } from "../control-plane/port.ts";
import { Program } from "../control-plane/program.ts";
import { streamProgress } from "../control-plane/progress.ts";
import { type Line, picture } from "./panels.ts";
import { MONTH, type Stage, setStage } from "./stage.ts";

const FILE = path.join(import.meta.dirname, "../../docs/dashboard.svg");
const SHOWN_S = 120;
/** By the resource's name, which is its user's too: how many months its certificates last. */
const RESOURCES = { "orders-api": 3, billing: 2 } as const;

const panelSchema = z.object({
  ...{ title: z.string(), type: z.string() },
  targets: z.array(z.object({ expr: z.string(), legendFormat: z.string().default("") })).default([]),
});
const rangeSchema = z.object({
  data: z.object({
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        values: z.array(z.tuple([z.number(), z.string().transform(Number)])),
      }),
    ),
  }),
});

async function startPrometheus(stage: Stage): Promise<string> {
  const progress = streamProgress(process.stderr, systemClock);
  const file = await resolvePrometheus({ progress });
  const inFolder = (name: string) => path.join(stage.guard.folder, name);
  const target = { targets: [await stage.metricsAddress()], labels: { namespace: "operators", pod: "operator-0" } };
  const configuration = {
    global: { scrape_interval: "1s" },
    scrape_configs: [{ job_name: "operator", honor_labels: true, static_configs: [target] }],
  };
  // JSON is YAML.
  await writeFile(inFolder("prometheus.yaml"), JSON.stringify(configuration));
  const address = `127.0.0.1:${await freePort()}`;
  const prometheus = new Program({
    ...{ name: "prometheus", file, logFile: inFolder("prometheus.log"), guard: stage.guard, clock: systemClock },
    args: [
      `--config.file=${inFolder("prometheus.yaml")}`,
      `--storage.tsdb.path=${inFolder("prometheus")}`,
      `--web.listen-address=${address}`,
    ],
    isReady: async () => (await http(`http://${address}/-/ready`)).status === 200,
  });
  await prometheus.start();
  return `http://${address}/api/v1`;
}

/** Resources whose renewals fall into the time that is shown, and one that is suspended until its certificate expired. */
async function act(stage: Stage): Promise<void> {
  const { kubectl } = stage;
  const account = stage.simulator.credentials.find(({ id }) => id === "owner-service-account");
  await kubectl("create", "namespace", "shop");
  await kubectl(
    ...["create", "secret", "generic", "atlas-api", "--namespace=shop"],
    `--from-literal=clientId=${account?.clientId}`,
    `--from-literal=clientSecret=${account?.clientSecret}`,
  );
  for (const [name, months] of Object.entries(RESOURCES)) {
    const spec = {
      ...{ projectId: "32b6e34b3d91647abb20e7b8", credentialsRef: { name: "atlas-api" }, username: name },
      ...{ secretName: `${name}-mongodb`, monthsUntilExpiration: months },
    };
    const metadata = { name, namespace: "shop" };
    const file = path.join(stage.guard.folder, `${name}.json`);
    const manifest = { apiVersion: "atlascerts.io/v1alpha1", kind: "AtlasUserCertificate", metadata, spec };
    await writeFile(file, JSON.stringify(manifest));
    await kubectl("apply", "-f", file);
  }
  const suspend = (value: boolean) =>
    kubectl("patch", "auc", "billing", "--namespace=shop", "--type=merge", "-p", `{"spec":{"suspend":${value}}}`);
  await systemClock.sleep((SHOWN_S / 2) * 1000);
  await suspend(true);
  await systemClock.sleep(30_000);
  await suspend(false);
  await systemClock.sleep((SHOWN_S / 2 - 30) * 1000);
}

/** The lines of one panel, from the queries that the dashboard has for it. */
async function lines(url: string, title: string, endS: number): Promise<readonly Line[]> {
  const panels = z.object({ panels: z.array(panelSchema) }).parse(dashboard()).panels;
  const panel = panels.find((one) => one.title === title && one.type !== "row");
  if (panel === undefined) throw new Error(`the dashboard has no panel ${title}`);
  const answers = panel.targets.map(async ({ expr, legendFormat }) => {
    const query = expr.replace(/\$(namespace|operator)\b/g, ".*").replaceAll("$__rate_interval", "5s");
    const searchParams = { query, start: endS - SHOWN_S, end: endS, step: "1" };
    const { data } = rangeSchema.parse(await http(`${url}/query_range`, { searchParams }).json());
    return data.result.map(({ metric, values }) => ({
      legend: legendFormat.replace(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? ""),
      points: values.map(([timeS, value]) => [timeS - endS + SHOWN_S, value] as const),
    }));
  });
  return (await Promise.all(answers)).flat();
}

const stage = await setStage(streamProgress(process.stderr, systemClock));
try {
  const url = await startPrometheus(stage);
  process.stderr.write(`watching the operator for ${SHOWN_S} s …\n`);
  await act(stage);
  const endS = Math.floor(Date.now() / 1000);
  const of = (title: string) => lines(url, title, endS);
  const figures = ["Resources", "Not ready", "Action required", "Renewal overdue", "Outdated pods", "Suspended"];
  await writeFile(
    FILE,
    picture({
      title: `The dashboard's panels after ${SHOWN_S / 60} minutes with a simulated Atlas, where a month lasts ${MONTH}: billing was suspended until its certificate had expired`,
      widthS: SHOWN_S,
      figures: await Promise.all(
        figures.map(async (title) => ({ title, value: (await of(title))[0]?.points.at(-1)?.[1] ?? Number.NaN })),
      ),
      states: { title: "Ready over time", lines: await of("Ready over time") },
      graphs: await Promise.all(
        ["Time until the expiry", "Certificates issued"].map(async (title) => ({
          title,
          // Reasons for which nothing was issued would fill the legend.
          lines: (await of(title)).filter(({ points }) => points.some(([, value]) => value !== 0)),
        })),
      ),
    }),
  );
  process.stdout.write(`${FILE}\n`);
} finally {
  await stage.close();
}
