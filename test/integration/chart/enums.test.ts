import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { freshNamespace } from "../../control-plane/control-plane.ts";
import { freePort } from "../../control-plane/port.ts";
import { type CommandResult, startCommand } from "../command-process.ts";
import { operatorKubeconfig } from "../operator/service-account.ts";
import { argumentsOf, CHART_FOLDER, HELM_BUILD_MS, helmPath, render, type Values } from "./rendering.ts";

interface Schema {
  readonly $ref?: string | undefined;
  readonly type?: string | readonly string[] | undefined;
  readonly enum?: readonly string[] | undefined;
  readonly minimum?: number | undefined;
  readonly required?: readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly items?: Schema | undefined;
}
const schemaSchema: z.ZodType<Schema> = z.looseObject({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  required: z.array(z.string()).optional(),
  get properties() {
    return z.record(z.string(), schemaSchema).optional();
  },
  get items() {
    return schemaSchema.optional();
  },
});
const rootSchema = z.looseObject({
  definitions: z.record(z.string(), schemaSchema),
  properties: z.record(z.string(), schemaSchema),
});

const root = rootSchema.parse(JSON.parse(await readFile(path.join(CHART_FOLDER, "values.schema.json"), "utf8")));

interface Choice {
  /** As in `log.level=debug`. */
  readonly name: string;
  readonly values: Values;
}

function resolved(schema: Schema): Schema {
  const definition = schema.$ref?.replace("#/definitions/", "");
  return definition === undefined ? schema : (root.definitions[definition] ?? schema);
}

/** Every value of every enum below a schema, with the smallest values that set it. */
function choices(reference: Schema): readonly { readonly at: string; readonly value: unknown }[] {
  const schema = resolved(reference);
  if (schema.enum !== undefined) return schema.enum.map((value) => ({ at: `=${value}`, value }));
  if (schema.items !== undefined)
    return choices(schema.items).map(({ at, value }) => ({ at: `[0]${at}`, value: [value] }));
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) =>
    choices(inner).map(({ at, value }) => ({ at: `.${name}${at}`, value: { ...required(schema), [name]: value } })),
  );
}

/** Something for each field that the schema demands beside the one in question. */
function required({ required: names = [], properties = {} }: Schema): Values {
  return Object.fromEntries(names.map((name) => [name, sample(resolved(properties[name] ?? {}))]));
}

function sample(schema: Schema): unknown {
  if (schema.enum !== undefined) return schema.enum[0];
  return schema.type === "integer" ? (schema.minimum ?? 0) : "example.com/sample";
}

const CHOICES: readonly Choice[] = choices({ properties: root.properties }).map(({ at, value }) => ({
  name: at.slice(1),
  values: z.record(z.string(), z.unknown()).parse(value),
}));

/** What a process may take to start, with a wide margin for a busy machine. */
const STARTED = { timeout: 30_000, interval: 50 };

beforeAll(async () => {
  await helmPath();
}, HELM_BUILD_MS);

test("every enum of the schema is found, also in lists and behind references", () => {
  const names = CHOICES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(
    expect.arrayContaining([
      "image.pullPolicy=Never",
      "log.level=trace",
      "log.level=fatal",
      "topologySpreadConstraints[0].nodeTaintsPolicy=Ignore",
    ]),
  );
  const inText = JSON.stringify(root).match(/"enum":\[[^\]]*\]/g) ?? [];
  const valuesInText = inText.flatMap((text) => text.match(/"[^"]+"(?=[,\]])/g) ?? []);
  expect(names.length).toBeGreaterThanOrEqual(valuesInText.length);
});

/** The ends of the processes by their flags: most choices are the pods' and not the program's, so one process will do. */
const ends = new Map<string, Promise<CommandResult>>();

/** Starts the operator, waits until it is ready, and stops it. */
async function startAndStop(flags: readonly string[]): Promise<CommandResult> {
  const namespace = await freshNamespace("enums");
  const port = await freePort();
  const operator = await startCommand([
    ...flags,
    `--kubeconfig=${await operatorKubeconfig(namespace)}`,
    `--watch-namespaces=${namespace}`,
    `--lease-namespace=${namespace}`,
    "--metrics-bind-address=0",
    `--health-bind-address=127.0.0.1:${port}`,
  ]);
  const ready = async () => expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
  await Promise.race([vi.waitFor(ready, STARTED), operator.ended]);
  operator.kill("SIGTERM");
  return operator.ended;
}

describe("the operator starts with", () => {
  test.each(CHOICES)("$name", async ({ values }) => {
    // The process watches a namespace of its own, and such a one serves no projects.
    const flags = argumentsOf(await render({ projects: { enabled: false }, ...values }));
    const end = ends.get(flags.join(" ")) ?? startAndStop(flags);
    ends.set(flags.join(" "), end);
    expect(await end).toMatchObject({ exitCode: 0, stderr: "" });
  });
});
