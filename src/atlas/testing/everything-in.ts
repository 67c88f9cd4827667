import { inspect } from "node:util";

/** Everything that a log or a debugger could get out of an error. */
export function everythingIn(error: Error): string {
  return [
    inspect(error, { depth: 10, showHidden: true, getters: true }),
    JSON.stringify(error),
    JSON.stringify(error, Object.getOwnPropertyNames(error)),
    error.stack,
    String(error.cause),
  ].join("\n");
}
