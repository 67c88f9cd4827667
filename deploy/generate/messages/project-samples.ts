import type { ProjectX509 } from "../../../src/api/project-x509.ts";
import type { AtlasError } from "../../../src/atlas/errors/atlas-error.ts";
import { HOUR_MS } from "../../../src/clock.ts";
import type { ProjectApi } from "../../../src/controllers/access/atlas-api.ts";
import { type NamedProject, ProjectDirectory } from "../../../src/controllers/access/project-directory.ts";
import { readAuthorities } from "../../../src/controllers/access/read-authorities.ts";
import { CA, NOW, PROJECT } from "../../../src/controllers/customer-x509-removal/testing/snapshots.ts";
import { announce } from "../../../src/controllers/project-x509/announce.ts";
import { nextStatus, type ProjectReason } from "../../../src/controllers/project-x509/core/next-status.ts";
import type { Snapshot } from "../../../src/controllers/project-x509/core/snapshot.ts";
import type { EventReport } from "../../../src/kube/events/event-object.ts";
import { silentLog } from "../../../src/kube/log.ts";
import { PROJECT_ERRORS } from "./atlas-errors.ts";
import { WITHOUT_SECRETS } from "./no-secrets.ts";
import type { Sample } from "./samples.ts";

/** The other reasons are Atlas' answers to calls about one user, or those of an AtlasCustomerX509Removal. */
type Reason = Exclude<
  ProjectReason,
  "UserNotFound" | "TooManyUnexpired" | "AnswerLost" | "ProjectMissing" | "ProjectChanged"
>;

/** For each reason of an AtlasProjectX509 the situations that have it: a reason without one does not compile. */
export async function projectSamples(): Promise<Readonly<Record<Reason, readonly Sample[]>>> {
  const authority = { fingerprint: CA, subject: "CN=Root", notAfter: new Date(NOW + 1000 * HOUR_MS) };
  return {
    Reachable: [sample("The project can be used", { kind: "read", authorities: [] })],
    CustomerManagedX509On: [
      sample("Customer-managed X.509 is on", { kind: "read", authorities: [authority] }),
      sample("Customer-managed X.509 is on, and Atlas' settings cannot be read", { kind: "unreadable" }),
    ],
    CredentialsMissing: [
      sample("The Secret does not exist, or has no label", await projectAtlas({ isLabelled: false })),
      sample("The Secret lacks a key", await projectAtlas({ problem: LACKS_KEY })),
    ],
    ProjectClaimedTwice: [sample("An older AtlasProjectX509 has the project", await projectAtlas({ isSecond: true }))],
    ProjectsUnverified: [sample("The watch is out of date", await projectAtlas({ isCurrent: false }))],
    CredentialsRejected: [sample("Atlas rejects the credentials", await refused("CredentialsRejected"))],
    RoleMissing: [sample("The credentials lack a role", await refused("RoleMissing"))],
    IpNotOnAccessList: [sample("Atlas refuses the operator's address", await refused("IpNotOnAccessList"))],
    ProjectNotFound: [sample("Atlas does not know the project", await refused("ProjectNotFound"))],
    RequestRejected: [sample("Atlas rejects the request", await refused("RequestRejected"))],
    RateLimited: [sample("Atlas' rate limit is reached", await refused("RateLimited"))],
    AtlasUnavailable: [sample("Atlas has a problem", await refused("AtlasUnavailable"))],
  };
}

const LACKS_KEY = "The credentials hold clientId but not clientSecret, and both are needed.";

export interface Situation {
  readonly isCurrent?: boolean;
  readonly isMissing?: boolean;
  readonly isSecond?: boolean;
  readonly isLabelled?: boolean;
  readonly problem?: string;
  readonly api?: ProjectApi;
}

/** The way to the project of the AtlasProjectX509 `production`. */
export function projectIn({
  isCurrent = true,
  isMissing = false,
  isSecond = false,
  isLabelled = true,
  problem,
  api = failing(PROJECT_ERRORS.AtlasUnavailable),
}: Situation): Promise<NamedProject> {
  const directory = new ProjectDirectory({
    access: {
      ofProject: async (ref) => {
        if (!isLabelled) return WITHOUT_SECRETS.ofProject(ref);
        return problem === undefined
          ? { kind: "usable", version: "1", api: { ...api, ...NO_CERTIFICATES } }
          : { kind: "unusable", version: "1", problem };
      },
    },
    projects: {
      get: (name) => (isMissing ? undefined : project(name)),
      ruling: () => project(isSecond ? "production-eu" : "production"),
    },
    serving: { namespace: "atlas-cert-operator", isCurrent: () => isCurrent },
  });
  return directory.of("production");
}

const NO_CERTIFICATES = {
  createDatabaseUserCertificate: () => Promise.reject(PROJECT_ERRORS.AtlasUnavailable),
  listAllDatabaseUserCertificates: () => Promise.reject(PROJECT_ERRORS.AtlasUnavailable),
};

/** Atlas answers every call about the project with this error. */
export function failing(error: AtlasError): ProjectApi {
  const reject = () => Promise.reject(error);
  return { getUserSecurity: reject, disableCustomerManagedX509: reject };
}

async function projectAtlas(situation: Situation): Promise<Snapshot["atlas"]> {
  const named = await projectIn(situation);
  if (named.kind === "unusable") return { kind: "unreachable", blocker: named.blocker };
  return (await readAuthorities(named.project, new AbortController().signal)).authorities;
}

function refused(reason: keyof typeof PROJECT_ERRORS): Promise<Snapshot["atlas"]> {
  return projectAtlas({ api: failing(PROJECT_ERRORS[reason]) });
}

function sample(title: string, atlas: Snapshot["atlas"]): Sample {
  const of = project("production");
  const status = nextStatus({ nowMs: NOW, project: of, atlas, resources: [], tokens: 1200 });
  const events: EventReport[] = [];
  announce({ events: { record: (event) => void events.push(event) }, log: silentLog }, of, status);
  return { title, conditions: status.conditions ?? [], events };
}

function project(name: string): ProjectX509 {
  return {
    ...{ valid: true as const, name, uid: name, resourceVersion: "1", generation: 1, deleting: false },
    creationTimestamp: "2026-11-24T11:00:00Z",
    spec: { projectId: PROJECT, credentialsRef: { name: "atlas-production" } },
    status: {},
  };
}
