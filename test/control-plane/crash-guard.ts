import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";

/** Whoever holds it may die in any way: what it watches is killed and its folder removed all the same. */
export interface CrashGuard {
  /** The temporary folder that goes in the end. */
  readonly folder: string;
  /** From now on the process group of `pid` is killed at the end. */
  watch(pid: number): void;
  /** The process has exited: its id may be given to another one. */
  forget(pid: number): void;
  /** Kills everything watched, removes the folder, and resolves when both are done. */
  close(): Promise<void>;
}

/** Starts the process that waits for this one's end; see reaper.ts. */
export function startCrashGuard(folder: string): CrashGuard {
  const reaper = spawn(process.execPath, [path.join(import.meta.dirname, "reaper.ts"), folder], {
    // Ctrl-C in a terminal reaches the whole process group: not this one.
    detached: true,
    cwd: "/",
    env: {},
    stdio: ["pipe", "ignore", "ignore"],
  });
  const exited = once(reaper, "exit");
  // A reaper that was killed from outside guards nothing any more, but that's no reason to crash.
  exited.catch(() => {});
  reaper.stdin.on("error", () => {});
  reaper.unref();
  return {
    folder,
    watch: (pid) => reaper.stdin.write(`watch ${pid}\n`),
    forget: (pid) => reaper.stdin.write(`forget ${pid}\n`),
    close: async () => {
      reaper.ref();
      reaper.stdin.end();
      await exited;
    },
  };
}
