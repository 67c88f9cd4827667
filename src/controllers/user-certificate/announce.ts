import { findCondition } from "../../api/conditions.ts";
import { describeDuration } from "../../api/duration.ts";
import { API_GROUP, API_VERSION } from "../../api/names.ts";
import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import type { CertificateFacts } from "../../certificate/certificate-facts.ts";
import type { EventRecorder } from "../../kube/event-recorder.ts";
import type { Log } from "../../kube/log.ts";
import { DAY_MS, isWithin } from "./core/decide/held.ts";
import { isSettled } from "./core/decide/history.ts";
import type { Finding } from "./core/decide/unaccounted.ts";
import { blockerMessage } from "./core/model/blocker.ts";
import { timestamp } from "./core/model/timestamp.ts";
import type { Assessment } from "./core/status/assessment.ts";

export interface AnnouncerOptions {
  readonly events: Pick<EventRecorder, "record">;
  /** Called for each certificate whose private key is proven lost. */
  readonly onOrphan?: (() => void) | undefined;
  /** Called for each certificate that no resource explains. */
  readonly onUnaccounted?: (() => void) | undefined;
  readonly log: Log;
}

/** Tells people what happened: an Event on the resource, and a line in the log. */
export class Announcer {
  readonly #options: AnnouncerOptions;
  /** Serial numbers of lost certificates that were announced and that the status may not name yet, by uid. */
  readonly #announced = new Map<string, ReadonlySet<string>>();

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /** Announces certificates that no Secret explains, each once. Before the status names them: after that they are old. */
  announceFindings(assessment: Assessment): void {
    const { findings, snapshot } = assessment;
    const { resource } = snapshot;
    const before = this.#announced.get(resource.uid);
    this.#announceUnknown(assessment);
    for (const finding of findings) {
      if (!before?.has(finding.certificate.serialNumber)) this.#announceFinding(resource, finding);
    }
    if (findings.length === 0) this.#announced.delete(resource.uid);
    else this.#announced.set(resource.uid, new Set(findings.map(({ certificate }) => certificate.serialNumber)));
  }

  /** Announces a certificate that was issued and can no longer be stored. */
  announceOrphan(resource: UserCertificate, { serialNumber, notAfter }: CertificateFacts, why: string): void {
    const until = timestamp(notAfter.getTime());
    this.#tellOrphan(resource, serialNumber, `${why}, and its private key is lost. It is valid until ${until}`);
    const before = this.#announced.get(resource.uid) ?? [];
    this.#announced.set(resource.uid, new Set([...before, serialNumber]));
  }

  /** Announces that the certificate is in its Secret, whatever becomes of the status. */
  announceIssued({ outcome, snapshot: { resource } }: Assessment): void {
    if (outcome.kind !== "issued") return;
    const { facts, attempt } = outcome;
    const note =
      `Issued certificate ${facts.serialNumber} for user ${resource.spec.username} into Secret ` +
      `${resource.spec.secretName}, valid until ${timestamp(facts.notAfter.getTime())} (${attempt.reason}).`;
    this.#tell(resource, "Normal", "Issued", "Issue", note);
  }

  /** Announces everything else, once it is in the status. */
  announce(assessment: Assessment): void {
    const { outcome, snapshot } = assessment;
    const { resource } = snapshot;
    this.#announceLeftBehind(assessment);
    if (outcome.kind === "repaired") {
      const note = `Repaired ${outcome.differences.join(", ")} of Secret ${resource.spec.secretName}; the certificate is the same.`;
      this.#tell(resource, "Normal", "Repaired", "Repair", note);
    } else if (outcome.kind !== "issued") {
      this.#announceBlocker(assessment);
    }
  }

  /**
   * Announces that this machine's clock differs from Atlas', on the resource whose list showed it.
   *
   * @param skewMs how far Atlas' clock is ahead, in milliseconds
   */
  announceSkew(resource: UserCertificate, skewMs: number): void {
    const difference = `${describeDuration(Math.abs(skewMs))} ${skewMs > 0 ? "behind" : "ahead of"}`;
    const note =
      `The clock of the operator's node is ${difference} Atlas' clock. The operator judges certificates by Atlas' clock; ` +
      "correct the node's, since other programs on it may not.";
    this.#tell(resource, "Warning", "ClockSkewed", "Verify", note);
  }

