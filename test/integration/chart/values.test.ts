import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { chartValues, valuesTable } from "../../../deploy/generate/values-table.ts";
import { RUN_FLAGS } from "../../../src/command/run.ts";
import { readFlags } from "../../../src/flags.ts";
import { argumentsOf, CHART_FOLDER, HELM_BUILD_MS, helm, helmPath, render } from "./rendering.ts";

const read = (file: string) => readFile(path.join(CHART_FOLDER, file), "utf8");

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly additionalProperties?: unknown;
}
const schemaSchema: z.ZodType<Schema> = z.looseObject({
  get properties() {
    return z.record(z.string(), schemaSchema).optional();
  },
  additionalProperties: z.unknown().optional(),
});

/** The paths of a schema whose value has no properties of its own, or is one value in values.yaml. */
function leaves(schema: Schema, known: ReadonlySet<string>, parent = ""): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const at = parent === "" ? name : `${parent}.${name}`;
    return inner.properties === undefined || known.has(at) ? [at] : leaves(inner, known, at);
  });
}

beforeAll(async () => {
  await helmPath();
}, HELM_BUILD_MS);

describe("values.yaml", () => {
  test("has what the schema has, but for what a chart around it may set", async () => {
    const values = chartValues(await read("values.yaml")).map(({ path }) => path);
    const schema = schemaSchema.parse(JSON.parse(await read("values.schema.json")));
    const inSchema = leaves(schema, new Set(values)).filter((name) => name !== "global" && name !== "enabled");
    expect([...inSchema].toSorted()).toEqual([...values].toSorted());
  });

  test("has the operator's own defaults", async () => {
    const given = readFlags(RUN_FLAGS, argumentsOf(await render()).slice(1), {});
    const standard = readFlags(RUN_FLAGS, [], {});
    // Logs of a pod are read by machines. Projects take rights over the whole cluster, which the chart grants.
    expect(given.projects).toBe(true);
    expect({ ...given, "log-format": standard["log-format"], projects: standard.projects }).toEqual(standard);
  });

  test("is what the README's example is made for", async () => {
    const example = /```yaml\n([\s\S]*?)```/.exec(await read("README.md"))?.[1] ?? "";
    const result = await helm(["template", "x", CHART_FOLDER, "--values", "-"], example);
    expect(result.stderr).toBe("");
    expect(result.stdout).toContain("HTTPS_PROXY");
  });
});

describe("the table of values", () => {
  test("has a row for each value, from the comment above it", () => {
    const text = "# How many.\nreplicas: 2\nimage:\n  # Its\n  # name.\n  name: a|b\n  # Its tag.\n  tag: ''\n";
    expect(valuesTable(text).split("\n").slice(2)).toEqual([
      "| `replicas` | How many. | `2` |",
      '| `image.name` | Its name. | `"a|b"` |',
      '| `image.tag` | Its tag. | `""` |',
      "",
    ]);
  });

  test("has one row for a map that has a comment of its own", () => {
    expect(valuesTable("# Its labels.\nlabels:\n  a: b\n").split("\n")[2]).toBe(
      '| `labels` | Its labels. | `{"a":"b"}` |',
    );
  });

  test.each(["a: 1\n", "# One.\na: 1\nb: 2\n", "a:\n  # One.\n  b: 1\n  c: 2\n", "a: {}\n"])(
    "refuses %j, where a value has no comment",
    (text) => {
      expect(() => valuesTable(text)).toThrow(/has no comment above it/);
    },
  );
});
