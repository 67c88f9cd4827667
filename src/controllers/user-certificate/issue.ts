import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import { timestamp } from "../../api/timestamp.ts";
import type { Issuance } from "../../api/user-certificate-status.ts";
import { AtlasError } from "../../atlas/errors/atlas-error.ts";
import { checkIssued } from "../../certificate/check-issued.ts";
import { type KeyPair, readPemBundle } from "../../certificate/key-pair.ts";
import type { SensitiveText } from "../../sensitive-text.ts";
import type { CertificateApi } from "../access/atlas-api.ts";
import type { Announcer } from "./announce.ts";
import { answerUnusable, atlasBlocker } from "./atlas/atlas-blocker.ts";
import type { AtlasClock } from "./atlas/atlas-clock.ts";
import type { Calendar } from "./atlas/calendar.ts";
import type { ParkedCertificate, ParkedCertificates } from "./cluster/parked-certificates.ts";
import { crdOutdated } from "./cluster/secret-blockers.ts";
import type { SecretPreflight } from "./cluster/secret-preflight.ts";
import type { SecretWriter } from "./cluster/secret-writer.ts";
import type { StatusWriter } from "./cluster/status-writer.ts";
import { urgencyOf } from "./core/decide/urgency.ts";
import type { Blocker } from "./core/model/blocker.ts";
import type { Decision, Outcome } from "./core/model/decision.ts";
import type { Situation } from "./core/model/situation.ts";
import type { SecretState } from "./core/model/snapshot.ts";
import { assess } from "./core/status/assessment.ts";
import type { ResourceMemories } from "./resource-memory.ts";

/** The steps of issuing that come after the list. */
export type IssueStep = "preflight" | "record" | "create" | "check" | "write";

export interface IssuerOptions {
  readonly preflight: SecretPreflight;
  readonly secrets: SecretWriter;
  readonly statuses: StatusWriter;
  readonly announcer: Pick<Announcer, "announceFindings">;
  readonly parked: ParkedCertificates;
  readonly memories: ResourceMemories;
  /** Name of this process, for the record of a certificate that waits in it. */
  readonly identity: string;
  /**
   * Gives the check of one attempt. It throws if this process may no longer issue: its lease may have run out, or been
   * another's since the attempt began.
   */
  readonly leadership: () => () => void;
  /** Whether a resource may still obtain certificates of its user: a grant may have been withdrawn since the decision. */
  readonly isAllowed: (resource: UserCertificate) => boolean;
  /** Makes the identifier of an attempt. */
  readonly newId: () => string;
  readonly atlasClock: AtlasClock;
  readonly calendar: Calendar;
  readonly random: () => number;
  /** Called before each step: tests stop the process there. */
  readonly onStep?: ((step: IssueStep, resource: UserCertificate) => void | Promise<void>) | undefined;
}

type IssueDecision = Extract<Decision, { kind: "issue" }>;
type Failed = Extract<Outcome, { kind: "failed" }>;

/** How long Atlas may take to create a certificate, in milliseconds. After that, its list tells whether it did. */
const CREATE_TIMEOUT_MS = 30_000;

/**
 * Issues one certificate. Atlas cannot take one back, so nothing is created before it is certain that it can be stored,
 * nothing before it is on record, and what was created is not dropped.
 */
export class Issuer {
  readonly #options: IssuerOptions;

  constructor(options: IssuerOptions) {
    this.#options = options;
  }

