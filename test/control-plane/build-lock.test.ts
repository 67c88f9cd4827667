import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { type Clock, systemClock } from "../../src/clock.ts";
import { withLock } from "./build-lock.ts";

/** Polls as fast as the event loop turns. */
const impatient: Clock = { ...systemClock, sleep: () => new Promise((resolve) => setImmediate(resolve)) };
const options = { clock: impatient, whileWaiting: (wait: () => Promise<void>) => wait() };

/** Another process, which takes the lock, says so, and keeps it until it ends. */
const HOLDER = `
const { DatabaseSync } = require("node:sqlite");
const database = new DatabaseSync(process.argv[1]);
database.exec("BEGIN EXCLUSIVE");
process.stdout.write("locked");
setInterval(() => {}, 1000);
`;

async function lockFile(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "lock-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return path.join(folder, "build.lock");
}

it("lets one piece of work run at a time", async () => {
  const file = await lockFile();
  const order: string[] = [];
  const first = Promise.withResolvers<void>();
  const holding = withLock(file, options, async () => {
    order.push("first starts");
    await first.promise;
    order.push("first ends");
  });
  const waiting = withLock(file, options, async () => {
    order.push("second starts");
  });
  await new Promise(setImmediate);
  first.resolve();
  await Promise.all([holding, waiting]);
  expect(order).toEqual(["first starts", "first ends", "second starts"]);
});

it("doesn't wait when the lock is free", async () => {
  const file = await lockFile();
  const whileWaiting = () => Promise.reject(new Error("waited"));
  expect(await withLock(file, { clock: impatient, whileWaiting }, async () => "done")).toBe("done");
});

it("gives the lock back when the work fails", async () => {
  const file = await lockFile();
  await expect(withLock(file, options, () => Promise.reject(new Error("no space left")))).rejects.toThrow();
  expect(await withLock(file, options, async () => "done")).toBe("done");
});

it("gets the lock of a process that was killed while it held it", async () => {
  const file = await lockFile();
  const holder = spawn(process.execPath, ["-e", HOLDER, file], { stdio: ["ignore", "pipe", "inherit"] });
  await once(holder.stdout, "data");
  let waited = false;
  const result = await withLock(
    file,
    {
      clock: impatient,
      whileWaiting: (wait) => {
        waited = true;
        holder.kill("SIGKILL");
        return wait();
      },
    },
    async () => "done",
  );
  expect({ waited, result }).toEqual({ waited: true, result: "done" });
});