  /** Drops what was kept for a resource that is gone. */
  forget(uid: string): void {
    this.#announced.delete(uid);
  }

  #announceFinding(resource: UserCertificate, { certificate, attempt }: Finding): void {
    const { serialNumber, createdAt, notAfter } = certificate;
    const shared = resource.spec.userSharedWithOtherClusters && attempt === undefined;
    if (shared) return;
    if (attempt !== undefined) {
      const why = `its response to the attempt of ${attempt.time} was lost, and its private key with it. It is valid until ${notAfter}`;
      this.#tellOrphan(resource, serialNumber, why);
      return;
    }
    const since = createdAt === undefined ? "" : ` since ${createdAt}`;
    this.#tell(
      resource,
      "Warning",
      "CertificateUnaccountedFor",
      "Verify",
      `Atlas has listed certificate ${serialNumber} of user ${resource.spec.username}${since}, valid until ${notAfter}, and no AtlasUserCertificate of this cluster explains it. ` +
        "Find out who obtained it; if no one needs it, delete or rename the database user, since Atlas cannot revoke a certificate.",
    );
    this.#options.onUnaccounted?.();
  }

  /**
   * Announces an attempt that comes off the record although no list can tell what became of it: the list of its user
   * cannot be read any more, or the certificate may have expired meanwhile.
   */
  #announceUnknown({ history, snapshot }: Assessment): void {
    const { attempted, nowMs, resource } = snapshot;
    const { issuance } = resource.status;
    if (issuance === undefined || !isSettled(snapshot)) return;
    const { projectId, startedAt, username } = issuance;
    const isFound = history.some(({ time, serialNumber }) => time === startedAt && serialNumber !== undefined);
    if (isFound || (attempted.kind === "listed" && isWithin(DAY_MS, Date.parse(startedAt), nowMs))) return;
    const note =
      `Atlas may have issued a certificate for user ${username} in project ${projectId} at ${startedAt}. ` +
      "Its private key is lost, and Atlas' list can no longer tell whether the certificate exists.";
    this.#tell(resource, "Warning", "CertificateUnaccountedFor", "Verify", note);
    this.#options.onUnaccounted?.();
  }

  #tellOrphan(resource: UserCertificate, serialNumber: string, why: string): void {
    const note =
      `Certificate ${serialNumber} of user ${resource.spec.username} is orphaned: ${why}; Atlas cannot revoke it.`;
    this.#tell(resource, "Warning", "CertificateOrphaned", "Issue", note);
    this.#options.onOrphan?.();
  }

  /** The Secret that spec.secretName named before is no longer renewed, and apps may still mount it. */
  #announceLeftBehind({ snapshot: { resource } }: Assessment): void {
    const { spec, status } = resource;
    const { leftBehind = [], notAfter, secretName } = status;
    if (secretName === undefined || secretName === spec.secretName || notAfter === undefined) return;
    if (leftBehind.some((one) => one.secretName === secretName)) return;
    const note =
      `Secret ${secretName} is no longer renewed, since spec.secretName is now ${spec.secretName}. ` +
      `Its certificate is valid until ${notAfter}: move the apps that use it, then delete it.`;
    this.#tell(resource, "Warning", "SecretLeftBehind", "Reconcile", note);
  }

  /** Announced when it begins; while it lasts, the conditions show it. */
  #announceBlocker({ blocker, snapshot: { resource } }: Assessment): void {
    const before = findCondition(resource.status, "Ready");
    if (blocker === undefined || blocker.retry.kind === "running" || before?.reason === blocker.reason) return;
    const type = blocker.reason === "Suspended" ? "Normal" : "Warning";
    this.#tell(resource, type, blocker.reason, "Reconcile", blockerMessage(blocker));
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
