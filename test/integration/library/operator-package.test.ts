import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { readFile, symlink } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PackageWorkshop, type PackedPackage, ROOT } from "../../library/packed-package.ts";

let workshop: PackageWorkshop;
let packed: PackedPackage;
beforeAll(async () => {
  workshop = await PackageWorkshop.open();
  packed = await workshop.packOperator();
}, 120_000);
afterAll(() => workshop?.[Symbol.asyncDispose]());

describe("the operator's package", () => {
  test("holds the compiled operator and simulator, the CRDs and what a reader wants, and nothing else", () => {
    const sources = readdirSync(path.join(ROOT, "src"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .filter((file) => !/\.test\.ts$|(^|\/)testing(\.ts$|\/)|^api\/(?:crd|generate-crds)\.ts$/.test(file))
      // The entry points of the library.
      .filter((file) => !["index.ts", "simulator/index.ts", "simulator/client.ts"].includes(file));
    const compiled = sources.flatMap((file) => {
      const stem = `dist/package/src/${file.slice(0, -".ts".length)}`;
      return [`${stem}.js`, `${stem}.d.ts`];
    });
    const crds = readdirSync(path.join(ROOT, "crds")).map((file) => `crds/${file}`);
    const plain = ["CHANGELOG.md", "LICENSE", "README.md", "package.json", "dist/package/package.json"];
    expect(packed.files).toEqual([...compiled, ...crds, ...plain].toSorted());
  });

  test("points to no source map", async () => {
    for (const file of packed.files.filter((name) => name.endsWith(".js"))) {
      expect(await readFile(path.join(packed.folder, file), "utf8"), file).not.toContain("sourceMappingURL");
    }
  });

  test("has a command that is one of its files", async () => {
    const { bin } = JSON.parse(await readFile(path.join(packed.folder, "package.json"), "utf8"));
    for (const file of Object.values<string>(bin)) expect(packed.files).toContain(path.normalize(file));
  });

  test("has nothing that publint objects to", async () => {
    const { messages } = await publint({ pkgDir: packed.folder, pack: false, strict: true });
    expect(messages).toEqual([]);
  });

  test("runs as a command", async () => {
    await symlink(path.join(ROOT, "node_modules"), path.join(packed.folder, "node_modules"));
    const { version } = JSON.parse(await readFile(path.join(ROOT, "package.json"), "utf8"));
    const main = path.join(packed.folder, "dist/package/src/main.js");
    const { stdout } = await promisify(execFile)(process.execPath, [main, "--version"]);
    expect(stdout).toBe(`atlas-cert-operator ${version}\n`);
  });
});
