import { readdir, readFile, readlink } from "node:fs/promises";

/** Linux counts processor time in hundredths of a second towards its users (USER_HZ), whatever its kernel ticks. */
const TICK_MS = 10;

/** What a process has used and holds. */
export interface ProcessUsage {
  /** Processor time since its start, in milliseconds, to the nearest 10. */
  readonly cpuMs: number;
  /** Resident memory now, in bytes. */
  readonly rssBytes: number;
  /** The most resident memory it ever had, in bytes. */
  readonly peakRssBytes: number;
}

/** The figures of processes come from /proc. */
export class NoProcFileSystemError extends Error {
  override readonly name = "NoProcFileSystemError";
}

/** @throws NoProcFileSystemError on a system without /proc */
export async function assertProcFileSystem(): Promise<void> {
  try {
    await readFile("/proc/self/stat");
  } catch (error: unknown) {
    throw new NoProcFileSystemError(
      "A process' processor time and memory are read from /proc, which this system does not have: run this on Linux.",
      { cause: error },
    );
  }
}

/** Reads what a process uses. Rejects where there is no such process. */
export async function processUsage(pid: number): Promise<ProcessUsage> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, "utf8"),
    readFile(`/proc/${pid}/status`, "utf8"),
  ]);
  return { cpuMs: parseCpuMs(stat), ...parseMemory(status) };
}

/** Processor time in milliseconds, user and system, from a /proc/PID/stat (proc(5)). */
export function parseCpuMs(stat: string): number {
  // The second field is the program's name in brackets, which may hold spaces and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  if (!Number.isInteger(user + system)) throw new Error(`not the form of /proc/PID/stat: ${stat.slice(0, 200)}`);
  return (user + system) * TICK_MS;
}

/** From a /proc/PID/status (proc(5)). */
export function parseMemory(status: string): Pick<ProcessUsage, "rssBytes" | "peakRssBytes"> {
  const bytes = (field: string) => {
    const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
    if (kib === undefined) throw new Error(`no ${field} in /proc/PID/status`);
    return Number(kib) * 1024;
  };
  return { rssBytes: bytes("VmRSS"), peakRssBytes: bytes("VmHWM") };
}

/** How many sockets a process has open. */
export async function openSockets(pid: number): Promise<number> {
  const folder = `/proc/${pid}/fd`;
  const targets = await Promise.all(
    // One that was closed meanwhile is none.
    (await readdir(folder)).map((name) => readlink(`${folder}/${name}`).catch(() => "")),
  );
  return targets.filter((target) => target.startsWith("socket:")).length;
}
