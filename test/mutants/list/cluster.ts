import type { MutatedFile } from "../mutant.ts";

const FOLDER = "controllers/user-certificate";

/** Of what reads and writes the cluster, and of the way to Atlas. */
export const CLUSTER: readonly MutatedFile[] = [
  {
    file: "controllers/access/atlas-access.ts",
    tests: ["controllers/access/atlas-access.test.ts"],
    mutants: [
      {
        why: "a failed read of a credentials Secret stays cached",
        search: "if (this.#known.get(key)?.access === access) this.#known.delete(key);",
        replacement: "",
      },
      {
        why: "changed credentials are never used",
        search: "if (opened?.content === content) return opened.access;",
        replacement: "if (opened !== undefined) return opened.access;",
      },
      {
        why: "a token is obtained for each change of a Secret's labels",
        search: "if (opened?.content === content) return opened.access;",
        replacement: "",
      },
      {
        why: "a Secret without the label lends its credentials",
        search: "this.#options.labelled.get(objectKey(ref)) === undefined ?",
        replacement: "this.#options.labelled === undefined ?",
      },
    ],
  },
  {
    file: "controllers/access/credentials-gate.ts",
    tests: ["controllers/access/credentials-gate.test.ts", "controllers/access/credentials-gate.changes.test.ts"],
    mutants: [
      {
        why: "rejected credentials are sent by each resource",
        search: "if (now < phase.untilMs) throw rejected(",
        replacement: "if (phase.untilMs < 0) throw rejected(",
      },
      {
        why: "credentials that were replaced are still sent",
        search: "if (keeper.holder !== holder) throw replaced(call.operation);",
        replacement: "",
      },
      {
        why: "the recheck of rejected credentials does not slow down",
        search: "holder.rejections += 1;",
        replacement: "",
      },
      {
        why: "one project that hangs holds up all others",
        search: "if (isSilence) {\n        shared = error;",
        replacement: "if (isSilence) {",
      },
    ],
  },
  {
    file: `${FOLDER}/atlas/atlas-clock.ts`,
    tests: [`${FOLDER}/atlas/atlas-clock.test.ts`],
    mutants: [
      {
        why: "the rounding of Atlas' seconds counts as skew",
        search: "const skewMs = Math.abs(differenceMs) < TOLERANCE_MS ? 0 : differenceMs;",
        replacement: "const skewMs = differenceMs;",
      },
      {
        why: "an answer that was long on its way counts as skew",
        search: "Math.max(answeredMs - nowMs, Math.min(this.#skewMs, answeredMs - askedMs))",
        replacement: "answeredMs - nowMs",
      },
      {
        why: "a clock that was set since counts as measured",
        search: "(this.#clock.monotonic() - monotonic)) < MOVED_MS;",
        replacement: "(this.#clock.monotonic() - monotonic)) >= 0;",
      },
    ],
  },
  {
    file: `${FOLDER}/cluster/secret-preflight.ts`,
    tests: [`${FOLDER}/cluster/secret-preflight.test.ts`, `${FOLDER}/behaviour/preflight.test.ts`],
    mutants: [
      {
        why: "the rehearsal of a write stores a stand-in",
        search: "{ dryRun: true, metadataOnly: true, signal }",
        replacement: "{ dryRun: false, metadataOnly: true, signal }",
      },
      {
        why: "a storage that fails costs a certificate for each attempt",
        search: "if (isReal) await this.#writeForReal(resource, seen, signal);",
        replacement: "",
      },
    ],
  },
  {
    file: `${FOLDER}/cluster/secret-writer.ts`,
    tests: [`${FOLDER}/cluster/secret-writer.test.ts`],
    mutants: [
      {
        why: "a write that others overtook is not fitted to the Secret",
        search: "conflicts < MAX_CONFLICTS;",
        replacement: "conflicts < 0;",
      },
      {
        why: "a write whose response was lost is made again",
        search: 'if (held?.fingerprint === facts.fingerprint) return { kind: "stored" };',
        replacement: "",
      },
      {
        why: "a newer certificate in the Secret is replaced by an older one",
        search: 'if (held !== undefined && isSuperseded({ attempt, facts }, held)) return { kind: "superseded" };',
        replacement: "",
      },
      {
        why: "a certificate goes into the Secret of another resource",
        search: "(await this.#claimed(resource, seen));",
        replacement: "undefined;",
      },
    ],
  },
  {
    file: `${FOLDER}/cluster/secret-requests.ts`,
    tests: [`${FOLDER}/cluster/secret-writer.test.ts`, `${FOLDER}/cluster/secret-writer.repair.test.ts`],
    mutants: [
      {
        why: "a write goes over what others changed",
        search: "resourceVersion: seen.resourceVersion,\n      labels:",
        replacement: "labels:",
      },
      {
        why: "a label that is no longer asked for stays",
        search: "labels: { ...nulls(leftOver(seen.labels, desired.labels, seen.ownLabelKeys)), ...desired.labels },",
        replacement: "labels: { ...desired.labels },",
      },
    ],
  },
  {
    file: "kube/status-sender.ts",
    tests: [`${FOLDER}/cluster/status-writer.test.ts`],
    mutants: [
      {
        why: "two processes record an attempt of one resource",
        search: "const patch = { metadata: { uid, resourceVersion }, status };",
        replacement: "const patch = { metadata: { uid }, status };",
      },
    ],
  },
  {
    file: `${FOLDER}/cluster/status-writer.ts`,
    tests: [`${FOLDER}/cluster/status-writer.test.ts`],
    mutants: [
      {
        why: "a report closes the record of another process",
        search: " || status.revision !== before.revision;",
        replacement: ";",
      },
      {
        why: "a certificate is issued without a record, since the CRD dropped it",
        search:
          'if (written.valid && mergePatchOf(attempt, written.status.issuance ?? {}) === undefined) return "recorded";',
        replacement: 'if (written.valid && attempt) return "recorded";',
      },
      {
        why: "another process' record is taken back",
        search: "return onRecord !== undefined && onRecord.id !== id ? undefined : { issuance: null };",
        replacement: "return { issuance: null };",
      },
    ],
  },
  {
    file: `${FOLDER}/cluster/departed-histories.ts`,
    tests: [`${FOLDER}/behaviour/limits.test.ts`],
    mutants: [
      {
        why: "a resource that is deleted and applied again escapes the limits",
        search: "nowMs - atMs < DAY_MS",
        replacement: "nowMs - atMs < 0",
      },
    ],
  },
  {
    file: `${FOLDER}/cluster/secret-ownership.ts`,
    tests: [`${FOLDER}/cluster/secret-ownership.test.ts`],
    mutants: [
      {
        why: "a copied annotation makes a Secret the operator's",
        search: "if (!UUID.test(uid)) return",
        replacement: "if (uid === UUID.source) return",
      },
      {
        why: "a Secret of another type is written to",
        search: "if (secret.type !== SECRET_TYPE) return",
        replacement: "if (secret === undefined) return",
      },
      {
        why: "a Secret whose annotations were stripped is given up",
        search: "content.facts.fingerprint === fingerprint)",
        replacement: "fingerprint === madeBy)",
      },
    ],
  },
  {
    file: `${FOLDER}/cluster/secret-inspector.ts`,
    tests: [`${FOLDER}/cluster/secret-inspector.test.ts`],
    mutants: [
      {
        why: "a cache that lags behind is believed although a write has disproved it",
        search: "=== undefined && !this.#doubted.has(key)) return",
        replacement: "=== undefined) return",
      },
      {
        why: "the verdict on an earlier state of the Secret stands",
        search: "judged.secret.metadata.resourceVersion === resourceVersion &&",
        replacement: "",
      },
      {
        why: "a Secret stays foreign although the status has its certificate on record",
        search: '(judged.secret.kind === "managed" || judged.fingerprint === fingerprint);',
        replacement: "true;",
      },
      {
        why: "megabytes of labels stay in memory",
        search: "const MAX_KEPT_LENGTH = 65_536;",
        replacement: "const MAX_KEPT_LENGTH = 65_536_000;",
      },
    ],
  },
  {
    file: `${FOLDER}/cluster/live-resource.ts`,
    tests: [`${FOLDER}/behaviour/shared-secret.test.ts`],
    mutants: [
      {
        why: "a resource that is being deleted keeps its Secret from a new one",
        search: "return found?.deleting ? undefined : found;",
        replacement: "return found;",
      },
    ],
  },
];
