import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

/** The tables of CONTRIBUTING.md name files and folders of the repository: what is moved is to be moved there too. */

const ROOT = path.join(import.meta.dirname, "..");
const USER_CERTIFICATE = path.join(ROOT, "src/controllers/user-certificate");
const TEXT = readFileSync(path.join(ROOT, "CONTRIBUTING.md"), "utf8");

/** One column of the table with this header, from 0: a list of names for each row. */
function column(header: string, index: number): readonly (readonly string[])[] {
  const [, table = ""] = TEXT.split(`${header}\n`);
  const [rows = ""] = table.split("\n\n");
  return rows
    .split("\n")
    .slice(1)
    .map((row) => [...(row.split("|")[index + 1] ?? "").matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name));
}

const isThere = (name: string) => existsSync(path.join(ROOT, name)) || existsSync(path.join(USER_CERTIFICATE, name));

describe.each([
  ["folders", "| folder | what it is | knows |", 0],
  ["behaviours", "| behaviour | files |", 1],
] as const)("the table of %s", (_what, header, index) => {
  const rows = column(header, index);

  test("names something in each row", () => {
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.filter((names) => names.length === 0)).toEqual([]);
  });

  test("names only what is there", () => {
    expect(rows.flat().filter((name) => !isThere(name))).toEqual([]);
  });
});
