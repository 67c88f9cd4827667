import { systemClock } from "../../src/clock.ts";
import type { Progress, Report } from "../control-plane/progress.ts";
import { type LogLine, OperatorLog } from "./operator-log.ts";
import { createCertificates, createNamespaces, expectAllIssued } from "./resources.ts";
import type { BenchScene } from "./scene.ts";

const POLL_MS = 50;

/** The operator says it went to work. */
export const AT_WORK = "started leading";

/** Issuing may take this long: a start, and 5 certificates a second. Who is slower has hung. */
function limitMs(certificates: number): number {
  return 60_000 + certificates * 200;
}

/**
 * Waits until the operator's log tells of so many more certificates.
 *
 * @returns when the operator went to work, if that is in these lines, and when the last certificate was there; wall-clock
 *   milliseconds
 * @throws Error where the operator warns of anything, ends, or takes too long
 */
export async function untilIssued(
  scene: BenchScene,
  log: OperatorLog,
  certificates: number,
  report: Report = () => {},
): Promise<{ readonly begunAt: number | undefined; readonly lastAt: number }> {
  const deadline = systemClock.monotonic() + limitMs(certificates);
  const lines: LogLine[] = [];
  for (;;) {
    lines.push(...(await log.read()));
    const trouble = lines.find(({ level }) => level === "warn" || level === "error");
    if (trouble !== undefined) throw new Error(`the operator is in trouble: ${trouble.msg}`);
    const issued = lines.filter(({ reason }) => reason === "Issued").map(({ time }) => Date.parse(time));
    report(`${issued.length} of ${certificates}`);
    if (issued.length >= certificates) {
      const begun = lines.find(({ msg }) => msg === AT_WORK)?.time;
      return { begunAt: begun === undefined ? undefined : Date.parse(begun), lastAt: Math.max(...issued) };
    }
    if (scene.operator.pid === undefined) throw new Error(`the operator has ended: ${log.strange.join("\n")}`);
    if (systemClock.monotonic() > deadline) throw new Error(`${issued.length} of ${certificates} issued in time`);
    await systemClock.sleep(POLL_MS);
  }
}

/** Starts the operator and lets it issue a certificate for each of so many resources. */
export async function startAndIssue(
  scene: BenchScene,
  options: { readonly resources: number; readonly projects: number; readonly progress: Progress },
): Promise<void> {
  const { resources, projects, progress } = options;
  await createNamespaces(scene, projects);
  await scene.operator.start();
  await progress.step(`issuing ${resources} certificates`, async (report) => {
    const log = new OperatorLog(scene.operatorLogFile);
    await createCertificates(scene, { to: resources, projects });
    await untilIssued(scene, log, resources, report);
  });
  await expectAllIssued(scene, resources);
}
