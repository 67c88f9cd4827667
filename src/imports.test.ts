import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";
import { describe, expect, test } from "vitest";

/** The files below src, as `folder/file.ts`. */
const ROOT = import.meta.dirname;
const FILES = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
  .map((file) => file.split(sep).join("/"))
  .filter((file) => file.endsWith(".ts"));

/** What everybody may import, the manifest for the version included. */
const COMMON: readonly string[] = ["clock.ts", "deadline.ts", "sensitive-text.ts", "wiped-bytes.ts", "../package.json"];

/** What the files of each folder (or a file that stands alone) may import beside their own folder. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "clock.ts": [],
  "deadline.ts": [],
  "sensitive-text.ts": [],
  "wiped-bytes.ts": [],
  "index.ts": ["atlas/", "certificate/"],
  "main.ts": ["command/", "simulator/"],
  api: [],
  atlas: ["certificate/"],
  certificate: [],
  command: ["api/", "atlas/", "certificate/", "controllers/", "kube/", "simulator/", "telemetry/"],
  controllers: ["api/", "atlas/", "certificate/", "kube/"],
  kube: [],
  simulator: ["api/duration.ts", "command/flags.ts"],
  telemetry: [],
  testing: [],
};

const IMPORT = /(?:\bfrom|^\s*import|\bimport\s*\()\s*["']([^"'\n]+)["']/gm;

/** The files that a file imports, types included, relative to src. Packages and Node's own modules are left out. */
function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  return [...text.matchAll(IMPORT)]
    .map(([, specifier = ""]) => specifier)
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) =>
      normalize(join(dirname(file), specifier))
        .split(sep)
        .join("/"),
    );
}

/** The top folder of a file, or the file itself where it stands directly below src. A test belongs to what it tests. */
function roomOf(file: string): string {
  return file.includes("/") ? file.slice(0, file.indexOf("/")) : file.replace(/\.test\.ts$/, ".ts");
}

const ROOMS = [...new Set(FILES.map(roomOf))].filter((room) => room !== "imports.ts").toSorted();

test("every folder has its rule, and every rule its folder", () => {
  expect(ROOMS).toEqual(Object.keys(MAY_IMPORT).toSorted());
});

describe("imports point downwards only:", () => {
  test.each(ROOMS)("%s", (room) => {
    const files = FILES.filter((file) => roomOf(file) === room);
    const upwards = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => !isAllowed(file, target))
        .map((target) => `${file} imports ${target}`),
    );
    expect(upwards).toEqual([]);
  });
});

test("whatever is imported exists", () => {
  const known = new Set(FILES);
  const lost = FILES.flatMap((file) =>
    importsOf(file).filter((target) => !known.has(target) && !COMMON.includes(target)),
  );
  expect(lost).toEqual([]);
});

test.each([
  ["index.ts", ["atlas", "certificate", "deadline.ts", "index.ts", "sensitive-text.ts", "wiped-bytes.ts"]],
  ["simulator/index.ts", ["simulator"]],
])("the library's %s reaches nothing else of the operator, not even for a type", (entry, rooms) => {
  const reached = new Set([entry]);
  for (const file of reached) for (const target of importsOf(file)) reached.add(target);
  reached.delete("../package.json");
  expect([...new Set([...reached].map(roomOf))].toSorted()).toEqual([...rooms, "clock.ts"].toSorted());
});

test("what runs imports nothing that is made for tests", () => {
  const wrong = FILES.filter((file) => !isForTests(file)).flatMap((file) => importsOf(file).filter(isForTests));
  expect(wrong).toEqual([]);
});

/** A test, or what only tests import: `testing.ts`, and everything in a folder `testing`. */
function isForTests(file: string): boolean {
  return /\.test\.ts$|(?:^|\/)testing(?:\/|\.ts$)/.test(file);
}

function isAllowed(file: string, target: string): boolean {
  const room = roomOf(file);
  if (COMMON.includes(target) || roomOf(target) === room) return true;
  if (isForTests(file) && target.startsWith("testing/")) return true;
  const allowed = MAY_IMPORT[room] ?? [];
  return allowed.some((item) => target === item || (item.endsWith("/") && target.startsWith(item)));
}
