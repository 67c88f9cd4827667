import path from "node:path";
import { afterAll, beforeAll } from "vitest";
import { readCredentials } from "../../control-plane/control-plane.ts";
import { silentProgress } from "../../control-plane/progress.ts";
import { createRest, type Rest } from "../../control-plane/rest.ts";
import { type RunningControlPlane, startControlPlane } from "../../control-plane/start.ts";
import type { ScenePlace } from "../operator/scene.ts";

const CRDS = path.join(import.meta.dirname, "../../../crds");

/** A control plane that one file's tests may kill, stop and fill with users, for nobody else uses it. */
export interface OwnControlPlane {
  readonly running: RunningControlPlane;
  /** As a user who may do everything. */
  readonly rest: Rest;
  /** Makes a namespace. */
  place(namespace: string): Promise<ScenePlace>;
  /** A request that must succeed. */
  must(method: string, requestPath: string, body?: unknown): Promise<unknown>;
}

/**
 * Starts it before the tests of this file and stops it behind them.
 *
 * @param apiServerFlags gives further flags of kube-apiserver
 */
export function ownControlPlane(
  apiServerFlags: () => Promise<readonly string[]> = async () => [],
): () => OwnControlPlane {
  let own: OwnControlPlane | undefined;
  beforeAll(async () => {
    const running = await startControlPlane({
      controllerManager: false,
      progress: silentProgress,
      crdDirectories: [CRDS],
      apiServerFlags: await apiServerFlags(),
    });
    const { kubeconfigPath } = running;
    const rest = createRest(readCredentials(kubeconfigPath));
    const must = async (method: string, requestPath: string, body?: unknown) => {
      const answer = await rest(method, requestPath, body);
      if (answer.status >= 300) {
        throw new Error(`${method} ${requestPath}: ${answer.status} ${JSON.stringify(answer.body)}`);
      }
      return answer.body;
    };
    const place = async (namespace: string) => {
      await must("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
      return { kubeconfigPath, rest, namespace };
    };
    own = { running, rest, place, must };
  });
  afterAll(() => own?.running.stop());
  return () => {
    if (own === undefined) throw new Error("the control plane does not run");
    return own;
  };
}
