import { timestamp } from "../../../src/api/timestamp.ts";
import type { SecretData } from "../../../src/certificate/secret-data.ts";
import { issuePem } from "../../../src/certificate/testing.ts";
import { HOUR_MS } from "../../../src/clock.ts";
import { readFailure } from "../../../src/controllers/user-certificate/cluster/secret-blockers.ts";
import { expiredUnread } from "../../../src/controllers/user-certificate/core/status/expired-unread.ts";
import {
  ABSENT,
  certificate,
  entryFor,
  FACTS,
  FRESH,
  firstReconcile,
  listed,
  managed,
  NOW,
  RENEWAL_MS,
  reconciled,
  settled,
} from "../../../src/controllers/user-certificate/testing/snapshots.ts";
import { KubeError } from "../../../src/kube/kube-error.ts";
import { ATLAS_ERRORS } from "./atlas-errors.ts";
import { type Sample, seen } from "./samples.ts";

import { EXPIRED_MS, holding, nothingYet, ofRecord, recorded, refused, UNREACHABLE } from "./situations.ts";

export async function issueSamples() {
  const [one, other] = [await issuePem(), await issuePem()];
  const damage = (data: SecretData) => settled({ secret: holding(data), atlas: listed(FACTS.serialNumber) });
  return {
    SecretMissing: [
      recorded("The first certificate is being issued", nothingYet()),
      recorded("The Secret was deleted", settled({ secret: ABSENT, atlas: listed(FACTS.serialNumber) })),
    ],
    SecretDataMissing: [recorded("The Secret lost its data", damage({}))],
    PemUndecodable: [recorded("The Secret's data cannot be read", damage(pemData("x", one.keyPem)))],
    KeyMismatch: [
      recorded("The key belongs to another certificate", damage(pemData(one.certificatePem, other.keyPem))),
      recorded(
        "The certificate was replaced by one with the same serial number",
        settled({
          secret: managed(certificate(FACTS.serialNumber, { fingerprint: "EE:FF" })),
          atlas: listed(FACTS.serialNumber),
        }),
      ),
    ],
    SecretReverted: [
      recorded(
        "Someone restored an older Secret",
        settled({
          nowMs: RENEWAL_MS + HOUR_MS,
          atlas: listed(FACTS.serialNumber, entryFor(FRESH)),
          status: { recentIssuances: [ofRecord("1002", "2030-05-01T00:00:00Z")] },
        }),
      ),
    ],
    IdentityChanged: [
      recorded("spec.username was changed", settled({ spec: { username: "billing" }, generation: 2, atlas: listed() })),
    ],
    RenewRequested: [
      recorded(
        "Someone asked for a renewal",
        settled({ renewRequest: "2030-01-11T00:00:00Z", atlas: listed(FACTS.serialNumber) }),
      ),
    ],
    NearingExpiry: [recorded("The renewal is due", settled({ nowMs: RENEWAL_MS, atlas: listed(FACTS.serialNumber) }))],
    NotListedByAtlas: [
      recorded("Three lists in a row lack the certificate", settled({ atlas: listed(), ...unlisted(3) })),
      seen("A certificate that the operator has adopted is missing", reconciled(firstReconcile({ atlas: listed() }))),
      seen("Its replacement is missing, too", reconciled(settled({ atlas: listed(), ...unlisted(3, true) }))),
    ],
    Expired: [
      recorded("A new certificate is being issued", settled({ nowMs: EXPIRED_MS, atlas: listed() })),
      seen(
        "Atlas cannot be reached",
        reconciled(settled({ nowMs: EXPIRED_MS, atlas: refused(ATLAS_ERRORS.unreachable) })),
      ),
      seen("Someone has to act", reconciled(settled({ nowMs: EXPIRED_MS, atlas: refused(ATLAS_ERRORS.role) }))),
      unread("The operator may not read the Secret", readForbidden()),
      unread("The API server does not answer", UNREACHABLE),
    ],
  };
}

function pemData(certificatePem: string, keyPem: string): SecretData {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  return { "tls.crt": base64(certificatePem), "tls.key": base64(keyPem) };
}

/** Lists of the last half hour lacked the certificate. */
function unlisted(lists: number, replaced = false) {
  const [since, latest] = [timestamp(NOW - 30 * 60_000), timestamp(NOW - 10 * 60_000)];
  return {
    status: { unlisted: { serialNumber: FACTS.serialNumber, since, latest, lists, ...(replaced && { replaced }) } },
  };
}

function readForbidden() {
  return new KubeError({
    reason: "Forbidden",
    operation: "get secrets shop/orders-api-mongodb",
    status: 403,
    explanation:
      'secrets "orders-api-mongodb" is forbidden: User "system:serviceaccount:atlas-cert-operator:atlas-cert-operator" cannot get resource "secrets" in the namespace "shop"',
  });
}

function unread(title: string, error: KubeError): Sample {
  const conditions = expiredUnread(settled().resource, readFailure(error), EXPIRED_MS);
  if (conditions === undefined) throw new Error("there is nothing to report");
  return { title, conditions, events: [] };
}
