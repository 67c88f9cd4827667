import path from "node:path";
import { type GoTool, type GoToolOptions, goTool } from "./go-tool.ts";

const PROMETHEUS: GoTool = {
  name: "prometheus",
  moduleFolder: path.join(import.meta.dirname, "prometheus"),
  packagePath: "github.com/prometheus/prometheus/cmd/prometheus",
  modulePath: "github.com/prometheus/prometheus",
  about: "3 min",
};

const PROMTOOL: GoTool = {
  ...PROMETHEUS,
  name: "promtool",
  packagePath: "github.com/prometheus/prometheus/cmd/promtool",
  about: "1 min after Prometheus",
};

/** How long a first call may take where a program has to be built, in milliseconds. */
export const PROMETHEUS_BUILD_MS = 600_000;

/** The path of Prometheus. @throws NoToolError, UnwritableCacheError */
export function resolvePrometheus(options: GoToolOptions): Promise<string> {
  return resolve(PROMETHEUS, options);
}

/** The path of promtool, which checks metrics and tries rules. @throws NoToolError, UnwritableCacheError */
export function resolvePromtool(options: GoToolOptions): Promise<string> {
  return resolve(PROMTOOL, options);
}

/** Without the clients of the clouds that it can discover targets in. */
function resolve(tool: GoTool, options: GoToolOptions): Promise<string> {
  const { environment = process.env } = options;
  const GOFLAGS = `${environment.GOFLAGS ?? ""} -tags=remove_all_sd`.trim();
  return goTool(tool, { ...options, environment: { ...environment, GOFLAGS } });
}
