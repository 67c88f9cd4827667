import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { startCrashGuard } from "./crash-guard.ts";

const MODULE = path.join(import.meta.dirname, "crash-guard.ts");

async function guardedFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "guard-test-"));
  await writeFile(path.join(folder, "data"), "");
  return folder;
}

function sleeper(): ChildProcess & { readonly pid: number } {
  const child = spawn("sleep", ["600"], { detached: true, stdio: "ignore" });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  if (child.pid === undefined) throw new Error("sleep doesn't run");
  return Object.assign(child, { pid: child.pid });
}

it("kills what it watches and removes the folder when it is closed", async () => {
  const folder = await guardedFolder();
  const program = sleeper();
  const exited = once(program, "exit");
  const guard = startCrashGuard(folder);
  guard.watch(program.pid);
  await guard.close();
  expect(await exited).toEqual([null, "SIGKILL"]);
  expect(existsSync(folder)).toBe(false);
});

it("leaves alone what it was told to forget", async () => {
  const program = sleeper();
  const guard = startCrashGuard(await guardedFolder());
  guard.watch(program.pid);
  guard.forget(program.pid);
  await guard.close();
  expect(process.kill(program.pid, 0)).toBe(true);
  expect(program.exitCode ?? program.signalCode).toBe(null);
});

it("may be closed twice", async () => {
  const guard = startCrashGuard(await guardedFolder());
  await Promise.all([guard.close(), guard.close()]);
  await guard.close();
});

it.each([
  ["is killed", "setInterval(() => {}, 1000); process.kill(process.pid, 'SIGKILL')"],
  ["is interrupted", "setInterval(() => {}, 1000); process.kill(process.pid, 'SIGINT')"],
  ["crashes", "throw new Error('crash')"],
  ["ends without a word", ""],
])("does its work when its process %s", async (_how, end) => {
  const folder = await guardedFolder();
  const program = sleeper();
  const exited = once(program, "exit");
  const script = `
    import { startCrashGuard } from ${JSON.stringify(MODULE)};
    startCrashGuard(${JSON.stringify(folder)}).watch(${program.pid});
    ${end}
  `;
  const owner = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
  await once(owner, "exit");
  expect(await exited).toEqual([null, "SIGKILL"]);
  await vi.waitFor(() => expect(existsSync(folder)).toBe(false), { timeout: 10_000 });
});
