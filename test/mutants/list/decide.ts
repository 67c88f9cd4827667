import type { MutatedFile } from "../mutant.ts";

const FOLDER = "controllers/user-certificate/core/decide";

/** Of the decisions. */
export const DECIDE: readonly MutatedFile[] = [
  {
    file: `${FOLDER}/decide.ts`,
    tests: [`${FOLDER}/decide.test.ts`, `${FOLDER}/needs-atlas.test.ts`],
    mutants: [
      {
        why: "a parked certificate replaces one that was issued in the same second",
        search: "return notBefore >= facts.notBefore;",
        replacement: "return notBefore > facts.notBefore;",
      },
      {
        why: "a parked key is thrown away on the word of a clock that was just set",
        search: "isClockMeasured && parked.facts.notAfter.getTime() <= nowMs",
        replacement: "parked.facts.notAfter.getTime() <= nowMs",
      },
      {
        why: "a parked certificate is stored by a clock that was just set",
        search: '(!isTimeAsked || decision.kind === "store")',
        replacement: "!isTimeAsked",
      },
      {
        why: "each worker of a start asks Atlas for its time",
        search:
          'if (!isClockMeasured && !isParkedElsewhere && (!isTimeAsked || decision.kind === "store")) return true;',
        replacement: "if (!isClockMeasured && !isParkedElsewhere) return true;",
      },
      {
        why: "a parked certificate of another user is written into the Secret",
        search: "if (!isSameUser(parked.attempt, resource.spec))",
        replacement: "if (Number.isNaN(resource.generation))",
      },
      {
        why: "a suspended resource still calls Atlas",
        search: "if (resource.spec.suspend && !isAwaiting) return false;",
        replacement: "",
      },
      {
        why: "something is issued on the word of a cache",
        search: 'if (decision.kind === "issue") return true;',
        replacement: 'if (decision.kind === "issue") return false;',
      },
      {
        why: "what became of an open attempt is never looked up",
        search: "if (resource.status.issuance !== undefined && !isParkedHere && !isParkedElsewhere) return true;",
        replacement: "",
      },
    ],
  },
  {
    file: `${FOLDER}/blockers.ts`,
    tests: [`${FOLDER}/blockers.test.ts`, `${FOLDER}/decide.test.ts`],
    mutants: [
      {
        why: "a Secret that is being deleted is written to",
        search: "  secretTerminating,\n  ownCredentialsForbidden,",
        replacement: "  ownCredentialsForbidden,",
      },
    ],
  },
  {
    file: `${FOLDER}/issue-blockers.ts`,
    tests: [`${FOLDER}/blockers.test.ts`, `${FOLDER}/blockers.explained.test.ts`, `${FOLDER}/decide.test.ts`],
    mutants: [
      {
        why: "lists that are wrong cost one certificate after another",
        search: "  replacedUnlisted,\n",
        replacement: "",
      },
      {
        why: "one more certificate a day than the limit",
        search: "issuedMs.length < maxPerDay ||",
        replacement: "issuedMs.length <= maxPerDay ||",
      },
      {
        why: "the daily limit is over too early or too late",
        search: "toSorted((left, right) => right - left)",
        replacement: "toSorted((left, right) => left - right)",
      },
      {
        why: "one more unexpired certificate than the limit",
        search: "unexpired < policy.maxUnexpiredPerUser ||",
        replacement: "unexpired <= policy.maxUnexpiredPerUser ||",
      },
      {
        why: "one more certificate than the limit may be lost with a namespace",
        search: "inNamespace >= MAX_PARKED_IN_NAMESPACE",
        replacement: "inNamespace > MAX_PARKED_IN_NAMESPACE",
      },
      {
        why: "an attempt for a deleted user blocks the resource for ever",
        search: 'attempted.kind === "refused" && !attempted.blocker.needsPerson ?',
        replacement: 'attempted.kind === "refused" ?',
      },
    ],
  },
  {
    file: `${FOLDER}/contention.ts`,
    tests: [`${FOLDER}/blockers.test.ts`, `${FOLDER}/decide.test.ts`],
    mutants: [
      {
        why: "a fight for a Secret costs one more certificate a day",
        search: "const MAX_DAMAGE_PER_DAY = 2;",
        replacement: "const MAX_DAMAGE_PER_DAY = 3;",
      },
      {
        why: "a certificate that never reached the Secret counts as another writer's damage",
        search: " && replaces !== undefined && lost === undefined)",
        replacement: " && replaces !== undefined)",
      },
      {
        why: "one more repair an hour than the limit",
        search: "recent.length < MAX_REPAIRS_PER_HOUR",
        replacement: "recent.length <= MAX_REPAIRS_PER_HOUR",
      },
    ],
  },
  {
    file: `${FOLDER}/issue-triggers.ts`,
    tests: [`${FOLDER}/issue-triggers.test.ts`],
    mutants: [
      {
        why: "a renewal is not due at its time",
        search: "nowMs < renewalDueMs)",
        replacement: "nowMs <= renewalDueMs)",
      },
      {
        why: "a forged certificate is not replaced",
        search: " ?? replacedUnderItsSerial(situation)]",
        replacement: "]",
      },
    ],
  },
  {
    file: `${FOLDER}/unaccounted.ts`,
    tests: [`${FOLDER}/unaccounted.test.ts`],
    mutants: [
      {
        why: "an expired certificate is reported for ever",
        search: "!explained.has(serialNumber) && Date.parse(notAfter) > nowMs",
        replacement: "!explained.has(serialNumber) && nowMs > 0 && notAfter",
      },
      {
        why: "a lost certificate is not reported",
        search: ".filter(({ lost }) => lost === undefined)",
        replacement: ".filter(() => true)",
      },
      {
        why: "what was there before the resource is reported as news",
        search: "Date.parse(createdAt) >= Date.parse(since)",
        replacement: "since !== undefined",
      },
    ],
  },
  {
    file: `${FOLDER}/secret-differences.ts`,
    tests: [`${FOLDER}/secret-differences.test.ts`],
    mutants: [
      {
        why: "an owner reference to a deleted resource stays, and the Secret is garbage-collected",
        search: "return ours.length === 1 && ours[0]?.uid === resource.uid;",
        replacement: "return ours.length === 1 || resource === undefined;",
      },
      {
        why: "a connection string that someone else put into the Secret is taken away",
        search: "return present === undefined || !metadata.ownDataKeys.includes(key);",
        replacement: "return present === undefined;",
      },
      {
        why: "a keystore under another password stays",
        search: "return metadata.annotations[KEYSTORE_ANNOTATION] === mark;",
        replacement: "return metadata.annotations[KEYSTORE_ANNOTATION] !== undefined && mark !== undefined;",
      },
      {
        why: "a keystore is rewritten on and on while its password is missing",
        search: 'if (keystorePassword.kind !== "usable") return true;',
        replacement: 'if (keystorePassword.kind !== "usable") return false;',
      },
      {
        why: "formats that apps ask for are not written",
        search: '...(content.formatsCurrent ? [] : ["PEM files"]),',
        replacement: "",
      },
    ],
  },
  {
    file: `${FOLDER}/urgency.ts`,
    tests: [`${FOLDER}/urgency.test.ts`],
    mutants: [
      {
        why: "verifications go before first certificates",
        search: 'decision.kind === "issue" ? "renew" : "verify"',
        replacement: '"renew"',
      },
    ],
  },
];
