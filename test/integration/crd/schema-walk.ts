import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { z } from "zod";

/** The folder with the definitions that are committed. */
export const CRD_FOLDER = path.join(import.meta.dirname, "../../../crds");

const columnSchema = z.object({ name: z.string(), description: z.string().optional() });
const definitionSchema = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    names: z.object({ kind: z.string(), plural: z.string() }),
    versions: z.tuple([
      z.object({
        schema: z.object({ openAPIV3Schema: z.json() }),
        additionalPrinterColumns: z.array(columnSchema),
      }),
    ]),
  }),
});

const nodeSchema = z.object({
  description: z.string().optional(),
  default: z.json().optional(),
  required: z.array(z.string()).default([]),
  properties: z.record(z.string(), z.json()).optional(),
  items: z.json().optional(),
  additionalProperties: z.json().optional(),
});

export interface SchemaField {
  /** As `kubectl explain` takes it, such as `spec.credentialsRef.name`. */
  readonly path: string;
  readonly description: string | undefined;
  readonly default: unknown;
  readonly isRequired: boolean;
}

export interface Definition {
  /** Of the definition itself, such as `atlasusercertificates.atlascerts.io`. */
  readonly name: string;
  readonly plural: string;
  /** Every property at every depth, those of lists and maps too. */
  readonly fields: readonly SchemaField[];
  readonly columns: readonly z.output<typeof columnSchema>[];
}

/** The definitions in crds/. */
export function committedDefinitions(): readonly Definition[] {
  const files = readdirSync(CRD_FOLDER).filter((file) => file.endsWith(".yaml"));
  return files.map((file) => {
    const { metadata, spec } = definitionSchema.parse(parse(readFileSync(path.join(CRD_FOLDER, file), "utf8")));
    const [version] = spec.versions;
    return {
      name: metadata.name,
      plural: spec.names.plural,
      fields: fieldsOf(version.schema.openAPIV3Schema, ""),
      columns: version.additionalPrinterColumns,
    };
  });
}

function fieldsOf(schema: unknown, prefix: string): readonly SchemaField[] {
  const { properties = {}, required, items, additionalProperties } = nodeSchema.parse(schema);
  const below = [items, additionalProperties].filter((node) => typeof node === "object");
  return [
    ...Object.entries(properties).flatMap(([name, node]) => {
      const path = `${prefix}${name}`;
      const { description, default: standard } = nodeSchema.parse(node);
      const field = { path, description, default: standard, isRequired: required.includes(name) };
      return [field, ...fieldsOf(node, `${path}.`)];
    }),
    // An item and a map's value have no name of their own in a path.
    ...below.flatMap((node) => fieldsOf(node, prefix)),
  ];
}
