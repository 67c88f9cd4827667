import type { MutatedFile } from "../mutant.ts";

const FOLDER = "controllers/user-certificate";
const REMOVAL = "controllers/customer-x509-removal";
const PROJECT = "controllers/project-x509";
const ACCESS = "controllers/access";

/** Of the platform team's kinds: who may use a project, its status, and the one call that restarts a database. */
export const PROJECTS: readonly MutatedFile[] = [
  {
    file: `${FOLDER}/core/grant/match-grants.ts`,
    tests: [`${FOLDER}/core/grant/match-grants.test.ts`],
    mutants: [
      {
        why: "a grant is for all namespaces, whatever it names",
        search: "if (namespaces !== undefined && !namespaces.includes(request.namespace)) return false;",
        replacement: "",
      },
      {
        why: "one label of a selector is enough",
        search: "Object.entries(namespaceSelector.matchLabels).every(",
        replacement: "Object.entries(namespaceSelector.matchLabels).some(",
      },
      {
        why: "a selector chooses namespaces whose labels are not known",
        search: "if (labels === undefined) return undefined;",
        replacement: "if (labels === undefined) return true;",
      },
      {
        why: "a grant is for all users, whatever it names",
        search: "return isPlain && isDistinguished;",
        replacement: "return true;",
      },
      {
        why: "a grant without user names is for all users",
        search: "if (usernames === undefined && distinguishedNames === undefined) return false;",
        replacement: "",
      },
      {
        why: "a grant's limit of months is ignored",
        search: "if (months > maxMonths)",
        replacement: "if (months < 0)",
      },
      {
        why: "one more resource than a grant allows",
        search: "olderUses(grant) < maxResources",
        replacement: "olderUses(grant) <= maxResources",
      },
    ],
  },
  {
    file: `${FOLDER}/core/grant/first-holder.ts`,
    tests: [`${FOLDER}/core/grant/first-holder.test.ts`],
    mutants: [
      {
        why: "an old resource that is renamed to a user takes it from the one that has had it for long",
        search: "return leftSince === rightSince ? byAge(left, right) < 0 :",
        replacement: "return byAge(left, right) < 0 ||",
      },
      {
        why: "a resource that is being deleted keeps the user from others",
        search: "!other.deleting &&",
        replacement: "",
      },
    ],
  },
  {
    file: `${FOLDER}/cluster/grants.ts`,
    tests: [
      `${FOLDER}/behaviour/grants.test.ts`,
      `${FOLDER}/behaviour/grants.changes.test.ts`,
      `${FOLDER}/behaviour/grants.taken-users.test.ts`,
    ],
    mutants: [
      {
        why: "a grant that may have been withdrawn counts while the watch of projects is out of date",
        search: 'if (!serving.isCurrent("projects")) return { kind: "unverified" };',
        replacement: "",
      },
      {
        why: "labels of a namespace that may have changed count while their watch is out of date",
        search: 'serving?.isCurrent("namespaces") ? projects',
        replacement: "serving ? projects",
      },
      {
        why: "a younger object for the same project has grants of its own",
        search: "projects.ruling(project.spec.projectId)?.uid === project.uid ? project : undefined",
        replacement: "project",
      },
      {
        why: "a namespace gets the user of another one",
        search: "const isTaken = !verdict.grant.shared && this.#isTaken(project, resource);",
        replacement: "const isTaken = false;",
      },
      {
        why: "a resource without a grant gets the project's credentials",
        search: "if (!isGranted && status.issuance?.projectId !== ruling.spec.projectId)",
        replacement: "if (isGranted && status.issuance?.projectId === undefined && ruling === undefined)",
      },
    ],
  },
  {
    file: `${FOLDER}/project-watches.ts`,
    tests: [`${FOLDER}/project-watches.test.ts`],
    mutants: [
      {
        why: "a watch that fell silent counts as current",
        search: "return isSynced && silenceMs < MAX_SILENCE_MS;",
        replacement: "return isSynced;",
      },
    ],
  },
  {
    file: `${ACCESS}/project-directory.ts`,
    tests: [`${ACCESS}/project-directory.test.ts`],
    mutants: [
      {
        why: "a project is used as a watch that is out of date shows it",
        search: 'if (!serving.isCurrent("projects")) return unusable(OUT_OF_DATE);',
        replacement: "",
      },
      {
        why: "two objects act on one project",
        search: "if (ruling !== undefined && ruling.uid !== project.uid)",
        replacement: "if (ruling === undefined)",
      },
    ],
  },
  {
    file: `${PROJECT}/core/next-status.ts`,
    tests: [`${PROJECT}/core/next-status.test.ts`],
    mutants: [
      {
        why: "customer-managed X.509 is not reported",
        search: "return atlas.authorities.length === 0\n        ? undefined",
        replacement: "return atlas.authorities.length >= 0\n        ? undefined",
      },
      {
        why: "the authorities of the project that was named before are shown",
        search: "const isSame = project.status.observedGeneration === project.generation;",
        replacement: "const isSame = true;",
      },
      {
        why: "a project at rest is written every ten minutes",
        search: "unexpired, enabled, authorities];",
        replacement: "unexpired, customerManagedX509, authorities];",
      },
      {
        why: "resources without a grant count as users of the project",
        search: '!WITHOUT_GRANT.has(findCondition(status, "Ready")?.reason ?? "")',
        replacement: '!WITHOUT_GRANT.has("")',
      },
    ],
  },
  {
    file: `${PROJECT}/reconciler.ts`,
    tests: [`${PROJECT}/reconciler.test.ts`],
    mutants: [
      {
        why: "a process that no longer leads writes the status of a project",
        search: "    signal.throwIfAborted();\n",
        replacement: "",
      },
      {
        why: "the Retry-After of Atlas is ignored for a project",
        search: "Math.min(refreshMs, recheckIntervalMs), asked)",
        replacement: "Math.min(refreshMs, recheckIntervalMs), 0 * asked)",
      },
    ],
  },
  {
    file: `${REMOVAL}/core/decide.ts`,
    tests: [`${REMOVAL}/core/decide.test.ts`],
    mutants: [
      {
        why: "the call is made a second time for a request that is on record",
        search: "if (requestedAt !== undefined) return confirm(snapshot, requestedAt);",
        replacement: "",
      },
      {
        why: "a request that has failed acts after all",
        search:
          'if (conditions.some(({ type, status }) => (type === "Complete" || type === "Failed") && status === "True")) {',
        replacement: "if (conditions.length < 0) {",
      },
      {
        why: "a request acts after its notAfter",
        search: "if (nowMs < Date.parse(spec.notAfter)) return undefined;",
        replacement: "if (nowMs > 0) return undefined;",
      },
      {
        why: "a request may wait for longer than a day",
        search: "if (Date.parse(spec.notAfter) <= latestMs) return undefined;",
        replacement: "if (latestMs > 0) return undefined;",
      },
      {
        why: "certificate authorities that the request does not name are removed as well",
        search: "fingerprints.size === new Set(named).size && named.every(",
        replacement: "named.every(",
      },
      {
        why: "a request acts although one of its authorities is not set",
        search: "&& named.every((one) => fingerprints.has(one));",
        replacement: "&& named.some((one) => fingerprints.has(one));",
      },
      {
        why: "authorities that cannot be read are removed",
        search: 'if (atlas.kind === "read" && isSameSet(',
        replacement: 'if (atlas.kind !== "read" || isSameSet(',
      },
      {
        why: "a request waits for authorities that others have set since",
        search: "const isGone = !atlas.authorities.some(({ fingerprint }) => named.has(fingerprint));",
        replacement: "const isGone = named.size > 0 && atlas.authorities.length === 0;",
      },
      {
        why: "the removal is confirmed by another project",
        search: "if (projectId === undefined || projectId === project.projectId) return undefined;",
        replacement: "if (project.projectId !== undefined) return undefined;",
      },
    ],
  },
  {
    file: `${REMOVAL}/reconciler.ts`,
    tests: [`${REMOVAL}/reconciler.test.ts`, `${REMOVAL}/reconciler.once.test.ts`],
    mutants: [
      {
        why: "two processes both make the call",
        search: '    if (written.kind === "overtaken") return overtaken;\n',
        replacement: "",
      },
      {
        why: "a record that the API server dropped permits another call",
        search: 'if (written.kind === "notKept") {',
        replacement: "if (written === undefined) {",
      },
      {
        why: "a clock that is slow makes a request timely",
        search: "Math.max(clock.now(), answeredAt?.getTime() ?? 0)",
        replacement: "Math.min(clock.now(), answeredAt?.getTime() ?? clock.now())",
      },
      {
        why: "a process that no longer leads records the call",
        search: "    assertLeading();\n    signal.throwIfAborted();\n",
        replacement: "",
      },
    ],
  },
  {
    file: `${REMOVAL}/atlas/remove.ts`,
    tests: [`${REMOVAL}/reconciler.test.ts`, `${REMOVAL}/reconciler.once.test.ts`],
    mutants: [
      {
        why: "a process that lost its lease after the record makes the call",
        search: "    assertLeading();\n    if (!(clock",
        replacement: "    if (!(clock",
      },
      {
        why: "a call that waited for its connection is sent after notAfter",
        search: "if (!(clock.now() < Date.parse(notAfter))) throw new TooLate(notAfter);",
        replacement: "",
      },
      {
        why: "an answer that was lost counts as a refusal",
        search: 'error instanceof AtlasError && error.changed === "unknown"',
        replacement: 'error instanceof AtlasError && error.kind === "aborted"',
      },
    ],
  },
  {
    file: `${REMOVAL}/cluster/removal-status.ts`,
    tests: [`${REMOVAL}/reconciler.test.ts`, `${REMOVAL}/reconciler.once.test.ts`],
    mutants: [
      {
        why: "a dropped record passes for a kept one",
        search: 'isKept ? "written" : "notKept"',
        replacement: '"written"',
      },
    ],
  },
];
