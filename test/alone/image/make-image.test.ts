import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import packageJson from "../../../package.json" with { type: "json" };
import { systemClock } from "../../../src/clock.ts";
import { streamProgress } from "../../control-plane/progress.ts";
import { nodeImage } from "../../image/base-image.ts";
import { dockerEngine } from "../../image/docker-engine.ts";
import { BUILD_FLAGS } from "../../image/operator-image.ts";
import { runCommand } from "../../run-command.ts";
import { BUILT_MS } from "./built-image.ts";

const ROOT = path.join(import.meta.dirname, "../../..");
const TAG = "atlas-cert-operator:made-by-make";

const bomSchema = z.object({
  bomFormat: z.literal("CycloneDX"),
  metadata: z.object({ component: z.object({ name: z.string(), version: z.string() }) }),
  components: z.array(z.object({ name: z.string(), version: z.string(), purl: z.string() })),
});

test("`make image` builds the image, says what it did, and writes what the image is made of", {
  timeout: BUILT_MS,
}, async () => {
  const engine = await dockerEngine({ progress: streamProgress(process.stderr, systemClock) });
  onTestFinished(engine.stop);
  const env = {
    ...process.env,
    IMAGE: TAG,
    NODE_IMAGE: await nodeImage(),
    DOCKER_BUILD_FLAGS: BUILD_FLAGS.join(" "),
  };
  const printed = await runCommand(["make", "--no-print-directory", "image"], { cwd: ROOT, env });
  const node = (await runCommand(["docker", "run", "--rm", "--entrypoint=/usr/bin/node", TAG, "--version"])).trim();
  await runCommand(["docker", "rmi", TAG]);

  expect(printed).toContain(`building ${TAG} …`);
  expect(printed).toMatch(new RegExp(`^${TAG} is built: atlas-cert-operator .* on Node ${node}$`, "m"));
  // Node with its libraries, and the product.
  expect(printed.match(/^ +\d+\.\d MB {2}COPY .+$/gm)).toHaveLength(2);
  expect(printed).toMatch(/^ +\d+\.\d MB {2}all of it, compressed$/m);
  expect(printed).toMatch(/^its bill of materials \(CycloneDX\): dist\/atlas-cert-operator\.cdx\.json$/m);
  const bom = bomSchema.parse(JSON.parse(await readFile(path.join(ROOT, "dist/atlas-cert-operator.cdx.json"), "utf8")));
  expect(bom.metadata.component).toEqual({ name: packageJson.name, version: packageJson.version });
  const listed = new Set(bom.components.map(({ name, version }) => `${name} ${version}`));
  for (const [name, version] of Object.entries(packageJson.dependencies))
    expect(listed).toContain(`${name} ${version}`);
  // Packages that only packages of these are bundled with.
  expect([...listed].filter((name) => /^(asn1js|thread-stream|tdigest) /.test(name)).length).toBe(3);
  expect(listed).toContain(`node ${node.replace("v", "")}`);
  expect([...listed].filter((name) => /^(vitest|esbuild|testcontainers|typescript) /.test(name))).toEqual([]);
});
