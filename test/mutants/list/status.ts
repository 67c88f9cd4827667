import type { MutatedFile } from "../mutant.ts";

const FOLDER = "controllers/user-certificate/core/status";

/** Of the status and of the next reconcile. */
export const STATUS: readonly MutatedFile[] = [
  {
    file: `${FOLDER}/assessment.ts`,
    tests: [`${FOLDER}/last-attempt.test.ts`, `${FOLDER}/next-status.test.ts`, `${FOLDER}/next-status.attempt.test.ts`],
    mutants: [
      {
        why: "a retry comes up to a second before the time that Atlas asked for",
        search: "return Math.ceil((nowMs + waitMs) / 1000) * 1000;",
        replacement: "return nowMs + waitMs;",
      },
      {
        why: "an outage hides a problem that needs a person",
        search: 'new Set(["RateLimited", "AtlasUnavailable"])',
        replacement: "new Set([])",
      },
      {
        why: "an expired certificate counts as usable",
        search: "if (notAfterMs <= nowMs) {",
        replacement: "if (notAfterMs < 0) {",
        tests: [`${FOLDER}/next-conditions.ready.test.ts`],
      },
    ],
  },
  {
    file: `${FOLDER}/retry-wait.ts`,
    tests: [`${FOLDER}/retry-wait.test.ts`],
    mutants: [
      {
        why: "the backoff outlasts the certificate",
        search: "leftMs > 0 ? Math.max(URGENT_BACKOFF_MS, leftMs / 10) : longestMs;",
        replacement: "longestMs;",
      },
      {
        why: "a resource that was turned away often returns last",
        search: 'blocker.reason === "RateLimited" && askedMs !== undefined ? 1 : failures;',
        replacement: "failures;",
      },
      {
        why: "a wait that Atlas asks for is cut short",
        search: "return Math.max(waitMs, atLeastMs);",
        replacement: "return waitMs;",
      },
    ],
  },
  {
    file: "api/condition-states.ts",
    tests: [`${FOLDER}/next-conditions.test.ts`],
    mutants: [
      {
        why: "each report moves lastTransitionTime, and alerts with a duration never fire",
        search: "previous?.status === status ? previous.lastTransitionTime : timestamp(nowMs)",
        replacement: "timestamp(nowMs)",
      },
    ],
  },
  {
    file: `${FOLDER}/next-conditions.ts`,
    tests: [`${FOLDER}/next-conditions.test.ts`],
    mutants: [
      {
        why: "an overdue renewal that needs a person is not Stalled",
        search: "unusable !== undefined || held === undefined || isOverdue",
        replacement: "unusable !== undefined || held === undefined",
      },
      {
        why: "a certificate that only the process holds is not Stalled",
        search: 'return { status: "True", reason, message: blockerMessage({ ...blocker, problem }) };',
        replacement: 'return { status: "False", reason, message: blockerMessage({ ...blocker, problem }) };',
      },
    ],
  },
  {
    file: `${FOLDER}/next-reconcile.ts`,
    tests: [`${FOLDER}/next-reconcile.test.ts`],
    mutants: [
      {
        why: "Ready stays True after the certificate has expired",
        search: "if (expiryMs !== undefined && expiryMs > nowMs) times.push(expiryMs);",
        replacement: "",
      },
      {
        why: "a list that Atlas refuses is asked for every second",
        search: "isRefused ? nowMs + situation.policy.recheckIntervalMs : nowMs;",
        replacement: "isRefused ? nowMs : nowMs;",
      },
      {
        why: "a cache that lags behind makes the operator spin",
        search: "const SOON_MS = 1000;",
        replacement: "const SOON_MS = 0;",
      },
      {
        why: "Stalled does not turn True when the renewal is due",
        search: "(blocker === undefined || renewalDueMs > nowMs)",
        replacement: "blocker === undefined",
      },
    ],
  },
  {
    file: `${FOLDER}/next-status.ts`,
    tests: [`${FOLDER}/next-status.test.ts`, `${FOLDER}/next-status.attempt.test.ts`],
    mutants: [
      {
        why: "a report takes its own record for another process', and is dropped",
        search: 'if (outcome.kind === "recorded") return before;\n  const isNew',
        replacement: "const isNew",
      },
      {
        why: "an attempt whose response was lost is forgotten",
        search: "return outcome.staysOpen ? outcome.attempt : unsettledAttempt(situation);",
        replacement: "return unsettledAttempt(situation);",
      },
      {
        why: "an answered renewal is asked for again",
        search: 'if (outcome.kind === "issued") return outcome.attempt.renewRequest ?? status.renewRequest;',
        replacement: "",
      },
      {
        why: "the backoff does not grow",
        search: "failures: (applicable?.failures ?? 0) + 1,",
        replacement: "failures: 1,",
        tests: [`${FOLDER}/last-attempt.test.ts`],
      },
      {
        why: "a Secret that was left behind is named for ever",
        search: "one.secretName !== spec.secretName && Date.parse(one.notAfter) > nowMs",
        replacement: "one.secretName !== spec.secretName && nowMs > 0",
      },
    ],
  },
  {
    file: `${FOLDER}/expired-unread.ts`,
    tests: [`${FOLDER}/expired-unread.test.ts`],
    mutants: [
      {
        why: "a certificate that still works is reported as expired",
        search: "Date.parse(notAfter) > nowMs) return undefined;",
        replacement: "nowMs < 0) return undefined;",
      },
    ],
  },
];
