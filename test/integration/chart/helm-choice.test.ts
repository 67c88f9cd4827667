import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { resolveHelm } from "../../chart/helm.ts";
import type { Progress } from "../../control-plane/progress.ts";

/** Stands in for Go: what it is asked to build is a Helm of version 4.3.1, or fails. */
const GO = `#!/bin/sh
if [ "$1" = env ]; then printf 'go1.26.8\\nlocal\\n'; exit; fi
if [ -n "$GO_FAILS" ]; then echo "$GO_FAILS" >&2; exit 1; fi
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\necho v4.3.1\\n' > "$2" && chmod +x "$2"
`;

/** A machine on which nothing is installed but what is asked for. */
async function machine({ goFails = "" } = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), "helm-choice-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(path.join(folder, "go"), GO, { mode: 0o755 });
  const lines: string[] = [];
  const progress: Progress = {
    line: (text) => lines.push(text),
    step: (text, work) => {
      lines.push(text);
      return work(() => {});
    },
  };
  const environment = {
    PATH: `${folder}:/usr/bin:/bin`,
    ATLAS_CERTS_CACHE: path.join(folder, "cache"),
    GO_FAILS: goFails,
  };
  return {
    lines,
    putHelm: async (name: string, version: string) => {
      const file = path.join(folder, name);
      await writeFile(file, `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
      return file;
    },
    resolve: (more: Readonly<Record<string, string>> = {}) =>
      resolveHelm({ progress, environment: { ...environment, ...more } }),
  };
}

describe("Helm is", () => {
  test("what HELM names", async () => {
    const { putHelm, resolve } = await machine();
    const file = await putHelm("my-helm", "v4.0.0");
    expect(await resolve({ HELM: file })).toEqual({ file, version: "v4.0.0", source: "HELM" });
  });

  test("what is on the PATH", async () => {
    const { putHelm, resolve } = await machine();
    await putHelm("helm", "v3.18.4+g1234567");
    expect(await resolve()).toEqual({ file: "helm", version: "v3.18.4+g1234567", source: "PATH" });
  });

  test("built, and kept, where there is none", async () => {
    const { lines, resolve } = await machine();
    expect(await resolve()).toMatchObject({ version: "v4.3.1", source: "build from source" });
    await resolve();
    expect(lines).toEqual(["building helm v4.3.1 from source (first time only, about 1 min)"]);
  });

  test("built where the others are too old or don't run, which is said", async () => {
    const { lines, putHelm, resolve } = await machine();
    await putHelm("helm", "v3.17.3");
    expect(await resolve({ HELM: "/nowhere/helm" })).toMatchObject({ source: "build from source" });
    expect(lines.slice(0, 2)).toEqual([
      "HELM passed over: /nowhere/helm doesn't run",
      "PATH passed over: helm v3.17.3 is older than 3.18",
    ]);
  });

  test("missed with the compiler's words where it can't be built", async () => {
    const { resolve } = await machine({ goFails: "no space left on device" });
    await expect(resolve()).rejects.toThrow("No helm to run: go build of helm failed:\nno space left on device");
  });
});
