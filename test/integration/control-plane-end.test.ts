import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { z } from "zod";

const OWNER = path.join(import.meta.dirname, "../control-plane/start-and-wait.ts");
const announcement = z.object({ folder: z.string(), url: z.url(), pids: z.array(z.int()).length(3) });

/** A process that has ended and waits for its parent to notice runs no more. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !(existsSync(stat) && / Z /.test(readFileSync(stat, "utf8")));
}

async function startOwner(...args: string[]) {
  const owner = spawn(process.execPath, [OWNER, ...args], { stdio: ["ignore", "pipe", "ignore"] });
  onTestFinished(() => {
    owner.kill("SIGKILL");
  });
  const exited = once(owner, "exit");
  const [line] = await once(owner.stdout.setEncoding("utf8"), "data");
  return { owner, exited, ...announcement.parse(JSON.parse(String(line))) };
}

async function expectNothingLeft({ folder, pids }: { readonly folder: string; readonly pids: readonly number[] }) {
  await vi.waitFor(
    () => {
      expect(pids.filter(isRunning)).toEqual([]);
      expect(existsSync(folder)).toBe(false);
    },
    { timeout: 15_000, interval: 50 },
  );
}

it.each(["SIGKILL", "SIGINT"] as const)(
  "leaves neither a process nor a file behind when its owner gets %s",
  async (signal) => {
    const started = await startOwner();
    expect(started.pids.filter(isRunning)).toEqual(started.pids);
    started.owner.kill(signal);
    await started.exited;
    await expectNothingLeft(started);
  },
);

it("leaves neither a process nor a file behind when its owner crashes", async () => {
  const started = await startOwner("throw");
  await started.exited;
  await expectNothingLeft(started);
});
