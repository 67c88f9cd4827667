import type { Issuance } from "../../api/user-certificate.ts";
import { abandonedIssuance, latecomers, orphans } from "./facts.ts";
import type { ListedCertificate, Observed } from "./observed.ts";
import { timestamp } from "./timestamp.ts";

/** A certificate at Atlas that people must know of, because nobody may hold its key and Atlas can't revoke it. */
export interface Finding {
  /** Tells it from every other of the same resource. */
  readonly id: string;
  readonly reason: "OrphanFound" | "UnaccountedFound" | "OutcomeUnknown";
  readonly note: string;
}

/** What a look at Atlas' list found. Once its status is written, nobody can tell what of it was new. */
export function findings(observed: Observed): readonly Finding[] {
  const { username } = observed.resource.spec;
  const abandoned = abandonedIssuance(observed);
  return [
    ...(orphans(observed) ?? []).map((certificate) => orphan(certificate, username)),
    ...latecomers(observed).map((certificate) => latecomer(certificate, username)),
    ...(abandoned === undefined ? [] : [outcomeUnknown(abandoned)]),
  ];
}

function orphan(certificate: ListedCertificate, username: string): Finding {
  return {
    id: certificate.serialNumber,
    reason: "OrphanFound",
    note: `${listing(certificate, username)}, whose answer got lost: nobody holds its key, and Atlas can't revoke it.`,
  };
}

function latecomer(certificate: ListedCertificate, username: string): Finding {
  return {
    id: certificate.serialNumber,
    reason: "UnaccountedFound",
    note:
      `${listing(certificate, username)}, that no resource of this operator accounts for: issued elsewhere, or for a ` +
      "resource that is gone or names another user now, or lost (by another resource of this user, or by an attempt " +
      "that Atlas carried out late). Atlas can't revoke it; if nobody of yours holds it, remove the user.",
  };
}

function outcomeUnknown({ id, startedAt, projectId, username }: Issuance): Finding {
  return {
    id,
    reason: "OutcomeUnknown",
    note:
      `The attempt of ${startedAt} for user ${username} of project ${projectId} was on record when the resource began ` +
      "to name another user: if Atlas carried it out, nobody holds that certificate's key. Compare Atlas' list of that user.",
  };
}

function listing({ serialNumber, notAfter }: ListedCertificate, username: string): string {
  return `Atlas lists certificate ${serialNumber} of user ${username}, valid until ${timestamp(notAfter.getTime())}`;
}
