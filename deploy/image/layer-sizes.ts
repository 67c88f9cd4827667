import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { createGzip } from "node:zlib";

/** One layer of an image. */
interface LayerSize {
  /** The instruction that made it, such as `COPY /product /`. */
  readonly madeBy: string;
  readonly bytes: number;
}

/** The layers of an image that hold anything, the lowest first. */
export async function layerSizes(tag: string): Promise<readonly LayerSize[]> {
  const format = "{{.Size}}\t{{.CreatedBy}}";
  const { stdout } = await promisify(execFile)("docker", [
    ...["history", "--human=false", "--no-trunc", `--format=${format}`, tag],
  ]);
  return parseHistory(stdout);
}

/** Takes lines of size and instruction, the newest first, as `docker history` prints them. */
function parseHistory(text: string): readonly LayerSize[] {
  return text
    .split("\n")
    .map((line) => line.split("\t"))
    .map(([bytes = "", instruction = ""]) => ({
      madeBy: instruction.replace(/ # buildkit$/, "").replace(/^\/bin\/sh -c #\(nop\) /, ""),
      bytes: Number(bytes),
    }))
    .filter(({ bytes }) => bytes > 0)
    .toReversed();
}

/** Bytes of the whole image as a registry keeps it, which is compressed with gzip. */
export async function compressedSize(tag: string): Promise<number> {
  const save = spawn("docker", ["save", tag], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(save, "close");
  let bytes = 0;
  for await (const chunk of save.stdout.pipe(createGzip())) bytes += chunk.length;
  const [code] = await ended;
  if (code !== 0) throw new Error(`docker save ${tag} ended with ${code}`);
  return bytes;
}
