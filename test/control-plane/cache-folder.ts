import { access, constants, mkdir } from "node:fs/promises";
import path from "node:path";

/**
 * Where the control plane's programs are kept between runs: outside node_modules, so that `npm ci` doesn't throw
 * minutes of building away.
 *
 * @param home the person's home folder
 */
export function cacheFolder(environment: Readonly<Record<string, string | undefined>>, home: string): string {
  if (environment.ATLAS_CERTS_CACHE) return path.resolve(environment.ATLAS_CERTS_CACHE);
  // A relative XDG path is invalid and to be ignored (XDG Base Directory Specification).
  const xdg = environment.XDG_CACHE_HOME;
  const base = xdg && path.isAbsolute(xdg) ? xdg : path.join(home, ".cache");
  return path.join(base, "atlas-cert-operator");
}

/** Nothing can be kept in the cache folder. The message is one sentence that says what to set. */
export class UnwritableCacheError extends Error {
  override readonly name = "UnwritableCacheError";
}

/** Makes the folder if it is missing. @throws UnwritableCacheError when nothing can be written in it. */
export async function ensureWritable(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error: unknown) {
    const cause = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    throw new UnwritableCacheError(
      `The cache folder ${folder} can't be written${cause}: set ATLAS_CERTS_CACHE to a folder that can.`,
      { cause: error },
    );
  }
}

/** Not mkdir's own `recursive`: where a file system says ENOENT for good, as /proc does, Node 24 tries forever. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error: unknown) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || path.dirname(folder) === folder) throw error;
    await makeFolder(path.dirname(folder));
    await mkdir(folder);
  }
}
