import { access, constants } from "node:fs/promises";
import path from "node:path";
import type { ProgramName } from "./program-source.ts";

/** Those of `need` that the folder doesn't hold as an executable file, in the order of `need`. */
export async function missingPrograms(folder: string, need: Iterable<ProgramName>): Promise<ProgramName[]> {
  const missing: ProgramName[] = [];
  for (const program of need) {
    try {
      await access(path.join(folder, program), constants.X_OK);
    } catch {
      missing.push(program);
    }
  }
  return missing;
}
