import type { MutatedFile } from "../mutant.ts";

const FOLDER = "controllers/user-certificate";

/** Of what reads, decides, acts and reports in order. */
export const SHELL: readonly MutatedFile[] = [
  {
    file: `${FOLDER}/snapshot-reader.ts`,
    tests: [`${FOLDER}/behaviour/open-attempt.test.ts`],
    mutants: [
      {
        why: "a stored certificate is taken for lost, since the cache has not seen its Secret",
        search: "const isOnRecord = resource.status.issuance !== undefined;",
        replacement: "const isOnRecord = false;",
        tests: [
          `${FOLDER}/behaviour/crash.test.ts`,
          `${FOLDER}/behaviour/successor.test.ts`,
          `${FOLDER}/behaviour/open-attempt.test.ts`,
        ],
      },
      {
        why: "an attempt for an earlier user is judged by the list of the new one",
        search: "if (issuance === undefined || isSameUser(issuance, spec)) return { atlas, attempted: atlas };",
        replacement: "if (issuance === undefined || spec) return { atlas, attempted: atlas };",
        tests: [
          `${FOLDER}/behaviour/open-attempt.test.ts`,
          `${FOLDER}/behaviour/unaccounted.test.ts`,
          `${FOLDER}/behaviour/unaccounted.shared-user.test.ts`,
        ],
      },
    ],
  },
  {
    file: `${FOLDER}/reconciler.ts`,
    tests: [`${FOLDER}/reconciler.test.ts`, `${FOLDER}/reconciler.unreadable-secret.test.ts`],
    mutants: [
      {
        why: "a certificate near expiry waits behind all others",
        search: "priority: hoursLeft(assessment) };",
        replacement: "priority: 0 * hoursLeft(assessment) };",
      },
      {
        why: "an expiry goes unreported if the time limit of the whole item ends the read",
        search: "const isCalledOff = signal.aborted && !(signal.reason instanceof DeadlineReached);",
        replacement: "const isCalledOff = signal.aborted;",
      },
      {
        why: "a process that may no longer lead writes a status",
        search: "const isCalledOff = signal.aborted && !(signal.reason instanceof DeadlineReached);",
        replacement: "const isCalledOff = false;",
      },
      {
        why: "something is issued for a resource that is being deleted",
        search: "if (resource === undefined || resource.deleting) return",
        replacement: "if (resource === undefined) return",
        tests: [
          `${FOLDER}/reconciler.test.ts`,
          `${FOLDER}/reconciler.unreadable-secret.test.ts`,
          `${FOLDER}/issue.test.ts`,
          `${FOLDER}/issue.nothing-created.test.ts`,
          `${FOLDER}/controller.test.ts`,
        ],
      },
      {
        why: "an attempt that was never sent uses up the limits",
        search: "await this.#options.statuses.withdraw(resource, unsent);",
        replacement: "",
        tests: [
          `${FOLDER}/issue.test.ts`,
          `${FOLDER}/issue.nothing-created.test.ts`,
          `${FOLDER}/behaviour/open-attempt.test.ts`,
          `${FOLDER}/behaviour/crash.test.ts`,
          `${FOLDER}/behaviour/successor.test.ts`,
        ],
      },
      {
        why: "a turn that is never over blocks the user's other resources",
        search: "    } finally {\n      endTurn();",
        replacement: "    } finally {",
        tests: [`${FOLDER}/issuing-turns.test.ts`],
      },
      {
        why: "two writers repair a Secret against each other without end",
        search: "this.#noteRepair(resource);\n",
        replacement: "",
        tests: [`${FOLDER}/behaviour/contention.test.ts`],
      },
    ],
  },
  {
    file: `${FOLDER}/issue.ts`,
    tests: [
      `${FOLDER}/issue.test.ts`,
      `${FOLDER}/issue.nothing-created.test.ts`,
      `${FOLDER}/behaviour/crash.test.ts`,
      `${FOLDER}/behaviour/successor.test.ts`,
    ],
    mutants: [
      {
        why: "an attempt that wasted a certificate is repeated at once",
        search: "blocker: answerUnusable(problem, calendar)",
        replacement: "blocker: answerUnusable(problem, { ...calendar, wasteWaitMs: 0 })",
      },
      {
        why: "a process that was frozen since its record issues beside its successor",
        search: 'assertLeading();\n    if (!isAllowed(resource)) return { kind: "overtaken" };',
        replacement: 'if (!isAllowed(resource)) return { kind: "overtaken" };',
      },
      {
        why: "a create that waited for its turn is sent after the lease is lost",
        search: ", timeoutMs: CREATE_TIMEOUT_MS, beforeSending }",
        replacement: ", timeoutMs: CREATE_TIMEOUT_MS }",
      },
      {
        why: "a response that was lost closes the record of the attempt",
        search: 'const staysOpen = error instanceof AtlasError && error.changed === "unknown";',
        replacement: "const staysOpen = false;",
      },
      {
        why: "a certificate for another user is stored",
        search: "return problem === undefined ? read.pair : unusable(problem, attempt, calendar);",
        replacement: "return read.pair;",
      },
      {
        why: "a certificate that is stored stays in the operator's memory as parked",
        search: "this.#options.parked.remove(resource.uid);\n      return",
        replacement: "return",
        tests: [
          `${FOLDER}/behaviour/parked-certificate.test.ts`,
          `${FOLDER}/behaviour/parked-certificate.lost.test.ts`,
        ],
      },
      {
        why: "the dry run that missed the fault is believed again",
        search: 'situation.history.at(-1)?.lost === "NotStored";',
        replacement: "false;",
        tests: [`${FOLDER}/behaviour/preflight.test.ts`],
      },
      {
        why: "the certificate in use is taken for the one of the new attempt",
        search: "...(held === undefined ? [] : [held]), ",
        replacement: "",
      },
      {
        why: "an answer that belongs to another resource of the user is stored",
        search: "...own, ...others.explained]",
        replacement: "...own]",
        tests: [`${FOLDER}/behaviour/lost-answers.test.ts`],
      },
      {
        why: "the new record takes the place of an older one before its certificate is reported",
        search: "announcer.announceFindings(assessment);\n    memory.unsent",
        replacement: "memory.unsent",
        tests: [
          `${FOLDER}/behaviour/unaccounted.test.ts`,
          `${FOLDER}/behaviour/unaccounted.shared-user.test.ts`,
          `${FOLDER}/behaviour/open-attempt.test.ts`,
        ],
      },
    ],
  },
  {
    file: `${FOLDER}/issuing-turns.ts`,
    tests: [`${FOLDER}/issuing-turns.test.ts`],
    mutants: [
      {
        why: "three certificates at a time go into a namespace that refuses Secrets",
        search: "this.#options.parkedIn(namespace) > 0 ? 1 : MAX_IN_NAMESPACE",
        replacement: "MAX_IN_NAMESPACE",
      },
      {
        why: "a resource that waits for its namespace's turn waits a minute",
        search: "else this.#namespaces.delete(turn);\n      this.#wakeNext();",
        replacement: "else this.#namespaces.delete(turn);",
      },
      {
        why: "two resources issue for one user at the same time",
        search: "return !this.#users.has(userId);",
        replacement: "return userId !== undefined;",
      },
    ],
  },
  {
    file: `${FOLDER}/hand-over.ts`,
    tests: [`${FOLDER}/hand-over.test.ts`],
    mutants: [
      {
        why: "a process that stopped writes over its successor's certificate",
        search: "status.issuance?.id === attempt.id && isSameUser",
        replacement: "status && isSameUser",
      },
      {
        why: "a process that stopped outruns its successor's patience",
        search: "const STORE_MS = WAIT_MS - 35_000;",
        replacement: "const STORE_MS = WAIT_MS + 35_000;",
      },
    ],
  },
  {
    file: `${FOLDER}/announce.ts`,
    tests: [`${FOLDER}/announce.test.ts`, `${FOLDER}/announce.findings.test.ts`],
    mutants: [
      {
        why: "the same Event is sent with each reconcile",
        search: "if (memory.announced?.has(what)) return false;",
        replacement: "",
      },
    ],
  },
  {
    file: "command/issues-left.ts",
    tests: ["command/issues-left.test.ts"],
    mutants: [
      {
        why: "a reconcile without a list forgets certificates that were issued elsewhere",
        search: 'atlas.kind !== "listed" && known?.user === user',
        replacement: 'atlas.kind === "listed" && known?.user === user',
      },
      {
        why: "the budget of a former user counts for the next one",
        search: " && known?.user === user",
        replacement: "",
      },
      {
        why: "a parked certificate uses the budget up twice",
        search: 'decision.kind === "issue" && outcome.kind === "issued" ?',
        replacement: 'outcome.kind === "issued" ?',
      },
    ],
  },
];
