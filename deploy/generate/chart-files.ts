import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import packageJson from "../../package.json" with { type: "json" };
import { dashboard } from "./dashboard.ts";
import { valuesTable } from "./values-table.ts";

const ROOT = path.join(import.meta.dirname, "../..");
/** The chart's folder, from the root of the repository. */
export const CHART = "deploy/charts/atlas-cert-operator";

/** What in the chart comes from elsewhere: file, from the root of the repository, to its text. */
export async function chartFiles(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const [from, to] of [
    ["crds", "files/crds"],
    ["deploy/rbac", "files/rbac"],
  ] as const) {
    for (const name of (await readdir(path.join(ROOT, from))).filter((each) => each.endsWith(".yaml"))) {
      files.set(`${CHART}/${to}/${name}`, await read(`${from}/${name}`));
    }
  }
  const chart = await read(`${CHART}/Chart.yaml`);
  const { version } = z.object({ version: z.string() }).parse(packageJson);
  files.set(`${CHART}/Chart.yaml`, chart.replace(/^(version|appVersion): .*$/gm, `$1: ${version}`));
  files.set(`${CHART}/files/dashboard.json`, `${JSON.stringify(dashboard(), undefined, 1)}\n`);
  const readme = await read(`${CHART}/README.md`);
  files.set(`${CHART}/README.md`, withTable(readme, valuesTable(await read(`${CHART}/values.yaml`))));
  return files;
}

const BEGIN = "<!-- Generated from values.yaml by `make chart`. -->\n";
const END = "<!-- End of what is generated. -->";

function withTable(readme: string, table: string): string {
  const [before, rest = ""] = readme.split(BEGIN);
  const after = rest.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`README.md lacks ${BEGIN.trim()} or ${END}`);
  return `${before}${BEGIN}\n${table}\n${END}${after}`;
}

function read(file: string): Promise<string> {
  return readFile(path.join(ROOT, file), "utf8");
}
