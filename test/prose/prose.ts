import { spawnSync } from "node:child_process";
import path from "node:path";
import { systemClock } from "../../src/clock.ts";
import { type GoTool, type GoToolOptions, goTool } from "../chart/go-tool.ts";
import { streamProgress } from "../control-plane/progress.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const CHECKED = [
  ...["README.md", "docs", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "src"],
  "deploy/charts/atlas-cert-operator/values.yaml",
];

const VALE: GoTool = {
  name: "vale",
  moduleFolder: path.join(import.meta.dirname, "vale"),
  packagePath: "github.com/errata-ai/vale/v3/cmd/vale",
  modulePath: "github.com/errata-ai/vale/v3",
  versionVariable: "main.version",
  about: "1 min",
};

/**
 * Checks files and folders with Vale and the rules in .vale; in TypeScript comments, strings and names alike.
 *
 * @throws NoToolError, UnwritableCacheError
 */
export async function checkProse(places: readonly string[], options: GoToolOptions) {
  const vale = await goTool(VALE, options);
  // Styles that a developer has set up for all projects must not decide.
  const settings = ["--config", path.join(ROOT, ".vale.ini"), "--no-global", "--output", "line"];
  const { status, stdout, stderr, error } = spawnSync(vale, [...settings, ...places], { cwd: ROOT, encoding: "utf8" });
  if (error !== undefined) throw error;
  return { isGood: status === 0, output: `${stdout}${stderr}` };
}

if (import.meta.main) {
  const { isGood, output } = await checkProse(CHECKED, {
    progress: streamProgress(process.stderr, systemClock),
  });
  process.stderr.write(output);
  if (!isGood) process.exitCode = 1;
}
