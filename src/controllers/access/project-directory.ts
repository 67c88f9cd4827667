import { CREDENTIALS_LABEL } from "../../api/names.ts";
import type { ProjectX509 } from "../../api/project-x509.ts";
import type { ObjectRef } from "../../kube/resource-type.ts";
import type { AtlasAccess } from "./atlas-access.ts";
import type { ProjectApi } from "./atlas-api.ts";
import type { RefusalReason } from "./refusal.ts";

/** Why the operator can do nothing in the project of an AtlasProjectX509 now. */
export type ProjectBlockedReason =
  | RefusalReason
  | "CredentialsMissing"
  | "ProjectMissing"
  | "ProjectClaimedTwice"
  | "ProjectsUnverified"
  /** An AtlasCustomerX509Removal asked for a change of the project that its AtlasProjectX509 named before. */
  | "ProjectChanged";

/** Why nothing happens now. */
export interface ProjectBlocker {
  readonly reason: ProjectBlockedReason;
  /** One sentence that says what is wrong, without a remedy. */
  readonly problem: string;
  /** One sentence that says what to do. @default the operator retries */
  readonly remedy?: string | undefined;
  /** Waiting does not help: a person has to act. */
  readonly needsPerson: boolean;
  /** Wait that Atlas asks for, in milliseconds. */
  readonly atLeastMs?: number | undefined;
}

/** A project at Atlas, and the credentials for it. */
export interface ProjectAtAtlas {
  readonly projectId: string;
  readonly api: ProjectApi;
  /** The Secret with the credentials, in the middle of a sentence. */
  readonly credentialsPlace: string;
}

/** The project that an AtlasProjectX509 stands for, as far as the operator can reach it. */
export type NamedProject =
  | { readonly kind: "usable"; readonly project: ProjectAtAtlas }
  | { readonly kind: "unusable"; readonly blocker: ProjectBlocker };

export interface ProjectDirectoryOptions {
  readonly access: Pick<AtlasAccess, "ofProject">;
  readonly projects: {
    get(name: string): ProjectX509 | undefined;
    /** The one of several for the same project at Atlas that counts. */
    ruling(projectId: string): ProjectX509 | undefined;
  };
  readonly serving: {
    /** Namespace of these Secrets. */
    readonly namespace: string;
    isCurrent(what: "projects"): boolean;
  };
}

/** The way from the name of an AtlasProjectX509 to its project at Atlas. */
export class ProjectDirectory {
  readonly #options: ProjectDirectoryOptions;

  constructor(options: ProjectDirectoryOptions) {
    this.#options = options;
  }

  async of(name: string): Promise<NamedProject> {
    const { access, projects, serving } = this.#options;
    if (!serving.isCurrent("projects")) return unusable(OUT_OF_DATE);
    const project = projects.get(name);
    if (project === undefined) return unusable(missing(name));
    const { credentialsRef, projectId } = project.spec;
    const ruling = projects.ruling(projectId);
    if (ruling !== undefined && ruling.uid !== project.uid) return unusable(claimedTwice(name, ruling.name));
    const ref: ObjectRef = { namespace: serving.namespace, name: credentialsRef.name };
    const credentialsPlace = `Secret ${ref.name} in namespace ${ref.namespace}`;
    const found = await access.ofProject(ref);
    if (found.kind === "usable") return { kind: "usable", project: { projectId, api: found.api, credentialsPlace } };
    return unusable({
      reason: "CredentialsMissing",
      problem: found.kind === "unusable" ? found.problem : `AtlasProjectX509 ${name} names no credentials.`,
      remedy: `Put clientId and clientSecret, or publicApiKey and privateApiKey, into ${credentialsPlace}, and label it ${CREDENTIALS_LABEL}: "true".`,
      needsPerson: true,
    });
  }
}

const OUT_OF_DATE: ProjectBlocker = {
  reason: "ProjectsUnverified",
  problem: "The operator's watch of AtlasProjectX509s is out of date.",
  needsPerson: false,
};

function missing(name: string): ProjectBlocker {
  return {
    reason: "ProjectMissing",
    problem: `AtlasProjectX509 ${name} does not exist, or this version of the operator cannot read it.`,
    remedy: "Create it, or create a new AtlasCustomerX509Removal that names another one.",
    needsPerson: true,
  };
}

function claimedTwice(name: string, ruling: string): ProjectBlocker {
  return {
    reason: "ProjectClaimedTwice",
    problem: `The older AtlasProjectX509 ${ruling} has the same spec.projectId, so ${name} is not used.`,
    remedy: `Delete one of the two, or correct the spec.projectId of one.`,
    needsPerson: true,
  };
}

function unusable(blocker: ProjectBlocker): NamedProject {
  return { kind: "unusable", blocker };
}
