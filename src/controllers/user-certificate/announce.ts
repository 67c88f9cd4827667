import { findCondition } from "../../api/conditions.ts";
import { describeDuration } from "../../api/duration.ts";
import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import { type EventReason, RESTART_REASONS } from "../../api/reasons.ts";
import { timestamp } from "../../api/timestamp.ts";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import type { Consumers } from "../../api/user-certificate-status.ts";
import { DAY_MS } from "../../clock.ts";
import type { EventRecorder } from "../../kube/events/event-recorder.ts";
import type { Log } from "../../kube/log.ts";
import { tell } from "../tell.ts";
import { isWithin } from "./core/decide/held.ts";
import { titleOf } from "./core/decide/restarts.ts";
import type { Finding } from "./core/decide/unaccounted.ts";
import { blockerMessage } from "./core/model/blocker.ts";
import type { ParkedView } from "./core/model/snapshot.ts";
import type { Assessment } from "./core/status/assessment.ts";
import { problemOf } from "./core/status/next-conditions.ts";
import type { ResourceMemories } from "./resource-memory.ts";

export interface AnnouncerOptions {
  readonly events: Pick<EventRecorder, "record">;
  readonly memories: ResourceMemories;
  /** Called for each certificate whose private key is proven lost. */
  readonly onOrphan?: (() => void) | undefined;
  /** Called for each certificate that no resource explains. */
  readonly onUnaccounted?: (() => void) | undefined;
  readonly log: Log;
}

