import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import type { IssueReason } from "../../api/reasons.ts";
import type { Issuance } from "../../api/user-certificate.ts";
import { AtlasError } from "../../atlas/atlas-error.ts";
import { checkIssued } from "../../certificate/check-issued.ts";
import { type KeyPair, readPemBundle } from "../../certificate/key-pair.ts";
import type { Clock } from "../../clock.ts";
import type { Log } from "../../kube/log.ts";
import type { SensitiveText } from "../../sensitive-text.ts";
import type { Announcer } from "./announce.ts";
import type { AtlasApi } from "./atlas-access.ts";
import { atlasTrouble } from "./atlas-trouble.ts";
import { heldCertificate } from "./facts.ts";
import type { Observed } from "./observed.ts";
import type { Outcome } from "./outcome.ts";
import type { SecretWriter } from "./secret-writer.ts";
import type { StatusWriter } from "./status-writer.ts";
import { timestamp } from "./timestamp.ts";
import type { Trouble } from "./trouble.ts";
import { urgencyOf } from "./urgency.ts";

/** The numbered steps of issuing. Step 2, the list, is part of the observation; step 7, closing, of the report. */
export type IssueStep = "preflight" | "record" | "create" | "check" | "write";

export interface IssuerOptions {
  readonly secrets: SecretWriter;
  readonly statuses: StatusWriter;
  readonly announcer: Pick<
    Announcer,
    "announceFindings" | "announceWaiting" | "announceAbandoned" | "announceDisplaced"
  >;
  /**
   * Gives the check of one attempt. It throws where this process may no longer issue: its lease may have run out, or
   * been another's since the attempt began.
   */
  readonly leadership: () => () => void;
  /** Makes a name for an attempt. */
  readonly newId: () => string;
  readonly clock: Clock;
  readonly log: Log;
  /** Called before each step: tests stop the process there. */
  readonly onStep?: ((step: IssueStep, resource: UserCertificate) => void | Promise<void>) | undefined;
}

/**
 * Issues one certificate. Atlas can't take one back, so nothing is created before it is certain that it can be kept,
 * nothing before it is on record, and what was created is not let go of.
 */
export class Issuer {
  readonly #options: IssuerOptions;

  constructor(options: IssuerOptions) {
    this.#options = options;
  }

  async issue(
    observed: Observed,
    decision: { readonly reason: IssueReason; readonly message: string },
    api: AtlasApi,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { secrets, statuses, announcer, onStep, log } = this.#options;
    const { resource } = observed;
    const assertLeading = this.#options.leadership();
    if (observed.atlas.kind !== "listed") throw new Error("issuing needs Atlas' list of this round");

    await onStep?.("preflight", resource);
    const obstacle = await secrets.preflight(resource, observed.secret, signal);
    if (obstacle === "overtaken") return { kind: "overtaken" };
    if (obstacle !== undefined) return failed(obstacle, undefined);

    await onStep?.("record", resource);
    const issuance = this.#newIssuance(observed, decision.reason);
    assertLeading();
    signal.throwIfAborted();
    // The new record takes the place of an older one, and with it what that could still tell.
    announcer.announceFindings(observed);
    const recorded = await statuses.record(observed, decision, issuance, signal);
    if (recorded === "overtaken") return { kind: "overtaken" };
    if (recorded === "notKept") return failed(CRD_OUTDATED, undefined);

    await onStep?.("create", resource);
    // A process that was frozen since its record may have a successor at work: the last moment to notice.
    assertLeading();
    // From here on nothing but the end of the process stops the attempt.
    const created = await this.#create(observed, issuance, api, assertLeading);
    if (created.kind === "failed") return created;

    await onStep?.("check", resource);
    const checked = this.#check(observed, created.bundle, issuance);
    if (checked.kind === "failed") return checked;

    await onStep?.("write", resource);
    const { pair } = checked;
    const written = await secrets.write(resource, observed.secret, pair, {
      knownSerials: new Set(issuance.knownSerials),
      onObstacle: (obstacle) => announcer.announceWaiting(resource, pair.facts, obstacle),
    });
    switch (written.kind) {
      case "written":
        return { kind: "issued", facts: pair.facts, issuance, secretName: written.secretName };
      case "overtaken":
        // It wrote for the same resource: whoever looks at that next finds ours in Atlas' list, and tells of it.
        log.error(
          { resource: `${resource.namespace}/${resource.name}`, serialNumber: pair.facts.serialNumber },
          "another process wrote a newer certificate meanwhile: this one is an orphan",
        );
        return { kind: "overtaken" };
      case "displaced":
        announcer.announceDisplaced(resource, pair.facts, written.holder);
        return { kind: "overtaken" };
      case "abandoned":
        announcer.announceAbandoned(resource, pair.facts);
        return { kind: "overtaken" };
      default:
        return written satisfies never;
    }
  }

