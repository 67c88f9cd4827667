import { findCondition } from "../../api/conditions.ts";
import { API_GROUP, API_VERSION } from "../../api/names.ts";
import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import type { CertificateFacts } from "../../certificate/certificate-facts.ts";
import type { EventRecorder } from "../../kube/event-recorder.ts";
import type { Log } from "../../kube/log.ts";
import { findings } from "./findings.ts";
import type { Observed } from "./observed.ts";
import { type Round, troubleOf } from "./round.ts";
import type { WriteObstacle } from "./secret-trouble.ts";
import { timestamp } from "./timestamp.ts";

export interface AnnouncerOptions {
  readonly events: Pick<EventRecorder, "record">;
  /** Called for each certificate that is found to be nobody's. */
  readonly onOrphan?: (() => void) | undefined;
  /** Called for each certificate that may be nobody's. */
  readonly onUnaccounted?: (() => void) | undefined;
  readonly log: Log;
}

/** Tells people what happened: an Event on the resource, and a line in the log. A process tells one cause once. */
export class Announcer {
  readonly #options: AnnouncerOptions;
  /** What was told and the status may not know yet, by the resource's uid. */
  readonly #told = new Map<string, ReadonlySet<string>>();

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /**
   * Tells of certificates that nobody is known to hold, each once. To be called before anything is written: afterwards
   * the status knows them, and nobody can tell which are new.
   */
  announceFindings(observed: Observed): void {
    // Without a list there is nothing to find, and what was told before still is.
    if (observed.atlas.kind !== "listed") return;
    const { resource } = observed;
    const found = findings(observed);
    for (const { id, reason, note } of found) {
      if (this.#told.get(resource.uid)?.has(id)) continue;
      this.#tell(resource, "Warning", reason, "Verify", note);
      if (reason === "OrphanFound") this.#options.onOrphan?.();
      else this.#options.onUnaccounted?.();
    }
    if (found.length === 0) this.forget(resource.uid);
    else this.#told.set(resource.uid, new Set(found.map(({ id }) => id)));
  }

  /** Tells what a certificate waits for that was issued and can't be written: while it does, the status says nothing of it. */
  announceWaiting(resource: UserCertificate, { serialNumber }: CertificateFacts, obstacle: WriteObstacle): void {
    const note =
      `Certificate ${serialNumber} of user ${resource.spec.username} is issued and waits in the operator's memory, to be ` +
      `lost if that process is killed: ${obstacle.message}`;
    this.#tell(resource, "Warning", obstacle.reason, "Issue", note);
  }

  /** Tells of a certificate whose resource was deleted before it could be written: nobody else looks for it. */
  announceAbandoned(resource: UserCertificate, facts: CertificateFacts): void {
    const why = "the resource was deleted before its certificate could be written";
    this.#announceOrphan(resource, facts, why);
  }

  /**
   * Tells of a certificate whose Secret is another resource's by now. That one may be another user's, and its own asks
   * for no list while the Secret is not its own: nobody else would tell.
   */
  announceDisplaced(resource: UserCertificate, facts: CertificateFacts, holder: string): void {
    const why = `Secret ${resource.spec.secretName} became that of AtlasUserCertificate ${holder} while it was issued`;
    this.#announceOrphan(resource, facts, why);
    // The next list of the resource shows it once more.
    this.#told.set(resource.uid, new Set([...(this.#told.get(resource.uid) ?? []), facts.serialNumber]));
  }

  /** Tells that the certificate of a round is in its Secret, whatever becomes of the status. */
  announceIssued({ observed: { resource }, outcome }: Round): void {
    if (outcome.kind !== "issued") return;
    const { facts, issuance } = outcome;
    const note =
      `Issued certificate ${facts.serialNumber} for user ${resource.spec.username} into Secret ` +
      `${resource.spec.secretName}, valid until ${timestamp(facts.notAfter.getTime())} (${issuance.reason}).`;
    this.#tell(resource, "Normal", "Issued", "Issue", note);
  }

  /** Tells of everything else that a round left, once it is in the status. */
  announce(round: Round): void {
    const { observed, outcome } = round;
    const { resource } = observed;
    switch (outcome.kind) {
      case "repaired":
        this.#tell(
          resource,
          "Normal",
          "Repaired",
          "Repair",
          `Repaired ${outcome.differences.join(", ")} of Secret ${resource.spec.secretName}; the certificate is the same.`,
        );
        break;
      case "failed":
      case "nothing":
        this.#announceTrouble(round);
        break;
      case "issued":
      case "overtaken":
        break;
      default:
        outcome satisfies never;
    }
  }

  /** Lets go of what was kept for a resource that is gone. */
  forget(uid: string): void {
    this.#told.delete(uid);
  }

  #announceOrphan(resource: UserCertificate, { serialNumber, notAfter }: CertificateFacts, why: string): void {
    const note =
      `Nobody holds certificate ${serialNumber} of user ${resource.spec.username}, valid until ` +
      `${timestamp(notAfter.getTime())}: ${why}. Atlas can't revoke it.`;
    this.#tell(resource, "Warning", "OrphanFound", "Issue", note);
    this.#options.onOrphan?.();
  }

  /** Told when it begins; while it lasts, the conditions hold it. */
  #announceTrouble(round: Round): void {
    const trouble = troubleOf(round);
    const { resource } = round.observed;
    const before = findCondition(resource.status, "Issuing");
    if (trouble === undefined || trouble.retry.kind === "running" || before?.reason === trouble.reason) return;
    const type = trouble.reason === "Suspended" ? "Normal" : "Warning";
    this.#tell(resource, type, trouble.reason, "Reconcile", trouble.message);
  }

  #tell(
    { namespace, name, uid, resourceVersion }: UserCertificate,
    type: "Normal" | "Warning",
    reason: string,
    action: string,
    note: string,
  ): void {
    const { events, log } = this.#options;
    const fields = { resource: `${namespace}/${name}`, reason };
    if (type === "Warning") log.warn(fields, note);
    else log.info(fields, note);
    const apiVersion = `${API_GROUP}/${API_VERSION}`;
    events.record({
      regarding: { apiVersion, kind: USER_CERTIFICATE.kind, namespace, name, uid, resourceVersion },
      type,
      reason,
      action,
      note,
    });
  }
}
