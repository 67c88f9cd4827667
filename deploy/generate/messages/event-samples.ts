import { timestamp } from "../../../src/api/timestamp.ts";
import type { CertificateFacts } from "../../../src/certificate/certificate-facts.ts";
import { DAY_MS, HOUR_MS } from "../../../src/clock.ts";
import { decide } from "../../../src/controllers/user-certificate/core/decide/decide.ts";
import { situationOf } from "../../../src/controllers/user-certificate/core/decide/situation.ts";
import type { ManagedSecret } from "../../../src/controllers/user-certificate/core/model/snapshot.ts";
import {
  ABSENT,
  certificate,
  FACTS,
  FRESH,
  firstReconcile,
  issuance,
  issued,
  listed,
  managed,
  NOW,
  reconciled,
  resource,
  settled,
} from "../../../src/controllers/user-certificate/testing/snapshots.ts";
import { announced, type Sample, seen } from "./samples.ts";
import { nothingYet, ofRecord } from "./situations.ts";

export function eventSamples() {
  return {
    Issued: [
      seen("The certificate is good", reconciled(firstReconcile({ atlas: listed(FACTS.serialNumber) }))),
      seen("A certificate was just issued", reconciled(nothingYet(), issued())),
      ...(["1h", "2000h", "3000h"] as const).map((renewBefore) =>
        seen(
          `spec.renewBefore is ${renewBefore}, the lifetime 90 days`,
          reconciled(settled({ spec: { renewBefore }, atlas: listed(FACTS.serialNumber) })),
        ),
      ),
    ],
    Repaired: [
      seen(
        "Someone changed the Secret's labels",
        reconciled(settled(), { kind: "repaired", differences: ["label team", "annotation note", "PEM files"] }),
      ),
    ],
    CertificateOrphaned: [
      seen(
        "An attempt's response was lost",
        reconciled(
          settled({
            atlas: listed(FACTS.serialNumber, lateEntry("1003")),
            status: { issuance: issuance({ knownSerials: [FACTS.serialNumber] }) },
          }),
        ),
      ),
      ...DISCARDS.map(discarded),
    ],
    CertificateUnaccountedFor: [
      seen(
        "Atlas lists a certificate that no resource explains",
        reconciled(
          settled({
            atlas: listed(FACTS.serialNumber, lateEntry("9999")),
            status: { recentIssuances: [ofRecord("1001", timestamp(FACTS.notAfter.getTime()))] },
          }),
        ),
      ),
      seen(
        "No list can show the outcome of an attempt",
        reconciled(
          settled({
            atlas: listed(FACTS.serialNumber),
            status: {
              issuance: issuance({ startedAt: timestamp(NOW - 2 * DAY_MS), knownSerials: [FACTS.serialNumber] }),
            },
          }),
        ),
      ),
    ],
    SecretLeftBehind: [
      seen(
        "spec.secretName was changed",
        reconciled(
          settled({
            spec: { secretName: "orders-api-tls" },
            generation: 2,
            secret: ABSENT,
            atlas: listed(FACTS.serialNumber),
          }),
        ),
      ),
    ],
    PodsOutdated: [outdated()],
    ClockSkewed: [
      announced("The node's clock is slow", (announcer) => announcer.announceSkew(resource(), 7 * 60_000)),
      announced("The node's clock is fast", (announcer) => announcer.announceSkew(resource(), -2 * HOUR_MS)),
    ],
  };
}

/** Two pods were not restarted since a renewal. */
function outdated(): Sample {
  const consumers = {
    ...{ pods: 3, outdated: 2, outdatedPods: ["orders-api-7d4b9c6f5-k2x8v", "orders-api-7d4b9c6f5-q9zwn"] },
    ...{ outdatedValidUntil: timestamp(FACTS.notAfter.getTime()), observedAt: timestamp(NOW) },
  };
  return announced("Half of the time until the old certificate expires has passed", (announcer) =>
    announcer.announceOutdated(resource({ status: { secretName: "orders-api-mongodb" } }), consumers),
  );
}

/** A certificate that Atlas issued a minute ago. */
function lateEntry(serialNumber: string) {
  return { serialNumber, createdAt: new Date(NOW - 60_000), notAfter: FRESH.notAfter };
}

const DISCARDS = [
  { title: "It expired before its Secret could be written", facts: { ...FRESH, notAfter: new Date(NOW - DAY_MS) } },
  { title: "spec.username was changed before its Secret could be written", username: "billing" },
  {
    title: "A newer certificate is in its Secret",
    secret: managed(certificate("1009", { notBefore: new Date(NOW + 1000) })),
  },
  { title: "Another attempt took its place", id: "attempt-2" },
] as const;

function discarded({
  title,
  ...change
}: {
  title: string;
  facts?: CertificateFacts;
  username?: string;
  secret?: ManagedSecret;
  id?: string;
}): Sample {
  const { facts = FRESH, username = "orders-api", secret = managed(), id = "attempt-1" } = change;
  const attempt = issuance({ knownSerials: [FACTS.serialNumber] });
  const snapshot = settled({
    parked: { facts, attempt },
    secret,
    spec: { username },
    status: { issuance: { ...attempt, id } },
  });
  const decision = decide(situationOf(snapshot));
  if (decision.kind !== "discard") throw new Error(`${title}: ${decision.kind}`);
  return announced(title, (announcer) =>
    announcer.announceOrphan(snapshot.resource, decision.parked, decision.problem),
  );
}
