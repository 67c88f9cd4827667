import { systemClock } from "../../src/clock.ts";
import { processUsage } from "./process-usage.ts";
import type { BenchScene } from "./scene.ts";

/** Processor time of every process of a scene, in milliseconds. */
export interface CpuTimes {
  readonly operator: number;
  readonly simulator: number;
  readonly apiServer: number;
  readonly etcd: number;
}

export async function cpuTimes(scene: BenchScene): Promise<CpuTimes> {
  const of = async (pid: number | undefined) => (pid === undefined ? 0 : (await processUsage(pid)).cpuMs);
  const { operator, simulator, controlPlane } = scene;
  return {
    operator: await of(operator.pid),
    simulator: await of(simulator.pid),
    apiServer: await of(controlPlane.apiServer.pid),
    etcd: await of(controlPlane.etcd.pid),
  };
}

export function cpuBetween(before: CpuTimes, after: CpuTimes): CpuTimes {
  return {
    operator: after.operator - before.operator,
    simulator: after.simulator - before.simulator,
    apiServer: after.apiServer - before.apiServer,
    etcd: after.etcd - before.etcd,
  };
}

/** How long the operator must have been quiet to count as settled, in milliseconds. */
const QUIET_MS = 3000;
/** Processor time that a quiet process may use in that time, in milliseconds. */
const QUIET_CPU_MS = 60;
const SAMPLE_MS = 250;

/**
 * Waits until the operator does next to nothing.
 *
 * @returns the wall-clock time, in milliseconds, at which it became quiet
 * @throws Error after `limitMs`
 */
export async function untilQuiet(scene: BenchScene, limitMs: number): Promise<number> {
  const deadline = systemClock.monotonic() + limitMs;
  const samples: { readonly at: number; readonly cpuMs: number }[] = [];
  while (systemClock.monotonic() < deadline) {
    const { pid } = scene.operator;
    if (pid === undefined) throw new Error("the operator has ended");
    samples.push({ at: systemClock.now(), cpuMs: (await processUsage(pid)).cpuMs });
    const last = samples.at(-1);
    const earlier = samples.findLast((sample) => last !== undefined && sample.at <= last.at - QUIET_MS);
    if (last !== undefined && earlier !== undefined && last.cpuMs - earlier.cpuMs <= QUIET_CPU_MS) return earlier.at;
    await systemClock.sleep(SAMPLE_MS);
  }
  throw new Error(`the operator was not quiet within ${limitMs / 1000} s`);
}