  #newIssuance(observed: Observed, reason: IssueReason): Issuance {
    const { resource, atlas } = observed;
    const listed = atlas.kind === "listed" ? atlas.certificates.map(({ serialNumber }) => serialNumber) : [];
    // The held one may have expired, or vanished from the list: it is no fruit of this attempt all the same.
    const held = [heldCertificate(observed)?.serialNumber].filter((serial) => serial !== undefined);
    return {
      id: this.#options.newId(),
      startedAt: timestamp(this.#options.clock.now()),
      reason,
      projectId: resource.spec.projectId,
      username: resource.spec.username,
      knownSerials: [...new Set([...listed, ...held])],
      ...(resource.renewRequest !== undefined && { renewRequest: resource.renewRequest }),
    };
  }

  async #create(observed: Observed, issuance: Issuance, api: AtlasApi, assertLeading: () => void) {
    const { resource } = observed;
    const { projectId: groupId, username, monthsUntilExpiration } = resource.spec;
    try {
      const bundle = await api.createDatabaseUserCertificate(
        { groupId, username, userCert: { monthsUntilExpiration } },
        // The turn at Atlas, a token, a connection: each may take longer than the lease lasts.
        { ...urgencyOf(observed, { kind: "issue" }), beforeSending: assertLeading },
      );
      return { kind: "created", bundle } as const;
    } catch (error: unknown) {
      const trouble = atlasTrouble(error, resource.spec);
      // Whether it happened is not known: the record stays, and the next list compares.
      const isAmbiguous = error instanceof AtlasError && error.kind === "ambiguous";
      return { kind: "failed", trouble, spent: isAmbiguous, issuance, staysOpen: isAmbiguous } as const;
    }
  }

  #check(
    { resource, policy }: Observed,
    bundle: SensitiveText,
    issuance: Issuance,
  ): { readonly kind: "good"; readonly pair: KeyPair } | Extract<Outcome, { kind: "failed" }> {
    const read = readPemBundle(bundle);
    if (!read.ok) return unusable(read.problem, issuance);
    const { username, monthsUntilExpiration } = resource.spec;
    const request = { username, monthsUntilExpiration, monthMs: policy.monthMs };
    const problem = checkIssued(read.pair.facts, request, this.#options.clock.now());
    return problem === undefined ? { kind: "good", pair: read.pair } : unusable(problem, issuance);
  }
}

const CRD_OUTDATED: Trouble = {
  reason: "CrdOutdated",
  message:
    "The API server did not keep the whole record of the attempt, so nothing is issued: the installed CRD is another " +
    "version's. Apply the CRDs of this operator's version.",
  needsPerson: true,
  retry: { kind: "backoff" },
};

function failed(trouble: Trouble, issuance: Issuance | undefined): Outcome {
  return { kind: "failed", trouble, spent: false, issuance, staysOpen: false };
}

/** Atlas' answer holds a certificate that can't be used, or none: one was spent all the same. */
function unusable(problem: string, issuance: Issuance): Extract<Outcome, { kind: "failed" }> {
  return {
    kind: "failed",
    spent: true,
    issuance,
    // The next list tells whether a certificate came of it, and counts it as an orphan.
    staysOpen: true,
    trouble: {
      reason: "AnswerUnusable",
      message: `Atlas' answer can't be used: ${problem}. It is tried again by itself, but not at once.`,
      needsPerson: true,
      retry: { kind: "backoff" },
    },
  };
}
