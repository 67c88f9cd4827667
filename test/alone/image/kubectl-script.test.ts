import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { controlPlane } from "../../control-plane/control-plane.ts";
import { Scene } from "../../integration/operator/scene.ts";
import { temporaryFolder } from "../../integration/temporary-file.ts";
import { runCommand } from "../../run-command.ts";
import { builtImage } from "./built-image.ts";

/** The script of docs/kubectl.md, with which people use the plugin from the image. */

const DOCUMENT = path.join(import.meta.dirname, "../../../docs/kubectl.md");

const image = builtImage();

test("kubectl runs the plugin from the image by the script of docs/kubectl.md", async () => {
  const [, script = ""] =
    /^```sh\n(#!\/bin\/sh\nexec docker run .*?)^```$/ms.exec(await readFile(DOCUMENT, "utf8")) ?? [];
  expect(script).toContain(` ${image.tag} `);
  const scene = await Scene.open();
  await scene.apply();
  await scene.untilIssued();

  const folder = await temporaryFolder();
  await writeFile(path.join(folder, "kubectl-atlascerts"), script, { mode: 0o755 });
  const { binDirectory, kubeconfigPath } = controlPlane();
  const search = [folder, binDirectory, process.env.PATH].join(":");
  const env = { HOME: folder, KUBECONFIG: kubeconfigPath, PATH: search };
  // 3: something needs attention, which may be a resource that another test has left behind.
  const printed = await runCommand(["sh", "-c", "kubectl atlascerts status -A || [ $? = 3 ]"], { env });
  expect(printed).toMatch(/^NAMESPACE +NAME +READY +REASON +LIFETIME +RENEWAL +EXPIRES +SECRET$/m);
  expect(printed).toMatch(
    new RegExp(`^${scene.namespace} +orders-api +True +Issued +●─+◆─+ .* orders-api-mongodb$`, "m"),
  );
});
