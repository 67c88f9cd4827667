import { expect, test } from "vitest";
import { z } from "zod";
import { userCertificateCrd } from "./crd.ts";

const nodeSchema = z.looseObject({
  type: z.string().optional(),
  description: z.string().optional(),
  required: z.array(z.string()).optional(),
  default: z.unknown().optional(),
});
const crdSchema = z.object({
  spec: z.object({
    versions: z.tuple([
      z.object({
        additionalPrinterColumns: z.array(
          z.object({ name: z.string(), type: z.string(), jsonPath: z.string(), priority: z.int().optional() }),
        ),
        schema: z.object({ openAPIV3Schema: nodeSchema }),
      }),
    ]),
  }),
});
const [version] = crdSchema.parse(userCertificateCrd()).spec.versions;

/** Every schema of the definition, with its path. */
function* nodes(node: unknown, path: string): Generator<readonly [string, z.output<typeof nodeSchema>]> {
  const parsed = nodeSchema.parse(node);
  yield [path, parsed];
  const properties = z.record(z.string(), z.unknown()).parse(parsed.properties ?? {});
  for (const [name, child] of Object.entries(properties)) yield* nodes(child, `${path}.${name}`);
  if (parsed.items !== undefined) yield* nodes(parsed.items, `${path}[]`);
}
const all = [...nodes(version.schema.openAPIV3Schema, "")];

test("every field has a type and a description", () => {
  const silent = all.filter(([path, node]) => path !== ".metadata" && !path.endsWith("[]") && !node.description);
  expect(silent.map(([path]) => path)).toEqual([]);
  expect(all.filter(([, node]) => node.type === undefined).map(([path]) => path)).toEqual([]);
});

test("has no keyword that a structural schema forbids", () => {
  const forbidden = ["$schema", "$ref", "id", "propertyNames", "definitions", "exclusiveMinimum"];
  const found = all.flatMap(([path, node]) => forbidden.filter((key) => key in node).map((key) => `${path} ${key}`));
  expect(found).toEqual([]);
  // zod's own "no other keys" would refuse fields of a newer version.
  expect(all.filter(([, node]) => node.additionalProperties === false).map(([path]) => path)).toEqual([]);
});

test("a field with a default is not required", () => {
  const required = all.flatMap(([path, node]) => (node.required ?? []).map((name) => `${path}.${name}`));
  const withDefault = all.filter(([, node]) => node.default !== undefined).map(([path]) => path);
  expect(withDefault).toContain(".spec.deletionPolicy");
  expect(required.filter((path) => withDefault.includes(path))).toEqual([]);
});

test("a new resource has a status with observedGeneration -1", () => {
  const byPath = new Map(all);
  expect(byPath.get(".status")?.default).toEqual({});
  expect(byPath.get(".status.observedGeneration")?.default).toBe(-1);
});

test("the description of each spec field with a default states the default", () => {
  const withDefault = all.filter(([path, node]) => path.startsWith(".spec.") && node.default !== undefined);
  expect(withDefault.length).toBeGreaterThan(0);
  for (const [path, node] of withDefault) {
    expect(node.description, path).toMatch(new RegExp(`Defaults to ${node.default}\\.$`));
  }
});

test("kubectl get shows the most important columns first, and future times as strings", () => {
  const columns = version.additionalPrinterColumns;
  const named = (wide: boolean) =>
    columns.filter(({ priority = 0 }) => priority === Number(wide)).map(({ name }) => name);
  expect(named(false)).toEqual(["READY", "REASON", "SECRET", "EXPIRES", "RENEWAL", "AGE"]);
  expect(named(true)).toEqual(["USERNAME", "PROJECT", "SERIAL", "MESSAGE"]);
  expect(columns.filter(({ type }) => type === "date").map(({ name }) => name)).toEqual(["AGE"]);
});
