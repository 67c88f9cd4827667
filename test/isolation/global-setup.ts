import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

const ROOT = path.join(import.meta.dirname, "../..");

/** Bundles the image's script, which the attacks run. */
export async function setup(): Promise<void> {
  await promisify(execFile)(process.execPath, ["deploy/image/bundle.ts"], { cwd: ROOT });
}
