import type { MutatedFile } from "../mutant.ts";

const FOLDER = "controllers/user-certificate";

/** Of the restarts of workloads. */
export const RESTARTS: readonly MutatedFile[] = [
  {
    file: `${FOLDER}/core/decide/restarts.ts`,
    tests: [`${FOLDER}/restart.test.ts`],
    mutants: [
      {
        why: "two renewals that fall together cause two restarts",
        search: "return Date.parse(writtenAt) + GATHERING_MS;",
        replacement: "return Date.parse(writtenAt);",
      },
      {
        why: "restarts follow each other without a pause",
        search: "if (restartedMs !== undefined && isWithin(INTERVAL_MS, restartedMs, nowMs)) {",
        replacement: "if (restartedMs !== undefined && nowMs < 0) {",
      },
      {
        why: "a workload that is paused is patched",
        search: "if (halt !== undefined) return",
        replacement: "if (halt !== undefined && nowMs < 0) return",
        tests: [`${FOLDER}/behaviour/restart-blocked.test.ts`],
      },
    ],
  },
  {
    file: `${FOLDER}/core/status/pending-restarts.ts`,
    tests: [`${FOLDER}/core/status/pending-restarts.test.ts`],
    mutants: [
      {
        why: "the first certificate causes a restart",
        search:
          'if (attempt !== undefined) return attempt.replaces !== undefined || attempt.reason !== "SecretMissing";',
        replacement: "if (attempt !== undefined) return true;",
      },
      {
        why: "an older certificate that was put back causes a restart",
        search: "&& notBefore.getTime() >= Date.parse(status.notBefore);",
        replacement: "&& notBefore.getTime() >= 0;",
      },
      {
        why: "a workload that has left the spec stays pending",
        search: ".filter((one) => isToRestart(spec, one))",
        replacement: ".filter((one) => isToRestart(spec, one) || nowMs > 0)",
        tests: [`${FOLDER}/behaviour/restart-blocked.test.ts`],
      },
    ],
  },
  {
    file: `${FOLDER}/restart.ts`,
    tests: [`${FOLDER}/restart.test.ts`],
    mutants: [
      {
        why: "the annotation covers the own Secret alone",
        search: "[pending.writtenAt, ...others.filter((one) => Date.parse(one) + SECOND_MS <= nowMs)]",
        replacement: "others.length < 0 ? others : [pending.writtenAt]",
      },
      {
        why: "a Secret that is written in the second of a restart counts as covered by it",
        search: "Date.parse(one) + SECOND_MS <= nowMs",
        replacement: "Date.parse(one) <= nowMs + SECOND_MS - SECOND_MS",
      },
      {
        why: "a workload that cannot be restarted is read at each reconcile",
        search: "known.result.untilMs > nowMs ? known.result : undefined;",
        replacement: "known.result.untilMs > nowMs && nowMs < 0 ? known.result : undefined;",
        tests: [`${FOLDER}/behaviour/restart-blocked.test.ts`],
      },
    ],
  },
  {
    file: `${FOLDER}/cluster/workloads.ts`,
    tests: [`${FOLDER}/restart.test.ts`],
    mutants: [
      {
        why: "a restart is done to a workload that has changed since it was read",
        search: "    metadata: { uid, resourceVersion },\n",
        replacement: "",
      },
      {
        why: "the interval counts from the certificate, not from the restart",
        search: "millisecondsOf(own?.time) ?? coveredMs;",
        replacement: "own === undefined ? undefined : coveredMs;",
      },
    ],
  },
];
