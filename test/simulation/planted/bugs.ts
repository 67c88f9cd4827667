import type { Edit } from "../../edit.ts";
import type { Invariant } from "../invariants/violation.ts";
import type { Feature } from "../plan/features.ts";

/** A defect that the simulation has to find. */
export interface PlantedBug {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** What has to happen for it to show. */
  readonly features: readonly Feature[];
  /** What it breaks, one of them at least. */
  readonly breaks: readonly Invariant[];
  /** Whether `make test` plants it too. @default false */
  readonly isSmoke?: boolean;
}

const CORE = "controllers/user-certificate";

/** Every defect that issuing was built to rule out, one at a time. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: "nothing is recorded before the create",
    edits: [
      {
        file: `${CORE}/issue.ts`,
        search: "const recorded = await statuses.record(assessment, attempt, signal);",
        replacement: "const recorded = await Promise.resolve<string>(typeof statuses && 'recorded');",
      },
    ],
    features: ["crash"],
    breaks: ["d"],
    isSmoke: true,
  },
  {
    name: "the create is repeated after a lost answer",
    edits: [
      {
        file: `${CORE}/issue.ts`,
        search: "      const blocker = atlasBlocker(error, spec);",
        replacement: `      if (error instanceof AtlasError && error.changed === "unknown") {
        return await api.createDatabaseUserCertificate({ groupId, username, userCert: { monthsUntilExpiration } });
      }
      const blocker = atlasBlocker(error, spec);`,
      },
    ],
    features: ["lostAnswers"],
    breaks: ["d"],
    isSmoke: true,
  },
  {
    // Alone it breaks no rule: of two processes that record an attempt, one has lost the lease and is stopped before the create.
    name: "the record has no precondition, and leadership is not checked before the create",
    edits: [
      {
        file: "kube/status-sender.ts",
        search: "const patch = { metadata: { uid, resourceVersion }, status };",
        replacement: "const patch = { metadata: { uid }, status };",
      },
      {
        file: `${CORE}/issue.ts`,
        search: "const assertLeading = this.#options.leadership();",
        replacement: "const assertLeading = () => void this.#options.leadership();",
      },
    ],
    features: ["failover", "freeze"],
    breaks: ["b", "c", "d", "i"],
  },
  {
    name: "the Secret is written without a precondition",
    edits: [
      {
        file: `${CORE}/cluster/secret-requests.ts`,
        search: "      uid: seen.uid,\n      resourceVersion: seen.resourceVersion,\n",
        replacement: "",
      },
    ],
    features: ["foreign", "secrets", "freeze", "failover", "watch"],
    breaks: ["b", "e"],
  },
  {
    name: "the key is not compared with the certificate",
    edits: [
      {
        file: "certificate/key-pair.ts",
        search: "const leaf = parsed.find(({ certificate }) => belongsTogether(certificate, key));",
        replacement: "const leaf = parsed.find(({ certificate }) => belongsTogether(certificate, key)) ?? parsed[0];",
      },
    ],
    features: ["wrong"],
    breaks: ["a", "e"],
  },
  {
    name: "a certificate of another user is accepted",
    edits: [
      {
        file: "certificate/check-issued.ts",
        search: "if (!subjectIsUser(subject, request.username)) {",
        replacement: "if (!subjectIsUser(subject, request.username) && request.username === '') {",
      },
    ],
    features: ["wrong"],
    breaks: ["e"],
    isSmoke: true,
  },
  {
    name: "an old certificate that is sent again is accepted",
    edits: [
      {
        file: "certificate/check-issued.ts",
        search: "if (request.knownSerials?.includes(serialNumber)) return",
        replacement: "if (request.knownSerials?.includes(subject.join())) return",
      },
    ],
    features: ["wrong"],
    breaks: ["b", "c", "h", "i"],
  },
  {
    name: "the budget forgets what lists do not show yet",
    edits: [
      {
        file: `${CORE}/core/decide/limits.ts`,
        search: "    ...history,\n    ...others.issuances,\n",
        replacement: "",
      },
    ],
    features: ["secrets", "listLag", "edits"],
    breaks: ["c"],
  },
  {
    name: "restarts of a workload follow each other without a pause",
    edits: [
      {
        file: `${CORE}/core/decide/restarts.ts`,
        search: "if (restartedMs !== undefined && isWithin(INTERVAL_MS, restartedMs, nowMs)) {",
        replacement: "if (restartedMs !== undefined && nowMs < 0) {",
      },
    ],
    features: ["renew", "secrets"],
    breaks: ["n"],
  },
  {
    name: "the restart for a certificate is forgotten with the process that stored it",
    edits: [
      {
        file: `${CORE}/core/status/pending-restarts.ts`,
        search: "const closed = isStored(situation) ? status.issuance : undefined;",
        replacement: "const closed = undefined;",
      },
      {
        file: `${CORE}/core/status/pending-restarts.ts`,
        search: "return isNewer && status.secretName === spec.secretName;",
        replacement: "return isNewer && false;",
      },
    ],
    features: ["crash", "renew"],
    breaks: ["n"],
  },
  {
    name: "Atlas' list is asked for once",
    edits: [
      {
        file: `${CORE}/snapshot-reader.ts`,
        search: "const atlas = await this.#list(resource, spec, access, urgency, signal)",
        replacement: `const lists = (Reflect.get(this, "lists") as Map<string, ListState>) ?? new Map<string, ListState>();
    Reflect.set(this, "lists", lists);
    const known = lists.get(spec.username);
    const asked = known === undefined ? this.#list(resource, spec, access, urgency, signal) : Promise.resolve(known);
    void asked.then((list) => list.kind === "listed" && lists.set(spec.username, list));
    const atlas = await asked`,
      },
    ],
    features: ["secrets"],
    breaks: ["a", "c", "h", "i"],
  },
  {
    name: "every Secret counts as the operator's",
    edits: [
      {
        file: `${CORE}/cluster/secret-ownership.ts`,
        search: "  const { annotations, otherWriters } = metadata;",
        replacement: "  const { annotations, otherWriters } = metadata;\n  if (metadata.name !== '') return undefined;",
      },
    ],
    features: ["foreign"],
    breaks: ["e"],
    isSmoke: true,
  },
  {
    name: "the attempt is closed before the Secret is written",
    edits: [
      {
        file: `${CORE}/issue.ts`,
        search: "return this.store(resource, situation.secret, parked.add(resource, attempt, pair));",
        replacement: `const waiting = parked.add(resource, attempt, pair);
    const issued: Outcome = { kind: "issued", facts: pair.facts, attempt };
    await statuses.report(assess({ situation, decision, outcome: issued, nowMs: atlasClock.now(), random: 0 }));
    return this.store(resource, situation.secret, waiting);`,
      },
    ],
    features: ["crash", "refusedWrites"],
    breaks: ["a", "b"],
  },
  {
    name: "a backoff is forgotten by a process that did not see it begin",
    edits: [
      {
        file: `${CORE}/core/decide/last-failure.ts`,
        search: "  const endMs = Date.parse(attempt.nextAttemptTime);",
        replacement: `  const seen = (Reflect.get(snapshot.policy, "since") as number) ?? snapshot.nowMs;
  Reflect.set(snapshot.policy, "since", seen);
  if (Date.parse(attempt.time) < seen) return undefined;
  const endMs = Date.parse(attempt.nextAttemptTime);`,
      },
    ],
    features: ["crash", "wrong"],
    breaks: ["l"],
  },
  {
    name: "an attempt whose process died is not counted",
    edits: [
      {
        file: `${CORE}/core/decide/history.ts`,
        search: "const entries = settled === undefined ?",
        replacement: 'const entries = settled === undefined || settled.lost === "AnswerLost" ?',
      },
    ],
    features: ["crash", "listLag", "secrets", "lostAnswers"],
    breaks: ["b", "c"],
  },
  {
    name: "leadership is not asked for before the create",
    edits: [
      {
        file: `${CORE}/issue.ts`,
        search: "const assertLeading = this.#options.leadership();",
        replacement: "const assertLeading = () => void this.#options.leadership();",
      },
    ],
    features: ["failover", "freeze"],
    breaks: ["c", "d"],
  },
  {
    name: "one list without a certificate is believed",
    edits: [
      {
        file: `${CORE}/core/decide/held.ts`,
        search: "const UNLISTED_LISTS = 3;",
        replacement: "const UNLISTED_LISTS = 1;",
      },
      {
        file: `${CORE}/core/decide/held.ts`,
        search: "const UNLISTED_SPAN_MS = 15 * MINUTE_MS;",
        replacement: "const UNLISTED_SPAN_MS = 0 * MINUTE_MS;",
      },
    ],
    features: ["emptyList"],
    breaks: ["i"],
    isSmoke: true,
  },
  {
    name: "the expiry is compared as text",
    edits: [
      {
        file: `${CORE}/core/status/assessment.ts`,
        search: "  if (notAfterMs <= nowMs) {",
        replacement: "  if (new Date(notAfterMs).toUTCString() <= new Date(nowMs).toUTCString()) {",
      },
    ],
    features: [],
    breaks: ["a", "g", "h", "j"],
  },
  {
    name: "a parked certificate is stored after it has expired",
    edits: [
      {
        file: `${CORE}/core/decide/decide.ts`,
        search: "parked.facts.notAfter.getTime() <= nowMs;",
        replacement: "parked.facts.notAfter.getTime() <= 0 * nowMs;",
      },
    ],
    features: ["refusedWrites"],
    breaks: ["e"],
  },
  {
    name: "renewals never count",
    edits: [
      {
        file: `${CORE}/core/decide/limits.ts`,
        search: "...earlier.map((timeMs) => timeMs + DAY_MS)",
        replacement: "...earlier.slice(0, 0)",
      },
    ],
    features: ["lostAnswers", "late"],
    breaks: ["c"],
  },
  {
    name: "attempts for one user are made at the same time",
    edits: [
      {
        file: `${CORE}/issuing-turns.ts`,
        search: "return !this.#users.has(userId);",
        replacement: "return userId !== undefined;",
      },
    ],
    features: ["sharedUser"],
    breaks: ["c"],
  },
  {
    name: "the clock of the machine is believed",
    edits: [{ file: `${CORE}/atlas/atlas-clock.ts`, search: "    this.#skewMs = skewMs;\n", replacement: "" }],
    features: ["bigClock"],
    breaks: ["a", "g", "h", "i"],
  },
  {
    name: "a key that changes while it is worked on is forgotten",
    edits: [
      {
        file: "kube/queue/work-queue.ts",
        search: "    if (item.dirty !== undefined) this.add",
        replacement: "    if (item.dirty !== undefined && key === '') this.add",
      },
    ],
    features: ["edits", "secrets", "kubeErrors"],
    breaks: ["a", "g", "h", "j"],
  },
  {
    name: "the lease is taken from whoever holds it",
    edits: [
      {
        file: "kube/lease/lease-object.ts",
        search: "return this.holder !== undefined && this.holder !== identity && this.expiresInMs(now) > 0;",
        replacement: "return this.holder !== undefined && this.holder !== identity && this.expiresInMs(now) > 1e9;",
      },
    ],
    features: ["failover", "freeze", "edits", "secrets", "renew"],
    breaks: ["b", "c", "d", "h", "i", "l"],
  },
];
