import { byAge } from "../../../api/by-age.ts";
import type { UserCertificate } from "../../../api/parse-user-certificate.ts";
import type { Grant, ProjectX509 } from "../../../api/project-x509.ts";
import type { ObjectRef } from "../../../kube/resource-type.ts";
import { isTaken } from "../core/grant/first-holder.ts";
import { type GrantVerdict, matchGrants } from "../core/grant/match-grants.ts";
import type { ProjectState } from "../core/model/snapshot.ts";
import type { ProjectCache } from "./project-cache.ts";
import type { ResourceCache } from "./resource-cache.ts";

/** How AtlasProjectX509s are served. */
export interface ProjectServing {
  /** Namespace of the Secrets with the projects' credentials. */
  readonly namespace: string;
  /** Whether the caches of projects and of namespaces are current: neither unsynced nor out of date. */
  readonly isCurrent: (what: "projects" | "namespaces") => boolean;
}

export interface GrantsOptions {
  readonly projects: ProjectCache;
  readonly resources: ResourceCache;
  /** Undefined: no AtlasProjectX509 is served. */
  readonly serving: ProjectServing | undefined;
  readonly allowOwnCredentials: boolean;
}

const NOT_NAMED: ProjectState = { kind: "refused", refusal: { because: "notNamed" } };

/** Says what a resource may obtain, from the caches as they are at that moment. */
export class Grants {
  readonly #options: GrantsOptions;

  constructor(options: GrantsOptions) {
    this.#options = options;
  }

  observe(resource: UserCertificate): ProjectState {
    const { allowOwnCredentials, serving } = this.#options;
    if (resource.spec.projectRef === undefined) return { kind: allowOwnCredentials ? "own" : "ownForbidden" };
    if (serving === undefined) return { kind: "refused", refusal: { because: "notServed" } };
    if (!serving.isCurrent("projects")) return { kind: "unverified" };
    const project = this.#rulingProject(resource);
    if (project === undefined) return NOT_NAMED;
    const verdict = this.#verdict(project, resource, (grant) => this.#olderUses(project, resource, grant));
    if (verdict.kind === "granted") {
      const isTaken = !verdict.grant.shared && this.#isTaken(project, resource);
      return { kind: "granted", isTaken, customerManagedOffMs: customerManagedOffMs(project) };
    }
    switch (verdict.because) {
      case "labelsUnknown":
        // A namespace that is gone has no labels either.
        return serving.isCurrent("namespaces") ? NOT_NAMED : { kind: "unverified" };
      case "notNamed":
        return NOT_NAMED;
      case "months":
      case "resources":
        return { kind: "refused", refusal: { because: verdict.because, most: verdict.most } };
      default:
        return verdict satisfies never;
    }
  }

  /**
   * The Secret with the credentials that a resource may use; `withheld` where it may use none. An attempt on record keeps
   * them until its outcome is known, whatever was withdrawn since.
   */
  credentials(resource: UserCertificate, project: ProjectState): ObjectRef | "withheld" | undefined {
    const { namespace, spec, status } = resource;
    if (spec.projectRef === undefined) {
      if (project.kind === "ownForbidden") return "withheld";
      return spec.credentialsRef && { namespace, name: spec.credentialsRef.name };
    }
    const ruling = this.#rulingProject(resource);
    const { serving } = this.#options;
    if (ruling === undefined || serving === undefined) return "withheld";
    const isGranted = (project.kind === "granted" && !project.isTaken) || project.kind === "unverified";
    if (!isGranted && status.issuance?.projectId !== ruling.spec.projectId) return "withheld";
    return { namespace: serving.namespace, name: ruling.spec.credentialsRef.name };
  }

  /** The project that a resource names, unless an older object is for the same project at Atlas. */
  #rulingProject({ spec }: UserCertificate): ProjectX509 | undefined {
    const { projects } = this.#options;
    const project = spec.projectRef && projects.get(spec.projectRef.name);
    return project && projects.ruling(project.spec.projectId)?.uid === project.uid ? project : undefined;
  }

  #verdict(
    project: ProjectX509,
    { namespace, spec }: UserCertificate,
    olderUses: (grant: Grant) => number,
  ): GrantVerdict {
    const { projects, serving } = this.#options;
    const labels = serving?.isCurrent("namespaces") ? projects.namespaces.get(namespace)?.labels : undefined;
    const request = { namespace, labels, username: spec.username, months: spec.monthsUntilExpiration };
    return matchGrants(project.spec.grants ?? [], request, olderUses);
  }

  /** Number of older resources of the namespace that the grant is the first for. */
  #olderUses(project: ProjectX509, resource: UserCertificate, grant: Grant): number {
    const others = this.#options.resources.ofProject(project.name, resource.namespace);
    return others.filter((other) => {
      if (other.uid === resource.uid || other.deleting || byAge(other, resource) > 0) return false;
      const verdict = this.#verdict(project, other, () => 0);
      return verdict.kind === "granted" && verdict.grant === grant;
    }).length;
  }

  #isTaken(project: ProjectX509, resource: UserCertificate): boolean {
    return isTaken(resource, {
      rivals: this.#options.resources.rivals(resource),
      projectId: project.spec.projectId,
      isGranted: (other) => this.#verdict(project, other, () => 0).kind === "granted",
    });
  }
}

function customerManagedOffMs({ status: { customerManagedX509: seen } }: ProjectX509): number | undefined {
  return seen?.enabled === false ? Date.parse(seen.observedAt) : undefined;
}
