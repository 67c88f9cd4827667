import { execFile } from "node:child_process";
import { homedir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { OLDEST_NODE } from "../../deploy/npm/manifest.ts";
import { systemClock } from "../../src/clock.ts";
import { withLock } from "../control-plane/build-lock.ts";
import { cacheFolder, ensureWritable } from "../control-plane/cache-folder.ts";

const execute = promisify(execFile);

/**
 * The oldest Node that the library promises to run on, as npm has it for this machine. The first call on a machine
 * downloads it into the cache.
 */
export async function oldestNode(): Promise<string> {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = path.join(cacheFolder(process.env, homedir()), `node-${OLDEST_NODE}`);
  await ensureWritable(folder);
  const program = path.join(folder, "node_modules", name, "bin/node");
  const isThere = () =>
    execute(program, ["--version"]).then(
      ({ stdout }) => stdout.trim() === `v${OLDEST_NODE}`,
      () => false,
    );
  await withLock(`${folder}.lock`, { clock: systemClock, whileWaiting: (wait) => wait() }, async () => {
    if (await isThere()) return;
    await execute("npm", ["install", "--no-audit", "--no-fund", "--prefix", folder, `${name}@${OLDEST_NODE}`]);
    if (!(await isThere())) throw new Error(`npm installed ${name}@${OLDEST_NODE}, but it does not run`);
  });
  return program;
}
