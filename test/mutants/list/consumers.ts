import type { MutatedFile } from "../mutant.ts";

const USER_CERTIFICATE = "controllers/user-certificate";
const FOLDER = `${USER_CERTIFICATE}/core/consumers`;

/** Of the count of pods that use an old certificate. */
export const CONSUMERS: readonly MutatedFile[] = [
  {
    file: `${FOLDER}/next-consumers.ts`,
    tests: [`${FOLDER}/next-consumers.test.ts`],
    mutants: [
      {
        why: "a pod that started in the second of the renewal counts as up to date",
        search: "if (readMs > this.#replacedMs) {",
        replacement: "if (readMs >= this.#replacedMs) {",
      },
      {
        why: "a new pod counts as unknown for as long as it lives",
        search: "createdMs < replacedMs && mountedMs",
        replacement: "createdMs <= replacedMs && mountedMs",
      },
      {
        why: "the status promises more time than the oldest certificate has",
        search: "this.#untilMs = Math.min(",
        replacement: "this.#untilMs = Math.max(0, ",
      },
      {
        why: "the same warning is sent every ten minutes",
        search: "sinceMs < time && time <= nowMs",
        replacement: "time <= nowMs",
      },
      {
        why: "the status is written every ten minutes",
        search: "if (before !== undefined && !isWarning && isSame(",
        replacement: "if (before === undefined && !isWarning && isSame(",
      },
    ],
  },
  {
    file: `${FOLDER}/pod-uses.ts`,
    tests: [`${FOLDER}/pod-uses.test.ts`],
    mutants: [
      {
        why: "an app that reloads is reported although no file of it is old",
        search: "const isReloaded = reloads && ",
        replacement: "const isReloaded = !reloads && ",
      },
      {
        why: "a Job that has finished is reported",
        search: 'new Set(["Succeeded", "Failed"])',
        replacement: 'new Set(["Succeeded"])',
      },
      {
        why: "a keystore that an init container made of the old certificate is not noticed",
        search: "look(spec.initContainers, status.initContainerStatuses, true);",
        replacement: "look(spec.initContainers, status.initContainerStatuses);",
      },
      {
        why: "an app that takes nothing but the connection string from the Secret is reported",
        search: "references.filter(({ key }) => RENEWED.has(key))",
        replacement: "references",
      },
    ],
  },
  {
    file: `${USER_CERTIFICATE}/consumer-counts.ts`,
    tests: [`${USER_CERTIFICATE}/consumer-counts.test.ts`],
    mutants: [
      {
        why: "each of many renewals lists all pods of the namespace",
        search: "if (waitMs > 0) return",
        replacement: "if (waitMs > Number.MAX_VALUE) return",
      },
      {
        why: "outdated pods are announced up to ten minutes late",
        search: "Math.min(clock.now() + INTERVAL_MS, ...warningsMs)",
        replacement: "clock.now() + INTERVAL_MS",
      },
      {
        why: "an orderly end is logged and counted as a failed list",
        search: "if (signal.aborted) throw error;",
        replacement: "",
      },
      {
        why: "the pods of the certificate before are reported for the new one",
        search: " || resource.status.serialNumber !== before.status.serialNumber) return undefined;",
        replacement: ") return undefined;",
      },
      {
        why: "one status that cannot be written keeps the others from being written",
        search: "const reports = await Promise.allSettled(renewed.map((one) => this.#reportOne(one)));",
        replacement:
          'const reports: PromiseSettledResult<number | undefined>[] = [];\n    for (const one of renewed) reports.push({ status: "fulfilled", value: await this.#reportOne(one) });',
      },
    ],
  },
];
