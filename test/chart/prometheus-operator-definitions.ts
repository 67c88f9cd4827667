import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { z } from "zod";

const execute = promisify(execFile);
const MODULE = "github.com/prometheus-operator/prometheus-operator";
const answerSchema = z.object({ Dir: z.string() });

/** The Prometheus Operator's own CustomResourceDefinitions of what the chart makes, as YAML; Go checks and keeps them. */
export async function prometheusOperatorDefinitions(): Promise<string> {
  const { stdout } = await execute("go", ["mod", "download", "-json", MODULE], {
    cwd: path.join(import.meta.dirname, "prometheus-operator"),
    env: { ...process.env, GOWORK: "off", GOFLAGS: "-mod=mod" },
  });
  const { Dir } = answerSchema.parse(JSON.parse(stdout));
  const files = ["servicemonitors", "prometheusrules"].map((plural) => `monitoring.coreos.com_${plural}.yaml`);
  const texts = files.map((file) => readFile(path.join(Dir, "example/prometheus-operator-crd", file), "utf8"));
  return (await Promise.all(texts)).join("\n---\n");
}
