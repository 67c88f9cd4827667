/**
 * `npm run isolation`: every attack of one tenant on another, on a real control plane, with the image's script and the
 * shipped Roles. `--scale 2` makes the attacks twice as large.
 */
import { spawn } from "node:child_process";
import path from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { scale: { type: "string", default: "1" } } });
const scale = Number(values.scale);
if (!Number.isInteger(scale) || scale < 1 || scale > 10) {
  process.stderr.write("--scale must be a whole number from 1 to 10.\n");
  process.exit(2);
}
const vitest = path.join(import.meta.dirname, "../../node_modules/.bin/vitest");
const child = spawn(process.execPath, [vitest, "run", "--project", "isolation"], {
  env: { ...process.env, ISOLATION_SCALE: String(scale) },
  stdio: "inherit",
});
child.once("close", (code) => {
  process.exitCode = code ?? 1;
});
