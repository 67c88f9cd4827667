import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { ProjectX509, ProjectX509Status } from "../../../api/project-x509.ts";
import type { ProjectBlocker } from "../../access/project-directory.ts";
import { isNews, nextStatus, removalCommand } from "./next-status.ts";
import type { Snapshot } from "./snapshot.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const CA = { fingerprint: `sha256:${"ab".repeat(32)}`, subject: "CN=Root", notAfter: new Date("2030-01-01T00:00:00Z") };
const ON: Snapshot["atlas"] = { kind: "read", authorities: [CA] };
const OFF: Snapshot["atlas"] = { kind: "read", authorities: [] };
const BLOCKER: ProjectBlocker = {
  reason: "RoleMissing",
  problem: "The role is missing.",
  remedy: "Grant it.",
  needsPerson: true,
};

function project(status: ProjectX509Status = {}): ProjectX509 {
  return {
    ...{ valid: true, name: "production", uid: "uid-1", resourceVersion: "1", generation: 3, deleting: false },
    creationTimestamp: "2026-11-01T00:00:00Z",
    spec: { projectId: "32b6e34b3d91647abb20e7b8", credentialsRef: { name: "atlas-production" } },
    status,
  };
}

function snapshot(change: Partial<Snapshot> = {}): Snapshot {
  return { nowMs: NOW, project: project(), atlas: OFF, resources: [], tokens: 1199.7, ...change };
}

function resource(username: string, reason: string, unexpiredCertificates: number): Snapshot["resources"][number] {
  const time = "2026-11-24T11:00:00Z";
  const status = reason === "Issued" ? "True" : "False";
  const ready = { type: "Ready", status, reason, message: "in namespace shop", lastTransitionTime: time } as const;
  return { spec: { username }, status: { conditions: [ready], unexpiredCertificates } } as never;
}

const conditions = (status: ProjectX509Status) =>
  (status.conditions ?? []).map((one) => `${one.type}=${one.status} ${one.reason}`);

test.each<readonly [string, Snapshot["atlas"], readonly string[]]>([
  ["reachable", OFF, ["Ready=True Reachable", "Stalled=False Reachable"]],
  ["with customer-managed X.509", ON, ["Ready=False CustomerManagedX509On", "Stalled=True CustomerManagedX509On"]],
  [
    "with authorities that can't be read",
    { kind: "unreadable" },
    ["Ready=False CustomerManagedX509On", "Stalled=True CustomerManagedX509On"],
  ],
  [
    "that Atlas refuses",
    { kind: "unknown", blocker: BLOCKER },
    ["Ready=False RoleMissing", "Stalled=True RoleMissing"],
  ],
  [
    "without credentials",
    { kind: "unreachable", blocker: { ...BLOCKER, reason: "CredentialsMissing" } },
    ["Ready=False CredentialsMissing", "Stalled=True CredentialsMissing"],
  ],
  [
    "while Atlas is out of order",
    { kind: "unknown", blocker: { reason: "AtlasUnavailable", problem: "No answer.", needsPerson: false } },
    ["Ready=False AtlasUnavailable", "Stalled=False AtlasUnavailable"],
  ],
])("a project %s says so", (_what, atlas, expected) => {
  const status = nextStatus(snapshot({ atlas }));
  expect(conditions(status)).toEqual(expected);
  expect(status.observedGeneration).toBe(3);
});

test("the status counts what the project grants, each user's certificates once", () => {
  const resources = [
    resource("orders-api", "Issued", 2),
    resource("orders-api", "Issued", 2),
    resource("orders-jobs", "UserNotFound", 1),
    resource("admin", "NotGranted", 7),
    resource("root", "UsernameTaken", 7),
  ];
  const status = nextStatus(snapshot({ resources }));
  expect(status).toMatchObject({ resources: 3, ready: 2, unexpired: 3, rateLimitTokens: 1199 });
});

test("the status names no namespace, no user and no resource", () => {
  const text = JSON.stringify(nextStatus(snapshot({ atlas: ON, resources: [resource("orders-api", "Issued", 1)] })));
  expect(text).not.toMatch(/orders-api|shop/);
});

