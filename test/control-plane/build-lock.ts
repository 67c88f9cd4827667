import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../src/clock.ts";

/** SQLITE_BUSY: another connection holds the lock (https://sqlite.org/rescode.html#busy). */
const SQLITE_BUSY = 5;
const POLL_MS = 500;

export interface LockOptions {
  readonly clock: Clock;
  /** Wraps the wait when another process holds the lock. */
  readonly whileWaiting: (wait: () => Promise<void>) => Promise<void>;
}

/**
 * Runs `work` while no other process on this machine holds the lock of that file; the file stays.
 *
 * The lock is SQLite's on an empty database, which is one that the operating system holds for the process: a process
 * that crashes has given it back, so there are no stale locks to detect and no process ids to misjudge.
 */
export async function withLock<T>(file: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    if (!tryLock(database)) {
      await options.whileWaiting(async () => {
        do await options.clock.sleep(POLL_MS);
        while (!tryLock(database));
      });
    }
    return await work();
  } finally {
    database.close();
  }
}

function tryLock(database: DatabaseSync): boolean {
  try {
    database.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error: unknown) {
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return false;
    throw error;
  }
}
