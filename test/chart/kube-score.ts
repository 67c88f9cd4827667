import path from "node:path";
import { type GoTool, type GoToolOptions, goTool } from "./go-tool.ts";

const KUBE_SCORE: GoTool = {
  name: "kube-score",
  moduleFolder: path.join(import.meta.dirname, "kube-score"),
  packagePath: "github.com/zegl/kube-score/cmd/kube-score",
  modulePath: "github.com/zegl/kube-score",
  about: "20 s",
};

/** The path of kube-score, a linter of Kubernetes objects. @throws NoToolError, UnwritableCacheError */
export function resolveKubeScore(options: GoToolOptions): Promise<string> {
  return goTool(KUBE_SCORE, options);
}