  /** @param situation with Atlas' list of this reconcile */
  async issue(
    situation: Situation,
    decision: IssueDecision,
    api: CertificateApi,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { preflight, statuses, announcer, atlasClock, isAllowed, memories, onStep, parked } = this.#options;
    const { resource } = situation;
    const memory = memories.of(resource);
    const assertLeading = this.#options.leadership();

    await onStep?.("preflight", resource);
    const isDryRunDoubted = situation.history.at(-1)?.lost === "NotStored";
    const blocker = await preflight.run(resource, situation.secret, isDryRunDoubted, signal);
    if (blocker === "overtaken") return { kind: "overtaken" };
    if (blocker !== undefined) return failed(blocker);

    await onStep?.("record", resource);
    const attempt = this.#newAttempt(situation, decision);
    if (attempt === undefined) return { kind: "overtaken" };
    assertLeading();
    signal.throwIfAborted();
    const outcome: Outcome = { kind: "recorded", attempt };
    const assessment = assess({ situation, decision, outcome, nowMs: atlasClock.now(), random: 0 });
    // The new record takes the place of an older one, and with it what that could still tell.
    announcer.announceFindings(assessment);
    memory.unsent = attempt.id;
    const recorded = await statuses.record(assessment, attempt, signal);
    if (recorded === "overtaken") return { kind: "overtaken" };
    if (recorded === "notKept") return failed(crdOutdated(situation.policy));

    await onStep?.("create", resource);
    // A process that was frozen since its record may have a successor at work: the last moment to notice.
    assertLeading();
    if (!isAllowed(resource)) return { kind: "overtaken" };
    memory.unsent = undefined;
    let isWithdrawn = false;
    const beforeSending = () => {
      assertLeading();
      isWithdrawn = !isAllowed(resource);
      if (isWithdrawn) throw new Error("its grant was withdrawn");
    };
    // From here on only the end of the process stops the attempt: a process that has lost its lease stores the certificate
    // in hand-over.ts.
    const bundle = await this.#create(situation, attempt, api, beforeSending).catch((error: unknown) => {
      if (!isWithdrawn) throw error;
      // Nothing was sent.
      memory.unsent = attempt.id;
      return { kind: "overtaken" } as const;
    });
    if ("kind" in bundle) return bundle;

    await onStep?.("check", resource);
    const pair = this.#check(resource, bundle, attempt);
    if ("kind" in pair) return pair;

    await onStep?.("write", resource);
    return this.store(resource, situation.secret, parked.add(resource, attempt, pair));
  }

  /**
   * The attempt on record, if this process recorded it and then did not ask Atlas: the response to that write was lost, or its
   * lease. It uses up no limit and must not stay on record.
   */
  unsentAttempt(resource: UserCertificate): Issuance | undefined {
    const { issuance } = resource.status;
    return issuance?.id === this.#options.memories.of(resource).unsent ? issuance : undefined;
  }

  /** Tries to write a certificate into its Secret; until that succeeds, it stays parked. */
  async store(resource: UserCertificate, secret: SecretState, parked: ParkedCertificate): Promise<Outcome> {
    const { atlasClock, identity, random, secrets } = this.#options;
    const { attempt, pair } = parked;
    const result = await secrets.store(resource, secret, parked);
    if (result.kind === "superseded") return { kind: "overtaken" };
    if (result.kind === "stored") {
      this.#options.parked.remove(resource.uid);
      return { kind: "issued", facts: pair.facts, attempt };
    }
    this.#options.parked.noteFailure(parked, atlasClock.now(), random());
    const { nextTryMs } = parked;
    return { kind: "parked", facts: pair.facts, attempt, pod: identity, nextTryMs, blocker: result.blocker };
  }

  /** Undefined if the project is not known any more. */
  #newAttempt(situation: Situation, { reason }: IssueDecision): Issuance | undefined {
    const { resource, atlas, others } = situation;
    const { renewRequest, spec, status } = resource;
    const { projectId, username } = spec;
    if (projectId === undefined) return undefined;
    const listed = atlas.kind === "listed" ? atlas.certificates.map(({ serialNumber }) => serialNumber) : [];
    // Those that were issued before may be missing in the list, and do not come from this attempt anyway.
    const own = situation.history.flatMap(({ serialNumber }) => serialNumber ?? []);
    const held = situation.held?.serialNumber;
    // A Secret that was left behind when spec.secretName changed is not replaced.
    const replaces = held ?? (status.secretName === spec.secretName ? status.serialNumber : undefined);
    return {
      id: this.#options.newId(),
      startedAt: timestamp(this.#options.atlasClock.now()),
      reason,
      projectId,
      username,
      knownSerials: [...new Set([...listed, ...(held === undefined ? [] : [held]), ...own, ...others.explained])],
      ...(replaces !== undefined && { replaces }),
      ...(renewRequest !== undefined && { renewRequest }),
    };
  }

  async #create(
    situation: Situation,
    attempt: Issuance,
    api: CertificateApi,
    beforeSending: () => void,
  ): Promise<SensitiveText | Failed> {
    const { spec } = situation.resource;
    const { projectId: groupId, username } = attempt;
    const { monthsUntilExpiration } = spec;
    try {
      return await api.createDatabaseUserCertificate(
        { groupId, username, userCert: { monthsUntilExpiration } },
        // The turn at Atlas, a token, a connection: each may take longer than the lease lasts.
        { ...urgencyOf(situation, { kind: "issue" }), timeoutMs: CREATE_TIMEOUT_MS, beforeSending },
      );
    } catch (error: unknown) {
      const blocker = atlasBlocker(error, spec);
      // Unless Atlas has plainly refused, only the next list tells whether it happened.
      const staysOpen = error instanceof AtlasError && error.changed === "unknown";
      return { kind: "failed", blocker, attempt, staysOpen };
    }
  }

  #check({ spec }: UserCertificate, bundle: SensitiveText, attempt: Issuance): KeyPair | Failed {
    const { atlasClock, calendar } = this.#options;
    const read = readPemBundle(bundle);
    if (!read.ok) return unusable(read.problem, attempt, calendar);
    const { username, monthsUntilExpiration } = spec;
    const request = { username, monthsUntilExpiration, monthMs: calendar.monthMs, knownSerials: attempt.knownSerials };
    const problem = checkIssued(read.pair.facts, request, atlasClock.now());
    return problem === undefined ? read.pair : unusable(problem, attempt, calendar);
  }
}

function failed(blocker: Blocker): Outcome {
  return { kind: "failed", blocker, attempt: undefined, staysOpen: false };
}

/** One was probably issued anyway. */
function unusable(problem: string, attempt: Issuance, calendar: Calendar): Failed {
  return { kind: "failed", attempt, staysOpen: true, blocker: answerUnusable(problem, calendar) };
}
