import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";
import { describe, expect, test } from "vitest";

/** The files below src, as `folder/file.ts`. */
const ROOT = import.meta.dirname;
const FILES = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
  .map((file) => file.split(sep).join("/"))
  .filter((file) => file.endsWith(".ts"));

/** Importable from everywhere; the manifest is there for its version. */
const COMMON: readonly string[] = [
  "backoff.ts",
  "http-dates.ts",
  "clock.ts",
  "deadline.ts",
  "sensitive-text.ts",
  "wiped-bytes.ts",
  "../package.json",
];

const USER_CERTIFICATE = "controllers/user-certificate";
const CORE = `${USER_CERTIFICATE}/core`;
const PROJECT = "controllers/project-x509";
const REMOVAL = "controllers/customer-x509-removal";

/** The shared vocabulary and tools of the folders inside kube. */
const KUBE = ["alarm", "kube-api", "kube-error", "log", "micro-time", "resource-type"].map((name) => `kube/${name}.ts`);

/**
 * The places that the files of each room may import from, beside the room itself. A room is a folder with a rule of its own, or a
 * file directly below src. An outer folder may use all folders inside it.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "backoff.ts": [],
  "clock.ts": [],
  "deadline.ts": [],
  "http-dates.ts": [],
  "flags.ts": ["api/duration.ts", "telemetry/bind-address.ts"],
  "sensitive-text.ts": [],
  "wiped-bytes.ts": [],
  "index.ts": ["atlas/", "certificate/"],
  "main.ts": ["command/", "flags.ts", "kubectl/", "simulator/", "telemetry/source-stacks.ts"],
  api: [],
  atlas: ["certificate/"],
  "atlas/authentication": [
    ...["atlas/errors/", "atlas/transport/", "atlas/exact-json.ts", "atlas/media-type.ts", "atlas/repeat.ts"],
    "atlas/request-paths.ts",
  ],
  "atlas/errors": ["atlas/transport/", "atlas/exact-json.ts"],
  "atlas/pacing": ["atlas/media-type.ts"],
  "atlas/transport": [],
  certificate: [],
  command: ["api/", "atlas/", "certificate/", "controllers/", "flags.ts", "kube/", "simulator/", "telemetry/"],
  controllers: ["api/", "atlas/", "certificate/", "kube/"],
  "controllers/access": ["api/", "atlas/", "certificate/", "kube/"],
  [`${CORE}/grant`]: ["api/", "certificate/"],
  [`${CORE}/model`]: ["api/", "certificate/"],
  [`${CORE}/decide`]: ["api/", "certificate/", `${CORE}/model/`],
  [`${CORE}/status`]: ["api/", "certificate/", `${CORE}/model/`, `${CORE}/decide/`],
  [`${USER_CERTIFICATE}/cluster`]: ["api/", "certificate/", "kube/", `${CORE}/`],
  [`${USER_CERTIFICATE}/atlas`]: [
    "api/",
    "atlas/",
    "certificate/",
    "kube/",
    `${CORE}/`,
    "controllers/access/",
    `${USER_CERTIFICATE}/cluster/`,
  ],
  [`${PROJECT}/core`]: ["api/", "certificate/"],
  [`${REMOVAL}/core`]: ["api/", "certificate/"],
  [`${REMOVAL}/cluster`]: ["api/", "kube/", `${REMOVAL}/core/`],
  [`${REMOVAL}/atlas`]: ["api/", "atlas/", "certificate/", "controllers/access/", `${REMOVAL}/core/`],
  kube: [],
  "kube/cache": KUBE,
  "kube/client": ["kube/config/", ...KUBE],
  "kube/config": [],
  "kube/events": KUBE,
  "kube/lease": KUBE,
  "kube/queue": KUBE,
  kubectl: ["api/", "atlas/", "certificate/", "command/version.ts", "controllers/", "flags.ts", "kube/"],
  simulator: ["api/duration.ts", "flags.ts"],
  telemetry: [],
  testing: [],
};
const ROOMS = Object.keys(MAY_IMPORT);

const IMPORT = /(?:^(import|export) (type )?[^;"']*?\bfrom|^\s*import|\bimport\s*\()\s*["']([^"'\n]+)["']/gm;

interface Import {
  readonly target: string;
  /** `import type`: nothing of the target runs. */
  readonly isType: boolean;
}

