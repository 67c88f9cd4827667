import { setFlagsFromString } from "node:v8";

/**
 * Runs every microtask that is ready, and those that they make ready, before it returns. It must be called from a
 * macrotask: inside of a microtask V8 ignores it. A turn of Node's event loop would do the same and takes ten times as
 * long.
 */
export const runMicrotasks: () => void = (() => {
  setFlagsFromString("--allow-natives-syntax");
  const run = new Function("%PerformMicrotaskCheckpoint()");
  setFlagsFromString("--no-allow-natives-syntax");
  return () => run();
})();

/** Runs synchronous work in a macrotask of its own, where `runMicrotasks` works. */
export function inMacrotask<T>(work: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(work());
      } catch (error: unknown) {
        reject(error);
      }
    });
  });
}
