/** Writes crds/*.yaml from the schemas in this folder: `make crds`. */
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { customResourceDefinition, KINDS } from "./crd.ts";

const HEADER = "# Generated from src/api by `make crds`. Change the schema there.\n";

/** File name, below crds/, and text of each generated definition. */
export function generatedCrds(): ReadonlyMap<string, string> {
  return new Map(
    KINDS.map((kind) => [
      `${kind.names.group}_${kind.names.plural}.yaml`,
      HEADER + stringify(customResourceDefinition(kind), { lineWidth: 110 }),
    ]),
  );
}

if (import.meta.main) {
  const folder = fileURLToPath(new URL("../../crds/", import.meta.url));
  await mkdir(folder, { recursive: true });
  for (const [name, text] of generatedCrds()) {
    await writeFile(folder + name, text);
    process.stdout.write(`crds/${name}\n`);
  }
}
