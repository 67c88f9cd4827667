import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { z } from "zod";

const execute = promisify(execFile);
const MODULE = "github.com/prometheus-operator/prometheus-operator";
const answerSchema = z.object({ Dir: z.string() });

/** The Prometheus Operator's own CustomResourceDefinition of ServiceMonitor, as YAML; Go checks and keeps it. */
export async function serviceMonitorDefinition(): Promise<string> {
  const { stdout } = await execute("go", ["mod", "download", "-json", MODULE], {
    cwd: path.join(import.meta.dirname, "prometheus-operator"),
    env: { ...process.env, GOWORK: "off", GOFLAGS: "-mod=mod" },
  });
  const { Dir } = answerSchema.parse(JSON.parse(stdout));
  const file = "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml";
  return readFile(path.join(Dir, file), "utf8");
}
