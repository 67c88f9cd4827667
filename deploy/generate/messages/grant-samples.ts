import { timestamp } from "../../../src/api/timestamp.ts";
import type { ProjectRefusal, Snapshot } from "../../../src/controllers/user-certificate/core/model/snapshot.ts";
import {
  FACTS,
  FRESH,
  NOW,
  recent,
  reconciled,
  settled,
} from "../../../src/controllers/user-certificate/testing/snapshots.ts";
import { seen } from "./samples.ts";
import { nothingYet, THROUGH_PROJECT } from "./situations.ts";

/** Not even Atlas' list is asked for. */
const WITHHELD = { credentials: { kind: "withheld", version: undefined }, atlas: { kind: "notAsked" } } as const;

export function grantSamples() {
  return {
    OwnCredentialsForbidden: [
      seen(
        "Before the first certificate",
        reconciled(nothingYet({}, { project: { kind: "ownForbidden" }, ...WITHHELD })),
      ),
    ],
    NotGranted: [
      seen("There is no grant, or no such project", reconciled(nothingYet(...refused({ because: "notNamed" })))),
      seen("The grant allows fewer months", reconciled(nothingYet(...refused({ because: "months", most: 1 })))),
      seen("The grant is used up", reconciled(nothingYet(...refused({ because: "resources", most: 20 })))),
      seen("The operator serves no projects", reconciled(nothingYet(...refused({ because: "notServed" })))),
      seen("The grant was withdrawn", withdrawn(NOW)),
      seen("The grant was withdrawn, and the certificate has expired", withdrawn(FACTS.notAfter.getTime() + 1000)),
    ],
    UsernameTaken: [
      seen(
        "Another namespace had the user first",
        reconciled(nothingYet({ spec: THROUGH_PROJECT }, { project: { kind: "granted", isTaken: true }, ...WITHHELD })),
      ),
    ],
    GrantsUnverified: [
      seen(
        "Before the first certificate",
        reconciled(nothingYet({ spec: THROUGH_PROJECT }, { project: { kind: "unverified" } })),
      ),
    ],
  };
}

function refused(refusal: ProjectRefusal): Parameters<typeof nothingYet> {
  return [{ spec: THROUGH_PROJECT }, { project: { kind: "refused", refusal }, ...WITHHELD }];
}

function withdrawn(nowMs: number) {
  const before = settled({
    spec: THROUGH_PROJECT,
    status: {
      recentIssuances: [recent({ serialNumber: FRESH.serialNumber, notAfter: timestamp(FRESH.notAfter.getTime()) })],
    },
  });
  const change: Partial<Snapshot> = {
    project: { kind: "refused", refusal: { because: "notNamed" } },
    ...WITHHELD,
    nowMs,
  };
  return reconciled({ ...before, ...change });
}
