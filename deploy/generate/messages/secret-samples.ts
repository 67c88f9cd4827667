import { timestamp } from "../../../src/api/timestamp.ts";
import { judgeData } from "../../../src/certificate/secret-data.ts";
import { HOUR_MS } from "../../../src/clock.ts";
import {
  crdOutdated,
  notStored,
  notWritable,
} from "../../../src/controllers/user-certificate/cluster/secret-blockers.ts";
import { foreignBecause } from "../../../src/controllers/user-certificate/cluster/secret-ownership.ts";
import { secretForeign } from "../../../src/controllers/user-certificate/core/decide/blockers.ts";
import type { Blocker } from "../../../src/controllers/user-certificate/core/model/blocker.ts";
import type { Outcome } from "../../../src/controllers/user-certificate/core/model/decision.ts";
import type { SecretState, Snapshot } from "../../../src/controllers/user-certificate/core/model/snapshot.ts";
import {
  ABSENT,
  FACTS,
  FRESH,
  firstReconcile,
  issuance,
  listed,
  managed,
  NOW,
  POLICY,
  reconciled,
  resource,
  secretMetadataFor,
  settled,
} from "../../../src/controllers/user-certificate/testing/snapshots.ts";
import { seen } from "./samples.ts";

import { FORBIDDEN, failure, holding, nothingYet, ofRecord, UNREACHABLE } from "./situations.ts";

export function secretSamples() {
  return {
    Suspended: [
      seen("Before the first certificate", reconciled(nothingYet({ spec: { suspend: true } }))),
      seen("While a certificate is valid", reconciled(settled({ spec: { suspend: true } }))),
    ],
    KeystorePasswordMissing: [
      seen(
        "The spec asks for a keystore, and its password is missing",
        reconciled(
          settled({
            spec: { keystores: { pkcs12: { passwordSecretRef: { name: "keystore", key: "password" } } } },
            keystorePassword: { kind: "unusable", problem: "Secret keystore does not exist." },
          }),
        ),
      ),
    ],
    SecretForeign: [
      seen("A Secret of another type", reconciled(firstReconcile({ secret: foreign("Opaque", ["argocd"]) }))),
      seen("A Secret of another owner", reconciled(firstReconcile({ secret: foreign("kubernetes.io/tls", []) }))),
      seen("A certificate was issued meanwhile", waiting(settled({ secret: ABSENT }), foreign("Opaque", []))),
    ],
    SecretClaimedTwice: [
      seen("Another resource uses the Secret", reconciled(nothingYet({}, { secretHolder: { name: "checkout" } }))),
      seen(
        "Another resource used the Secret before",
        reconciled(firstReconcile({ secretHolder: { name: "checkout", movedTo: "checkout-mongodb" } })),
      ),
    ],
    SecretContended: [
      seen("The Secret keeps being deleted", reconciled(settled(damagedOften(ABSENT)))),
      seen(
        "Another writer keeps overwriting the Secret",
        reconciled(settled(damagedOften(holding({}, { otherWriters: ["argocd-controller"] })))),
      ),
      seen(
        "Two writers fight for the Secret's labels",
        reconciled(
          settled({
            secret: managed(FACTS, { labels: {}, otherWriters: ["argocd-controller"] }),
            recentRepairs: Array.from({ length: 5 }, (_, index) => NOW - (index + 1) * 60_000),
          }),
        ),
      ),
    ],
    SecretNotWritable: [
      seen(
        "The API server refuses the Secret, so nothing is issued",
        failure(nothingYet(), notWritable(resource(), FORBIDDEN)),
      ),
      seen("The API server does not answer", failure(nothingYet(), notWritable(resource(), UNREACHABLE))),
      seen(
        "The API server refuses the Secret of a certificate that was issued",
        parked(nothingYet(), notStored(resource(), FORBIDDEN)),
      ),
      seen(
        "A bug keeps a certificate that was issued out of its Secret",
        parked(nothingYet(), notStored(resource(), new TypeError("x"))),
      ),
      seen(
        "A certificate waits for its Secret, which now belongs to someone else",
        reconciled(
          settled({
            parked: { facts: FRESH, attempt: issuance() },
            secret: foreign("Opaque", []),
            status: { issuance: issuance() },
          }),
        ),
      ),
    ],
    SecretTerminating: [
      seen("A finalizer holds the Secret", reconciled(firstReconcile({ secret: managed(FACTS, { deleting: true }) }))),
    ],
    CertificateParked: [
      seen(
        "The previous leader is still storing a certificate",
        reconciled(
          nothingYet({
            status: {
              issuance: issuance({
                parked: {
                  pod: "atlas-cert-operator-7d9f",
                  serialNumber: FRESH.serialNumber,
                  notAfter: timestamp(FRESH.notAfter.getTime()),
                  until: timestamp(NOW + 120_000),
                },
              }),
            },
          }),
        ),
      ),
    ],
    TooManyParked: [
      seen("Too many in the namespace", reconciled(nothingYet({}, { parkedCounts: { inNamespace: 3, inTotal: 5 } }))),
      seen("Too many in the operator", reconciled(nothingYet({}, { parkedCounts: { inNamespace: 1, inTotal: 20 } }))),
    ],
    CrdOutdated: [seen("The installed CRD drops a field", failure(nothingYet(), crdOutdated(POLICY)))],
  };
}

function parked(snapshot: Snapshot, blocker: Blocker) {
  const outcome: Outcome = {
    ...{ kind: "parked", facts: FRESH, attempt: issuance(), pod: "atlas-cert-operator-7d9f", blocker },
    nextTryMs: NOW + 1500,
  };
  return reconciled(snapshot, outcome);
}

/** A certificate that was issued finds its Secret taken. */
function waiting(snapshot: Snapshot, secret: SecretState) {
  const blocker = secretForeign({ secret, resource: snapshot.resource });
  if (blocker === undefined) throw new Error("the Secret is not foreign");
  return parked(snapshot, { ...blocker, needsPerson: true });
}

function foreign(type: string, otherWriters: readonly string[]): SecretState {
  const metadata = secretMetadataFor(FACTS, { annotations: {}, labels: {}, otherWriters });
  const problem = foreignBecause({ secret: { type }, metadata, content: judgeData({}), fingerprint: undefined });
  if (problem === undefined) throw new Error("the Secret is the operator's");
  return { kind: "foreign", metadata, problem };
}

/** The Secret was damaged and restored twice in a day. */
function damagedOften(secret: SecretState) {
  const entries = ["1000", "1001"].map((serialNumber, index) => ({
    ...ofRecord(serialNumber, timestamp(FACTS.notAfter.getTime())),
    time: timestamp(NOW - (3 - index) * HOUR_MS),
    reason: "SecretMissing",
    replaces: "999",
  }));
  return { secret, atlas: listed(FACTS.serialNumber), status: { recentIssuances: entries } };
}
