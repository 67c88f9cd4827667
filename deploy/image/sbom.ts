import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import * as z from "zod";
import packageJson from "../../package.json" with { type: "json" };

const execute = promisify(execFile);
const ROOT = path.join(import.meta.dirname, "../..");
const bomSchema = z.looseObject({
  bomFormat: z.literal("CycloneDX"),
  metadata: z.looseObject({ component: z.looseObject({ "bom-ref": z.string() }) }),
  components: z.array(z.looseObject({ "bom-ref": z.string(), name: z.string(), version: z.string() })),
  dependencies: z.array(z.looseObject({ ref: z.string(), dependsOn: z.array(z.string()) })),
});

/** What an image holds. */
interface ImageContents {
  /** Of Node, as in `24.1.0`. */
  readonly nodeVersion: string;
  /** The packages that its script is bundled of, as `name@version`. */
  readonly packages: readonly string[];
}

/**
 * The bill of materials of an image in CycloneDX' JSON: what npm says of the packages that are in the script, and Node
 * itself, which npm can't know and whose weaknesses matter most.
 *
 * @throws Error for a package that npm does not know
 */
export async function billOfMaterials({ nodeVersion, packages }: ImageContents): Promise<string> {
  // Of all packages: without those of development npm leaves out what the product needs as well as they.
  const flags = ["--sbom-format=cyclonedx", "--sbom-type=application", "--package-lock-only"];
  const { stdout } = await execute("npm", ["sbom", ...flags], { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 });
  const bom = bomSchema.parse(JSON.parse(stdout));
  const inside = new Set(packages);
  const components = bom.components.filter(({ name, version }) => inside.has(`${name}@${version}`));
  const known = new Set(components.map(({ name, version }) => `${name}@${version}`));
  const unknown = packages.filter((each) => !known.has(each));
  if (unknown.length > 0) throw new Error(`npm sbom does not list ${unknown.join(", ")}, which the image holds`);
  const kept = new Set([bom.metadata.component["bom-ref"], ...components.map((each) => each["bom-ref"])]);
  const dependencies = bom.dependencies
    .filter(({ ref }) => kept.has(ref))
    .map((each) => ({ ...each, dependsOn: each.dependsOn.filter((ref) => kept.has(ref)) }));
  // npm names the product after the folder that it lies in.
  const metadata = { ...bom.metadata, component: { ...bom.metadata.component, name: packageJson.name } };
  return `${JSON.stringify({ ...bom, metadata, components: [...components, nodeItself(nodeVersion)], dependencies }, undefined, 2)}\n`;
}

function nodeItself(version: string): object {
  return {
    "bom-ref": `node@${version}`,
    type: "platform",
    name: "node",
    version,
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    purl: `pkg:generic/node@${version}`,
    licenses: [{ license: { id: "MIT" } }],
  };
}
