import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { K3sContainer } from "@testcontainers/k3s";
import { SERVER_PROGRAMS } from "../control-plane/program-source.ts";
import { resolvePrograms } from "../control-plane/programs.ts";
import type { Box, BoxOptions } from "./box/box.ts";

/** K3s of the same Kubernetes as the box; $E2E_K3S_IMAGE names another. */
const IMAGE = "rancher/k3s:v1.37.2-k3s1";
const IMAGE_IN_NODE = "/operator-image.tar";

/** A node in a container, for machines that can't have a box: not Linux, or not root. Needs an image that can be pulled. */
export async function startK3s({ progress, syncFrequency }: Omit<BoxOptions, "clock">): Promise<Box> {
  const { directory } = await resolvePrograms({ need: SERVER_PROGRAMS, progress });
  const container = await new K3sContainer(process.env.E2E_K3S_IMAGE || IMAGE)
    .withCommand(["server", "--disable=traefik", `--kubelet-arg=sync-frequency=${syncFrequency}`])
    .start();
  const folder = await mkdtemp(path.join(tmpdir(), "atlas-e2e-k3s-"));
  const kubeconfigPath = path.join(folder, "admin.kubeconfig");
  await writeFile(kubeconfigPath, container.getKubeConfig(), { mode: 0o600 });
  return {
    kubeconfigPath,
    binDirectory: directory,
    enter: [],
    loadImage: async (file) => {
      await container.copyFilesToContainer([{ source: file, target: IMAGE_IN_NODE }]);
      const { exitCode, output } = await container.exec([
        "ctr",
        "--namespace=k8s.io",
        "images",
        "import",
        IMAGE_IN_NODE,
      ]);
      if (exitCode !== 0) throw new Error(`the node did not take the image: ${output.trim()}`);
    },
    stop: async () => {
      await container.stop();
      await rm(folder, { recursive: true });
    },
  };
}
