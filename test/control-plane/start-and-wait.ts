/**
 * A process that starts a control plane, prints `{"folder", "url", "pids"}` in one line and waits for its end: for tests
 * of what happens then. `throw` as an argument ends it with an exception.
 */
import { silentProgress } from "./progress.ts";
import { startControlPlane } from "./start.ts";

const { folder, url, apiServer, etcd, controllerManager } = await startControlPlane({
  controllerManager: true,
  progress: silentProgress,
});
const pids = [apiServer, etcd, controllerManager].map((program) => program?.pid);
process.stdout.write(`${JSON.stringify({ folder, url, pids })}\n`);
if (process.argv[2] === "throw") throw new Error("crash");
setInterval(() => {}, 1_000);