/** The files that a file imports, types included, relative to src. Packages and Node's own modules are left out. */
function importsOf(file: string): readonly Import[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  return [...text.matchAll(IMPORT)]
    .map(([, , type, specifier = ""]) => ({ specifier, isType: type !== undefined }))
    .filter(({ specifier }) => specifier.startsWith("."))
    .map(({ specifier, isType }) => ({
      target: normalize(join(dirname(file), specifier))
        .split(sep)
        .join("/"),
      isType,
    }));
}

/** The top folder of a file, or the file itself where it stands directly below src. A test belongs to what it tests. */
function topRoomOf(file: string): string {
  return file.includes("/") ? file.slice(0, file.indexOf("/")) : file.replace(/\.test\.ts$/, ".ts");
}

/** The innermost room of a file; a file that only tests use is bound by the rule of its top folder. */
function roomOf(file: string): string {
  const inner = ROOMS.filter((room) => file.startsWith(`${room}/`)).toSorted((a, b) => b.length - a.length)[0];
  return isForTests(file) ? topRoomOf(file) : (inner ?? topRoomOf(file));
}

/** A test, or a file that only tests import: `testing.ts`, and everything in a folder `testing`. */
function isForTests(file: string): boolean {
  return /\.test\.ts$|(?:^|\/)testing(?:\/|\.ts$)/.test(file);
}

function isAllowed(file: string, { target, isType }: Import): boolean {
  const room = roomOf(file);
  if (COMMON.includes(target) || target === room || target.startsWith(`${room}/`)) return true;
  if (isForTests(file) && target.startsWith("testing/")) return true;
  // The core may use the words of its neighbours, and none of their code.
  const controller = [USER_CERTIFICATE, PROJECT, REMOVAL].find((one) => room.startsWith(`${one}/core`));
  if (isType && controller !== undefined && !target.startsWith(controller)) return true;
  return (MAY_IMPORT[room] ?? []).some(
    (place) => target === place || (place.endsWith("/") && target.startsWith(place)),
  );
}

test("every folder has its rule, and every rule its folder", () => {
  const rooms = new Set(FILES.map(roomOf));
  for (const file of FILES) rooms.add(topRoomOf(file));
  rooms.delete("imports.ts");
  expect([...rooms].toSorted()).toEqual(ROOMS.toSorted());
});

describe("imports point downwards only:", () => {
  test.each(ROOMS)("%s", (room) => {
    const upwards = FILES.filter((file) => roomOf(file) === room).flatMap((file) =>
      importsOf(file)
        .filter((each) => !isAllowed(file, each))
        .map(({ target }) => `${file} imports ${target}`),
    );
    expect(upwards).toEqual([]);
  });
});

test("no files import each other in a circle", () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" > "));
    if (done.has(file) || path.includes(file)) return;
    for (const { target } of FILES.includes(file) ? importsOf(file) : []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of FILES) visit(file, []);
  expect(circles).toEqual([]);
});

test("every imported file exists", () => {
  const known = new Set(FILES);
  const lost = FILES.flatMap((file) =>
    importsOf(file).filter(({ target }) => !known.has(target) && !COMMON.includes(target)),
  );
  expect(lost).toEqual([]);
});

test.each([
  [
    "index.ts",
    [
      "atlas",
      "backoff.ts",
      "certificate",
      "deadline.ts",
      "http-dates.ts",
      "index.ts",
      "sensitive-text.ts",
      "wiped-bytes.ts",
    ],
  ],
  ["simulator/index.ts", ["simulator"]],
])("the library's %s reaches nothing else of the operator, not even for a type", (entry, rooms) => {
  const reached = new Set([entry]);
  for (const file of reached) for (const { target } of importsOf(file)) reached.add(target);
  reached.delete("../package.json");
  expect([...new Set([...reached].map(topRoomOf))].toSorted()).toEqual([...rooms, "clock.ts"].toSorted());
});

test("no file that runs imports one that is made for tests", () => {
  const wrong = FILES.filter((file) => !isForTests(file)).flatMap((file) =>
    importsOf(file).filter(({ target }) => isForTests(target)),
  );
  expect(wrong).toEqual([]);
});
