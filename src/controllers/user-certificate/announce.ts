import { API_GROUP, API_VERSION } from "../../api/names.ts";
import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import type { EventRecorder } from "../../kube/event-recorder.ts";
import type { Log } from "../../kube/log.ts";
import { orphans } from "./facts.ts";
import { type Round, troubleOf } from "./round.ts";
import { timestamp } from "./timestamp.ts";

export interface AnnouncerOptions {
  readonly events: Pick<EventRecorder, "record">;
  readonly log: Log;
}

/** Tells people what happened: an Event on the resource, and a line in the log. Never more than once for one cause. */
export class Announcer {
  readonly #options: AnnouncerOptions;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  announce(round: Round): void {
    this.#announceOrphans(round);
    const { observed, outcome } = round;
    const { resource } = observed;
    switch (outcome.kind) {
      case "issued": {
        const { facts, issuance } = outcome;
        const note =
          `Issued certificate ${facts.serialNumber} for user ${resource.spec.username} into Secret ` +
          `${resource.spec.secretName}, valid until ${timestamp(facts.notAfter.getTime())} (${issuance.reason}).`;
        this.#tell(resource, "Normal", "Issued", "Issue", note);
        break;
      }
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
      case "overtaken":
        break;
      default:
        outcome satisfies never;
    }
  }

  /** Told when it begins; while it lasts, the conditions hold it. */
  #announceTrouble(round: Round): void {
    const trouble = troubleOf(round);
    const { resource } = round.observed;
    const before = resource.status.conditions?.find(({ type }) => type === "Issuing");
    if (trouble === undefined || trouble.retry.kind === "running" || before?.reason === trouble.reason) return;
    const type = trouble.reason === "Suspended" ? "Normal" : "Warning";
    this.#tell(resource, type, trouble.reason, "Reconcile", trouble.message);
  }

  /** Certificates that exist and that nobody holds: worth a line each time one is found. */
  #announceOrphans(round: Round): void {
    const { observed } = round;
    const { resource } = observed;
    for (const { serialNumber, notAfter } of orphans(observed) ?? []) {
      this.#tell(
        resource,
        "Warning",
        "OrphanFound",
        "Issue",
        `Atlas lists certificate ${serialNumber} of user ${resource.spec.username}, valid until ` +
          `${timestamp(notAfter.getTime())}, whose answer got lost: nobody holds its key, and Atlas can't revoke it.`,
      );
    }
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
