/**
 * Loaded into an operator by `--import`, without a line of the product knowing of it: on SIGUSR2 it writes what the
 * process keeps in memory to the folder $HEAP_FOLDER. `strings.heapsnapshot` is V8's own snapshot, which collects
 * garbage first and here does not cut long strings. A snapshot leaves out what stands in Buffers: `buffers.bin` is the
 * content of all that are reachable, Node's pool of small ones among them, and `wasm.bin` that of WebAssembly memories.
 */
import { writeFileSync } from "node:fs";
import { Session } from "node:inspector";
import path from "node:path";
import { setFlagsFromString, writeHeapSnapshot } from "node:v8";

setFlagsFromString("--heap-snapshot-string-limit=1000000000");

process.on("SIGUSR2", () => {
  const folder = process.env.HEAP_FOLDER ?? ".";
  writeHeapSnapshot(path.join(folder, "strings.heapsnapshot"));
  const memories = reachable<{ readonly buffer: ArrayBuffer }>("WebAssembly.Memory").map(({ buffer }) => buffer);
  const buffers = reachable<ArrayBuffer>("ArrayBuffer").filter((each) => !memories.includes(each));
  writeFileSync(path.join(folder, "wasm.bin"), contents(memories));
  writeFileSync(path.join(folder, "buffers.bin"), contents(buffers));
  writeFileSync(path.join(folder, "done"), "");
});

function contents(buffers: readonly ArrayBuffer[]): Buffer {
  return Buffer.concat(buffers.map((each) => Buffer.from(each)));
}

/** All objects of a global class that the process can still reach. */
function reachable<T>(className: string): readonly T[] {
  const session = new Session();
  session.connect();
  const found: T[] = [];
  Reflect.set(globalThis, "heapWriterFound", found);
  session.post("HeapProfiler.enable");
  session.post("HeapProfiler.collectGarbage");
  session.post("Runtime.evaluate", { expression: `${className}.prototype` }, (_, evaluated) => {
    const prototypeObjectId = evaluated.result.objectId ?? "";
    session.post("Runtime.queryObjects", { prototypeObjectId }, (__, { objects }) => {
      const functionDeclaration = "function () { heapWriterFound.push(...this); }";
      session.post("Runtime.callFunctionOn", { objectId: objects.objectId ?? "", functionDeclaration });
    });
  });
  session.disconnect();
  return found;
}
