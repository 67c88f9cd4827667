import path from "node:path";
import { type GoTool, type GoToolOptions, goTool } from "./go-tool.ts";

const PROMETHEUS: GoTool = {
  name: "prometheus",
  moduleFolder: path.join(import.meta.dirname, "prometheus"),
  packagePath: "github.com/prometheus/prometheus/cmd/prometheus",
  modulePath: "github.com/prometheus/prometheus",
  about: "3 min",
};

/** The path of Prometheus, without the clients of the clouds that it can discover targets in. @throws NoToolError, UnwritableCacheError */
export function resolvePrometheus(options: GoToolOptions): Promise<string> {
  const { environment = process.env } = options;
  const GOFLAGS = `${environment.GOFLAGS ?? ""} -tags=remove_all_sd`.trim();
  return goTool(PROMETHEUS, { ...options, environment: { ...environment, GOFLAGS } });
}
