import type { EventReport } from "../../../kube/events/event-object.ts";
import { Announcer } from "../announce.ts";
import type { Outcome } from "../core/model/decision.ts";
import type { ListedCertificate } from "../core/model/snapshot.ts";
import type { Assessment } from "../core/status/assessment.ts";
import { ResourceMemories } from "../resource-memory.ts";
import { ABSENT, FACTS, issuance, listed, NOW, settled } from "./snapshots.ts";

/** An Announcer, and what it has announced. */
export function announcing() {
  const events: EventReport[] = [];
  const logged: string[] = [];
  const counts = { orphans: 0, unaccounted: 0 };
  const line = (level: string) => (_fields: object, message: string) => void logged.push(`${level}: ${message}`);
  const log = { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
  const memories = new ResourceMemories();
  const announcer = new Announcer({
    memories,
    events: { record: (event) => void events.push(event) },
    onOrphan: () => void counts.orphans++,
    onUnaccounted: () => void counts.unaccounted++,
    log,
  });
  const announce = (...assessments: readonly Assessment[]) => {
    for (const one of assessments) {
      announcer.announceFindings(one);
      announcer.announceIssued(one);
      announcer.announce(one);
    }
  };
  const reasons = () => events.map(({ reason }) => reason);
  return { announcer, memories, announce, events, logged, counts, reasons };
}

const history = [
  { time: "2030-01-01T00:00:00Z", reason: "SecretMissing", serialNumber: "1001", notAfter: "2030-04-01T00:00:00Z" },
];
/** Issued by Atlas a minute ago. */
export const fresh = (serialNumber: string): ListedCertificate => ({
  serialNumber,
  createdAt: new Date(NOW - 60_000),
  notAfter: FACTS.notAfter,
});
export const missing = settled({ secret: ABSENT, atlas: listed("1001"), status: { recentIssuances: history } });
export const issued: Extract<Outcome, { kind: "issued" }> = { kind: "issued", facts: FACTS, attempt: issuance() };
/** An attempt of this time is on record. */
export const open = issuance({
  startedAt: new Date(NOW - 60_000).toISOString().replace(".000", ""),
  knownSerials: ["1001"],
});
