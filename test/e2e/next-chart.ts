import { cp, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { parse, stringify } from "yaml";
import { CHART } from "./installation.ts";

const CRD = "files/crds/atlascerts.io_atlasusercertificates.yaml";

/** The field that the next version's CustomResourceDefinition has and the present one has not. */
export const NEW_FIELD = "costCenter";

/** Writes the chart into a folder as a later version could be: with another field in its CustomResourceDefinition. */
export async function writeNextChart(folder: string): Promise<void> {
  await cp(CHART, folder, { recursive: true });
  const file = path.join(folder, CRD);
  const definition = parse(await readFile(file, "utf8"));
  for (const version of definition.spec.versions) {
    version.schema.openAPIV3Schema.properties.spec.properties[NEW_FIELD] = { type: "string", maxLength: 63 };
  }
  await writeFile(file, stringify(definition));
  const chart = path.join(folder, "Chart.yaml");
  await writeFile(chart, (await readFile(chart, "utf8")).replace(/^version: .*$/m, "version: 99.0.0"));
}
