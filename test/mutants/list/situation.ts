import type { MutatedFile } from "../mutant.ts";

const FOLDER = "controllers/user-certificate/core/decide";

/** Of the situation that a decision is made in: what is read from the caches, and what follows from it. */
export const SITUATION: readonly MutatedFile[] = [
  {
    file: `${FOLDER}/secret-holder.ts`,
    tests: [`${FOLDER}/secret-holder.test.ts`],
    mutants: [
      {
        why: "a claimant that is being deleted blocks its successor",
        search: "claimants.filter(({ deleting }) => !deleting).toSorted(byAge)",
        replacement: "claimants.toSorted(byAge)",
      },
      {
        why: "a certificate under way is issued for a Secret that another resource takes",
        search: "const first = living.find(isIssuing) ?? living[0];",
        replacement: "const first = living[0] ?? living.find(isIssuing);",
      },
      {
        why: "an attempt that only waits takes the Secret of another resource",
        search: ' && findCondition(status, "Issuing")?.reason !== "SecretClaimedTwice"',
        replacement: "",
      },
      {
        why: "a resource that was recreated under the same name gets the Secret of the one before",
        search: "secret.metadata.annotations[SECRET_ANNOTATIONS.certificateUid] === uid",
        replacement: "uid.length > 0",
      },
    ],
  },
  {
    file: `${FOLDER}/others-of-user.ts`,
    tests: [`${FOLDER}/others-of-user.test.ts`],
    mutants: [
      {
        why: "resources that are being deleted raise the limit of their user",
        search: "isSameUser(other.spec, spec) && !other.deleting)",
        replacement: "isSameUser(other.spec, spec))",
      },
      {
        why: "a resource that is deleted and applied again escapes the limits",
        search: "...departed.flatMap((one) => one.issuances),",
        replacement: "",
      },
      {
        why: "a certificate whose key is lost is explained by the resource that lost it",
        search: "filter(({ lost }) => lost === undefined)",
        replacement: "filter(({ serialNumber }) => serialNumber !== undefined)",
      },
    ],
  },
  {
    file: `${FOLDER}/held.ts`,
    tests: [`${FOLDER}/held.test.ts`, `${FOLDER}/decide.test.ts`],
    mutants: [
      {
        why: "a time that a wrong clock wrote binds for years",
        search: "return Math.abs(nowMs - timeMs) < spanMs;",
        replacement: "return nowMs - timeMs < spanMs;",
      },
      {
        why: "a forged certificate is proven by its serial number",
        search: "if (serialNumber !== held.serialNumber || !isSameTime) return false;",
        replacement: "if (serialNumber !== held.serialNumber) return false;",
      },
      {
        why: "a certificate under the serial number of the proven one passes for it",
        search:
          "return fingerprint !== undefined && serialNumber === held.serialNumber && fingerprint !== held.fingerprint;",
        replacement: "return false;",
      },
      {
        why: "a list of another user is evidence against the certificate in the Secret",
        search: "const doubt = change === undefined ? ",
        replacement: "const doubt = change !== null ? ",
      },
      {
        why: "a certificate of another user than the spec's is searched for again and again",
        search: "identityChange === undefined ? lastMs : listedMs",
        replacement: "lastMs",
      },
      {
        why: "two lists are enough to give a certificate up",
        search: "const UNLISTED_LISTS = 3;",
        replacement: "const UNLISTED_LISTS = 2;",
      },
      {
        why: "lists in quick succession give a certificate up",
        search: "return Math.abs(nowMs - doubt.sinceMs) >= unlistedSpanMs(policy);",
        replacement: "return true;",
        tests: [`${FOLDER}/issue-triggers.test.ts`],
      },
      {
        why: "resources that were made together ask Atlas together",
        search: "(1 - 0.2 * fractionOf(resource.uid))",
        replacement: "1",
      },
      {
        why: "a resource takes another's certificate for its own",
        search: 'if (secret.kind !== "managed" || secretHolder !== undefined) return undefined;',
        replacement: 'if (secret.kind !== "managed") return undefined;',
      },
      {
        why: "a list that is up to date is not believed after a replacement",
        search: 'return atlas.kind !== "listed" || !atlas.certificates.some(isNewer);',
        replacement: "return true || isNewer;",
        tests: [`${FOLDER}/blockers.test.ts`],
      },
    ],
  },
  {
    file: `${FOLDER}/last-failure.ts`,
    tests: [`${FOLDER}/last-failure.test.ts`],
    mutants: [
      {
        why: "new credentials are tried only after the backoff",
        search: "lastAttempt.credentialsVersion === credentials.version &&",
        replacement: "",
      },
      {
        why: "resources wait for their backoff although customer-managed X.509 is off",
        search: "!isSwitchedOffSince(project, lastAttempt);",
        replacement: "true;",
      },
      {
        why: "an answer of Atlas from before a failure ends its backoff",
        search: "project.customerManagedOffMs >= Date.parse(time)",
        replacement: "time !== undefined",
      },
      {
        why: "a requested renewal waits for the backoff",
        search: "lastAttempt.renewRequest === resource.renewRequest &&",
        replacement: "",
      },
      {
        why: "a backoff that a clock far ahead wrote lasts for years",
        search: "endMs > nowMs && isWithin(longestMs, endMs, nowMs) ?",
        replacement: "endMs > nowMs ?",
      },
    ],
  },
  {
    file: `${FOLDER}/open-attempt.ts`,
    tests: [`${FOLDER}/open-attempt.test.ts`],
    mutants: [
      {
        why: "a refused list closes the record of an attempt",
        search: 'attempted.kind === "refused" && attempted !== atlas && attempted.blocker',
        replacement: 'attempted.kind === "refused" && attempted.blocker',
      },
      {
        why: "a successor waits for ever for a process that is gone",
        search: "return !isStored && untilMs > nowMs && isWithin(",
        replacement: "return !isStored && isWithin(",
      },
    ],
  },
  {
    file: `${FOLDER}/history.ts`,
    tests: [`${FOLDER}/history.test.ts`],
    mutants: [
      {
        why: "a certificate of the new user is taken for the lost one of the former user",
        search: "if (entry.serialNumber !== undefined || !isOfUser(entry, listedUser)) return entry;",
        replacement: "if (entry.serialNumber !== undefined || (listedUser && !entry)) return entry;",
      },
      {
        why: "Atlas' whole seconds separate an attempt from its certificate",
        search: "const STAMP_TOLERANCE_MS = 2000;",
        replacement: "const STAMP_TOLERANCE_MS = 0;",
        tests: [`${FOLDER}/history.test.ts`, `${FOLDER}/limits.test.ts`],
      },
      {
        why: "a status grows without bound",
        search: "const MAX_ENTRIES = 40;",
        replacement: "const MAX_ENTRIES = 4000;",
      },
      {
        why: "the restored Secret of a moved resource is renewed without need",
        search: "if (status.revision === undefined || renewRequest === undefined) return false;",
        replacement: "if (renewRequest === undefined) return false;",
        tests: [`${FOLDER}/history.test.ts`, `${FOLDER}/issue-triggers.test.ts`, `${FOLDER}/decide.test.ts`],
      },
    ],
  },
  {
    file: `${FOLDER}/limits.ts`,
    tests: [`${FOLDER}/limits.test.ts`],
    mutants: [
      {
        why: "resources of one user block each other's first certificates",
        search: "policy.maxIssuesPerDay + others.count",
        replacement: "policy.maxIssuesPerDay",
      },
      {
        why: "a renewal that is due is exempt from the limits again and again",
        search: "...earlier.map((timeMs) => timeMs + DAY_MS)",
        replacement: "...earlier.slice(earlier.length)",
      },
      {
        why: "the renewal of a certificate that Atlas does not list is exempt from the limits",
        search: " || isListed === false) return undefined;",
        replacement: ") return undefined;",
      },
      {
        why: "an attempt whose outcome is unknown does not count",
        search: ": [issuance, ...others.attempts];",
        replacement: ": others.attempts;",
      },
      {
        why: "a certificate that no resource explains does not count",
        search: "unexplained.push(createdAt.getTime());\n    bySerial.set(serialNumber, createdAt.getTime());",
        replacement: "unexplained.push(createdAt.getTime());",
      },
      {
        why: "an attempt whose certificate the list shows counts twice",
        search: "return index === -1;",
        replacement: "return true;",
      },
    ],
  },
];
