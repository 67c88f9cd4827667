import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { fileURLToPath } from "node:url";

/** A place in one of the image's scripts, as it stands in a stack. */
const PLACE = /(file:\/\/\/[^\s()]+\.mjs):(\d+):(\d+)/g;
/** Places are few, and the same errors come again: each is looked up once. */
const MOST_PLACES = 1000;
const known = new Map<string, string>();

/**
 * Rewrites a stack of the image's scripts in terms of the sources, such as `src/kube/client/kube-client.ts:210:13`. Node can do
 * that on its own, but then holds every map for good, 20 MiB; here a map is read when a stack is logged, and let go.
 */
export function withSources(stack: string): string {
  const maps = new Map<string, SourceMap | undefined>();
  return stack.replaceAll(PLACE, (place, script: string, line: string, column: string) => {
    const before = known.get(place);
    if (before !== undefined) return before;
    if (!maps.has(script)) maps.set(script, readMap(script));
    const origin = maps.get(script)?.findOrigin(Number(line), Number(column));
    // Of packages the maps know no lines.
    const isOwn = origin !== undefined && "fileName" in origin && !origin.fileName.startsWith("node_modules/");
    const rewritten = isOwn ? `${origin.fileName}:${origin.lineNumber}:${origin.columnNumber}` : place;
    if (known.size < MOST_PLACES) known.set(place, rewritten);
    return rewritten;
  });
}

/** A script without a map beside it keeps its own places. */
function readMap(script: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(script)}.map`, "utf8")));
  } catch {
    return undefined;
  }
}
