import { HOUR_MS } from "../../../src/clock.ts";
import { announce } from "../../../src/controllers/customer-x509-removal/announce.ts";
import { decide } from "../../../src/controllers/customer-x509-removal/core/decide.ts";
import { nextStatus as nextRemovalStatus } from "../../../src/controllers/customer-x509-removal/core/next-status.ts";
import type { Outcome } from "../../../src/controllers/customer-x509-removal/core/outcome.ts";
import type { Snapshot } from "../../../src/controllers/customer-x509-removal/core/snapshot.ts";
import {
  CA,
  isSet,
  NOW,
  OTHER_CA,
  PROJECT,
  recorded,
  removal,
  snapshot,
} from "../../../src/controllers/customer-x509-removal/testing/snapshots.ts";
import { nextStatus as nextProjectStatus } from "../../../src/controllers/project-x509/core/next-status.ts";
import type { Snapshot as ProjectSnapshot } from "../../../src/controllers/project-x509/core/snapshot.ts";
import type { EventReport } from "../../../src/kube/events/event-object.ts";
import { silentLog } from "../../../src/kube/log.ts";
import type { Sample } from "./samples.ts";

const RECORD = { projectId: PROJECT, requestedAt: "2026-11-24T12:00:00Z" };
const NOTHING: Outcome = { kind: "nothing" };

const REMOVALS: readonly (readonly [title: string, change: Partial<Snapshot>, outcome: Outcome])[] = [
  ["The request is on record, and Atlas is asked", {}, { kind: "recorded", ...RECORD }],
  ["Atlas' answer was lost", {}, { kind: "answerLost", ...RECORD, problem: "Atlas did not answer within 30 s." }],
  ["Customer-managed X.509 is off", { removal: recorded(), atlas: isSet() }, NOTHING],
  ["It was off before", { atlas: isSet() }, NOTHING],
  ["Other certificate authorities are set", { atlas: isSet(OTHER_CA) }, NOTHING],
  ["spec.notAfter has passed", { nowMs: NOW + 5 * HOUR_MS }, NOTHING],
  [
    "spec.notAfter is too late",
    { removal: removal({ spec: { ...removal().spec, notAfter: "2026-11-26T00:00:00Z" } }) },
    NOTHING,
  ],
  ["Atlas has not confirmed it within an hour", { removal: recorded(), nowMs: NOW + HOUR_MS }, NOTHING],
];

const AUTHORITY = { fingerprint: CA, subject: "CN=Root", notAfter: new Date(NOW + 1000 * HOUR_MS) };

const PROJECTS: readonly (readonly [title: string, atlas: ProjectSnapshot["atlas"]])[] = [
  ["All is well", isSet()],
  ["Customer-managed X.509 is on", { kind: "read", authorities: [AUTHORITY] }],
  ["Customer-managed X.509 is on, and Atlas' settings are unreadable", { kind: "unreadable" }],
];

/** The messages of an AtlasCustomerX509Removal. */
export function removalSamples(): readonly Sample[] {
  return REMOVALS.map(([title, change, outcome]) => {
    const of = snapshot(change);
    const assessment = { snapshot: of, decision: decide(of), outcome };
    const events: EventReport[] = [];
    announce({ events: { record: (event) => void events.push(event) }, log: silentLog }, assessment);
    return { title, conditions: nextRemovalStatus(assessment, [])?.conditions ?? [], events };
  });
}

/** The messages of an AtlasProjectX509. */
export function projectSamples(): readonly Sample[] {
  return PROJECTS.map(([title, atlas]) => {
    const project = {
      ...{ valid: true as const, name: "production", uid: "1", resourceVersion: "1", generation: 1, deleting: false },
      creationTimestamp: "2026-11-24T11:00:00Z",
      spec: { projectId: PROJECT, credentialsRef: { name: "atlas-production" } },
      status: {},
    };
    const { conditions = [] } = nextProjectStatus({ nowMs: NOW, project, atlas, resources: [], tokens: 1200 });
    return { title, conditions, events: [] };
  });
}
