import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { generatedCrds } from "../../../src/api/generate-crds.ts";
import { kubectl, rest } from "../../control-plane/control-plane.ts";
import { CRD_FOLDER, committedDefinitions, type Definition } from "./schema-walk.ts";

/** The API server publishes the documentation of a kind some time after it serves the kind. */
const PUBLISHED = { timeout: 20_000, interval: 250 };

const definitions = committedDefinitions();

test.each([...generatedCrds()])("crds/%s is what the schemas in src/api give", (file, text) => {
  expect(readFileSync(path.join(CRD_FOLDER, file), "utf8")).toBe(text);
});

test("the API server takes what is committed", async () => {
  const printed = await kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", CRD_FOLDER);
  const lines = definitions.map(
    ({ name }) => `customresourcedefinition.apiextensions.k8s.io/${name} serverside-applied (server dry run)`,
  );
  expect(printed.trimEnd().split("\n").sort()).toEqual(lines.sort());
});

describe.each(definitions)("$name", ({ name, plural, fields, columns }) => {
  test("is established, with its names accepted and a structural schema", async () => {
    expect(await conditionsOf(name)).toEqual({ Established: "True", NamesAccepted: "True" });
  });

  test("describes every field at every depth", () => {
    const undescribed = fields.filter(({ description = "" }) => description.trim() === "").map((field) => field.path);
    // The API server allows no description there and supplies its own.
    expect(undescribed).toEqual(["metadata"]);
  });

  test("says of every optional field of the spec what its default is, or in which case it is required", () => {
    const optional = fields.filter(({ path, isRequired }) => path.startsWith("spec.") && !isRequired);
    const untold = optional.filter((field) =>
      field.default === undefined
        ? !/\b(?:Defaults to|Required with(?:out)?|Mutually exclusive with) \S.*\.$/.test(field.description ?? "")
        : !field.description?.endsWith(` Defaults to ${field.default}.`),
    );
    expect(untold).toEqual([]);
  });

  test("describes every column", () => {
    expect(columns.filter(({ description = "" }) => description.trim() === "")).toEqual([]);
  });

  test.each(["spec", "status"])("kubectl explain lists every field of the %s", async (part) => {
    const expected = fields.filter((field) => field.path.startsWith(`${part}.`)).map((field) => field.path);
    await vi.waitFor(async () => {
      const printed = await kubectl("explain", `${plural}.${part}`, "--recursive");
      expect(fieldsListed(printed, part).sort()).toEqual([...expected].sort());
    }, PUBLISHED);
  });

  test.each(["spec", "status"])("kubectl explain says what each field of the %s is for", async (part) => {
    await vi.waitFor(async () => {
      const printed = inOneLine(await kubectl("explain", `${plural}.${part}`));
      const untold = directlyBelow(part, fields).filter(({ description = "" }) => !printed.includes(description));
      expect(untold).toEqual([]);
    }, PUBLISHED);
  });
});

test("the fields that the walk finds lie in objects, lists and maps", () => {
  const paths = definitions.flatMap(({ fields }) => fields.map((field) => field.path));
  expect(paths).toEqual(
    expect.arrayContaining(["spec.username", "spec.credentialsRef.name", "status.conditions.reason"]),
  );
});

const definitionSchema = z.object({
  status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })) }),
});

async function conditionsOf(name: string): Promise<Readonly<Record<string, string>>> {
  const { body } = await rest("GET", `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`);
  const { conditions } = definitionSchema.parse(body).status;
  return Object.fromEntries(conditions.map(({ type, status }) => [type, status]));
}

function directlyBelow(part: string, fields: Definition["fields"]): Definition["fields"] {
  const depth = part.split(".").length + 1;
  return fields.filter((field) => field.path.startsWith(`${part}.`) && field.path.split(".").length === depth);
}

/** kubectl breaks descriptions into lines. */
function inOneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}

/** The paths in what `kubectl explain --recursive` prints: one field a line, the depth by indentation. */
function fieldsListed(printed: string, part: string): string[] {
  const [, listed = ""] = printed.split("\nFIELDS:\n");
  const parents: string[] = [];
  return [...listed.matchAll(/^( +)(\S+)\t</gm)].map(([, indentation = "", name = ""]) => {
    parents.length = indentation.length / 2 - 1;
    parents.push(name);
    return [part, ...parents].join(".");
  });
}
