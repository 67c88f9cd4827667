/**
 * A process of its own that outlives its parent by a moment: it reads `watch <pid>` and `forget <pid>` lines from
 * stdin and, when stdin ends, kills the process groups it still watches and removes the folder in its argument.
 *
 * stdin ends when the parent closes it and just as well when the parent is killed, crashes or forgets: the one way to
 * be rid of etcd and kube-apiserver that SIGKILL of a test runner can't get round.
 */
import { rm } from "node:fs/promises";
import { createInterface } from "node:readline";

const folder = process.argv[2];
if (folder === undefined) throw new Error("usage: reaper.ts <folder>");
const watched = new Set<number>();
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, text] = line.split(" ");
  const pid = Number(text);
  // kill(-1) and kill(0) would reach processes that are none of ours.
  if (!Number.isSafeInteger(pid) || pid <= 1) continue;
  if (verb === "watch") watched.add(pid);
  if (verb === "forget") watched.delete(pid);
}
for (const pid of watched) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}
// A process that is being killed may still finish one write.
await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
