import { describe, expect, test } from "vitest";
import * as z from "zod";
import { customResourceDefinition, KINDS } from "./crd.ts";
import { CUSTOMER_X509_REMOVAL } from "./customer-x509-removal.ts";
import { PROJECT_X509 } from "./project-x509.ts";
import { USER_CERTIFICATE } from "./user-certificate.ts";

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

/** Every schema of the definition, with its path. */
function* nodes(node: unknown, path: string): Generator<readonly [string, z.output<typeof nodeSchema>]> {
  const parsed = nodeSchema.parse(node);
  yield [path, parsed];
  const properties = z.record(z.string(), z.unknown()).parse(parsed.properties ?? {});
  for (const [name, child] of Object.entries(properties)) yield* nodes(child, `${path}.${name}`);
  if (parsed.items !== undefined) yield* nodes(parsed.items, `${path}[]`);
}

const versionOf = (kind: (typeof KINDS)[number]) => crdSchema.parse(customResourceDefinition(kind)).spec.versions[0];

describe.each(KINDS.map((kind) => [kind.names.kind, versionOf(kind)] as const))("%s:", (_kind, version) => {
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
    expect(withDefault).toContain(".status");
    expect(required.filter((path) => withDefault.includes(path))).toEqual([]);
  });

  test("a new resource has a status with observedGeneration -1", () => {
    const byPath = new Map(all);
    expect(byPath.get(".status")?.default).toEqual({});
    expect(byPath.get(".status.observedGeneration")?.default).toBe(-1);
  });

  test("the description of each spec field with a default states the default", () => {
    const withDefault = all.filter(([path, node]) => path.startsWith(".spec.") && node.default !== undefined);
    for (const [path, node] of withDefault) {
      expect(node.description?.endsWith(`Defaults to ${node.default}.`), path).toBe(true);
    }
  });

  test("prints future times as strings: a date in the future would read <invalid>", () => {
    const dates = version.additionalPrinterColumns.filter(({ type }) => type === "date");
    expect(dates.map(({ name }) => name)).toEqual(["AGE"]);
  });
});

test.each([
  [
    USER_CERTIFICATE.kind,
    ["READY", "REASON", "SECRET", "EXPIRES", "RENEWAL", "AGE"],
    ["USERNAME", "PROJECT", "SERIAL", "OUTDATED", "MESSAGE"],
  ],
  [
    PROJECT_X509.kind,
    ["READY", "REASON", "PROJECT", "RESOURCES", "RESOURCES-READY", "CUSTOMER-X509", "AGE"],
    ["UNEXPIRED", "TOKENS", "MESSAGE"],
  ],
  [
    CUSTOMER_X509_REMOVAL.kind,
    ["COMPLETE", "FAILED", "REASON", "PROJECT", "NOT-AFTER", "REQUESTED", "AGE"],
    ["MESSAGE"],
  ],
])("kubectl get shows the most important columns of %s first", (kind, always, wide) => {
  const columns = KINDS.filter(({ names }) => names.kind === kind).flatMap(
    (one) => versionOf(one).additionalPrinterColumns,
  );
  const named = (priority: number) => columns.filter((one) => (one.priority ?? 0) === priority).map(({ name }) => name);
  expect(named(0)).toEqual(always);
  expect(named(1)).toEqual(wide);
});