test("the status names the authorities that are set, and when Atlas said so", () => {
  expect(nextStatus(snapshot({ atlas: ON })).customerManagedX509).toEqual({
    enabled: true,
    certificateAuthorities: [{ fingerprint: CA.fingerprint, subject: "CN=Root", notAfter: "2030-01-01T00:00:00Z" }],
    observedAt: "2026-11-24T12:00:00Z",
  });
  expect(nextStatus(snapshot()).customerManagedX509).toEqual({ enabled: false, observedAt: "2026-11-24T12:00:00Z" });
});

test("an answer that did not come leaves what Atlas said before, unless the project became another one", () => {
  const before = nextStatus(snapshot({ atlas: ON }));
  const silent = { kind: "unknown", blocker: BLOCKER } as const;
  expect(nextStatus(snapshot({ project: project(before), atlas: silent })).customerManagedX509).toEqual(
    before.customerManagedX509,
  );
  const other = project({ ...before, observedGeneration: 2 });
  expect(nextStatus(snapshot({ project: other, atlas: silent }))).not.toHaveProperty("customerManagedX509");
});

test.each<readonly [string, Partial<Snapshot>, boolean]>([
  ["time and tokens alone", { nowMs: NOW + 600_000, tokens: 5 }, false],
  ["the number of resources", { resources: [resource("orders-api", "Issued", 1)] }, true],
  ["customer-managed X.509", { atlas: ON }, true],
  ["the reason", { atlas: { kind: "unknown", blocker: BLOCKER } }, true],
])("a status that differs in %s", (_what, change, expected) => {
  const before = nextStatus(snapshot());
  expect(isNews(before, nextStatus(snapshot({ project: project(before), ...change })))).toBe(expected);
});

test("customer-managed X.509 comes with a command whose manifest names exactly the authorities", () => {
  const status = nextStatus(snapshot({ atlas: ON }));
  const stalled = status.conditions?.find(({ type }) => type === "Stalled")?.message ?? "";
  const command = removalCommand("production", [CA.fingerprint]);
  expect(stalled).toContain(command);
  expect(stalled).toContain("restarts the nodes of every cluster");
  const manifest: unknown = parse(command.split("\n").slice(1, -1).join("\n"));
  expect(manifest).toEqual({
    apiVersion: "atlascerts.io/v1alpha1",
    kind: "AtlasCustomerX509Removal",
    metadata: { generateName: "production-" },
    spec: {
      projectRef: { name: "production" },
      certificateAuthorities: [CA.fingerprint],
      notAfter: "$(TZ=UTC-2 date +%FT%TZ)",
      acknowledgeRollingRestart: true,
    },
  });
});

test("a resource that has no status yet counts as one that is not ready and has no certificates", () => {
  const fresh = { spec: { username: "new" }, status: {} } as Snapshot["resources"][number];
  const counted = nextStatus(snapshot({ resources: [resource("orders", "Issued", 2), fresh] }));
  expect(counted).toMatchObject({ resources: 2, ready: 1, unexpired: 2 });
});

describe("while Atlas does not answer", () => {
  const silent: Snapshot["atlas"] = {
    kind: "unreachable",
    blocker: { reason: "AtlasUnavailable", problem: "No answer.", needsPerson: false },
  };
  const before = { ...nextStatus(snapshot({ atlas: ON })) };

  test("what was known of customer-managed X.509 stays", () => {
    const after = nextStatus(snapshot({ atlas: silent, project: project({ ...before, observedGeneration: 3 }) }));
    expect(after.customerManagedX509).toEqual(before.customerManagedX509);
  });

  test("what was known of another project is forgotten", () => {
    const after = nextStatus(snapshot({ atlas: silent, project: project({ ...before, observedGeneration: 2 }) }));
    expect(after).not.toHaveProperty("customerManagedX509");
  });

  test("Stalled states a problem alone if no remedy is known", () => {
    const blocker = { reason: "ProjectNotFound", problem: "Atlas has no such project.", needsPerson: true };
    const { conditions = [] } = nextStatus(snapshot({ atlas: { kind: "unknown", blocker } as Snapshot["atlas"] }));
    const stalled = conditions.find(({ type }) => type === "Stalled");
    expect(stalled).toMatchObject({ status: "True", message: "Atlas has no such project." });
  });
});
