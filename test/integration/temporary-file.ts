import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";

/** A folder that goes with the running test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "operator-faults-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** A file that goes with the running test. Gives its path. */
export async function temporaryFile(name: string, text: string): Promise<string> {
  const file = path.join(await temporaryFolder(), name);
  await writeFile(file, text, { mode: 0o600 });
  return file;
}