/** Announces what happened to resources, by Events and log lines. */
export class Announcer {
  readonly #options: AnnouncerOptions;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /**
   * Announces certificates that no Secret explains, and a Secret that was left behind, each once. Before the status names
   * them: after that they are old.
   */
  announceFindings(assessment: Assessment): void {
    const { findings, situation } = assessment;
    const { resource } = situation;
    this.#announceLeftBehind(assessment);
    this.#announceUnknown(assessment);
    for (const finding of findings) {
      if (this.#isNews(resource, finding.certificate.serialNumber)) this.#announceFinding(resource, finding);
    }
    const { announced } = this.#options.memories.of(resource);
    for (const { serialNumber } of resource.status.unaccounted ?? []) announced?.delete(serialNumber);
  }

  /** Announces a certificate that was issued and can no longer be stored. */
  announceOrphan(resource: UserCertificate, { attempt, facts }: ParkedView, why: string): void {
    const { serialNumber, notAfter } = facts;
    if (!this.#isNews(resource, serialNumber)) return;
    const orphan = { username: attempt.username, serialNumber, notAfter: timestamp(notAfter.getTime()) };
    this.#tellOrphan(resource, orphan, `${why}, so the operator discarded the private key`);
  }

  /** Announces that the certificate is in its Secret, whatever becomes of the status. */
  announceIssued({ outcome, situation: { resource } }: Assessment): void {
    if (outcome.kind !== "issued") return;
    const { facts, attempt } = outcome;
    const note =
      `Issued certificate ${facts.serialNumber} for user ${resource.spec.username} and stored it in Secret ` +
      `${resource.spec.secretName}; it is valid until ${timestamp(facts.notAfter.getTime())} (reason: ${attempt.reason}).`;
    this.#tell(resource, "Normal", "Issued", "Issue", note);
  }

  /** Announces everything else, once it is in the status. */
  announce(assessment: Assessment): void {
    const { outcome, situation } = assessment;
    const { resource } = situation;
    if (outcome.kind === "repaired") {
      const note = `Repaired ${outcome.differences.join(", ")} of Secret ${resource.spec.secretName}; the certificate is unchanged.`;
      this.#tell(resource, "Normal", "Repaired", "Repair", note);
    } else {
      this.#announceBlocker(assessment);
    }
    this.#announceRestarts(assessment);
  }

  /**
   * Announces that this machine's clock differs from Atlas', on the resource whose list showed it.
   *
   * @param skewMs how far Atlas' clock is ahead, in milliseconds
   */
  announceSkew(resource: UserCertificate, skewMs: number): void {
    const difference = `${describeDuration(Math.abs(skewMs))} ${skewMs > 0 ? "behind" : "ahead of"}`;
    const note =
      `The clock of the operator's node is ${difference} Atlas' clock. The operator uses Atlas' clock, ` +
      "but other programs on the node may not. Correct the node's clock.";
    this.#tell(resource, "Warning", "ClockSkewed", "Verify", note);
  }

  /** Announces pods that will soon fail to log in. */
  announceOutdated(resource: UserCertificate, { outdated, outdatedPods = [], pods, ...consumers }: Consumers): void {
    const more = outdated > outdatedPods.length ? ` and ${outdated - outdatedPods.length} more` : "";
    const note =
      `${outdated} of ${pods} pods still ${outdated === 1 ? "uses" : "use"} an old certificate of Secret ` +
      `${resource.status.secretName}, which is valid until ${consumers.outdatedValidUntil}. ` +
      `Restart them before then: ${outdatedPods.join(", ")}${more}.`;
    this.#tell(resource, "Warning", "PodsOutdated", "Verify", note);
  }

  /** Whether something has not been announced yet; from now on it has. */
  #isNews(resource: UserCertificate, what: string): boolean {
    const memory = this.#options.memories.of(resource);
    if (memory.announced?.has(what)) return false;
    memory.announced ??= new Set();
    memory.announced.add(what);
    return true;
  }

  #announceFinding(resource: UserCertificate, { certificate, attempt }: Finding): void {
    const { serialNumber, createdAt, notAfter } = certificate;
    const shared = resource.spec.userSharedWithOtherClusters && attempt === undefined;
    if (shared) return;
    if (attempt !== undefined) {
      const why = `the response to the attempt of ${attempt.time} was lost, and the private key with it`;
      // The spec may name another user by now.
      const { issuance } = resource.status;
      const username = issuance?.startedAt === attempt.time ? issuance.username : resource.spec.username;
      this.#tellOrphan(resource, { username, serialNumber, notAfter }, why);
      return;
    }
    const issued = createdAt === undefined ? "" : `issued at ${createdAt}, `;
    this.#tell(
      resource,
      "Warning",
      "CertificateUnaccountedFor",
      "Verify",
      `Atlas lists certificate ${serialNumber} of user ${resource.spec.username} (${issued}valid until ${notAfter}), which no AtlasUserCertificate in this cluster explains. ` +
        "Find out who obtained it; if no one needs it, delete or rename the database user, since Atlas cannot revoke a certificate.",
    );
    this.#options.onUnaccounted?.();
  }

  /**
   * Announces an attempt that comes off the record although no list can show its outcome: the list of its user
   * cannot be read any more, or the certificate may have expired meanwhile.
   */
  #announceUnknown({ history, situation }: Assessment): void {
    const { attempted, nowMs, resource, settled } = situation;
    const { issuance } = resource.status;
    if (issuance === undefined || settled === undefined) return;
    const { id, projectId, startedAt, username } = issuance;
    const isFound = history.some(({ time, serialNumber }) => time === startedAt && serialNumber !== undefined);
    if (isFound || (attempted.kind === "listed" && isWithin(DAY_MS, Date.parse(startedAt), nowMs))) return;
    if (!this.#isNews(resource, id)) return;
    const note =
      `Atlas may have issued a certificate for user ${username} in project ${projectId} at ${startedAt}. ` +
      "The response was lost, and the private key with it; Atlas' list can no longer show whether the certificate exists.";
    this.#tell(resource, "Warning", "CertificateUnaccountedFor", "Verify", note);
    this.#options.onUnaccounted?.();
  }

  #tellOrphan(
    resource: UserCertificate,
    { username, serialNumber, notAfter }: { username: string; serialNumber: string; notAfter: string },
    why: string,
  ): void {
    const note = `Certificate ${serialNumber} of user ${username} (valid until ${notAfter}) is orphaned: ${why}. Atlas cannot revoke it.`;
    this.#tell(resource, "Warning", "CertificateOrphaned", "Issue", note);
    this.#options.onOrphan?.();
  }

  /** The Secret that spec.secretName named before is no longer renewed, and apps may still mount it. */
  #announceLeftBehind({ situation: { resource } }: Assessment): void {
    const { spec, status } = resource;
    const { leftBehind = [], notAfter, secretName } = status;
    if (secretName === undefined || secretName === spec.secretName || notAfter === undefined) return;
    const what = `Secret ${secretName}`;
    if (leftBehind.some((one) => one.secretName === secretName))
      this.#options.memories.of(resource).announced?.delete(what);
    else if (this.#isNews(resource, what)) this.#tellLeftBehind(resource, secretName, notAfter);
  }

  #tellLeftBehind(resource: UserCertificate, secretName: string, notAfter: string): void {
    const note =
      `Secret ${secretName} is no longer renewed, because spec.secretName is now ${resource.spec.secretName}. ` +
      `Its certificate is valid until ${notAfter}. Move the apps that use it to the new Secret, then delete it.`;
    this.#tell(resource, "Warning", "SecretLeftBehind", "Reconcile", note);
  }

  /** Announced when it begins. */
  #announceBlocker({ blocker, parked, situation: { resource } }: Assessment): void {
    const before = findCondition(resource.status, "Ready");
    if (blocker === undefined || blocker.retry.kind === "running" || before?.reason === blocker.reason) return;
    const type = blocker.reason === "Suspended" ? "Normal" : "Warning";
    const problem = problemOf(blocker, parked);
    const remedy = blocker.remedy ?? "The operator retries.";
    this.#tell(resource, type, blocker.reason, "Reconcile", blockerMessage({ ...blocker, problem, remedy }));
  }

  /** Announces workloads that were restarted, and those that can't be when that begins. */
  #announceRestarts({ restartResults = [], restarts, situation: { resource } }: Assessment): void {
    const { pendingRestarts = [], serialNumber } = resource.status;
    for (const { kind, pending } of restartResults) {
      if (kind !== "restarted") continue;
      const note = `Restarted ${titleOf(pending)}, so that its pods use certificate ${serialNumber}.`;
      this.#tell(resource, "Normal", "WorkloadRestarted", "Restart", note);
    }
    for (const { pending } of restarts) {
      const before = pendingRestarts.find(({ kind, name }) => kind === pending.kind && name === pending.name);
      const reason = RESTART_REASONS.find((one) => one === pending.reason);
      if (reason === undefined || before?.reason === reason) continue;
      this.#tell(resource, "Warning", reason, "Restart", pending.message ?? "");
    }
  }

  #tell(
    resource: UserCertificate,
    type: "Normal" | "Warning",
    reason: EventReason,
    action: string,
    note: string,
  ): void {
    tell(this.#options, USER_CERTIFICATE, resource, { type, reason, action, note });
  }
}
