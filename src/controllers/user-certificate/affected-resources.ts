import { findCondition } from "../../api/conditions.ts";
import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import type { StoreEvent } from "../../kube/cache/store.ts";
import { objectKey } from "../../kube/resource-type.ts";
import type { CachedProject, ProjectCache } from "./cluster/project-cache.ts";
import type { CachedResource, ResourceCache } from "./cluster/resource-cache.ts";
import type { Assessment } from "./core/status/assessment.ts";

/** Says which resources and projects a change affects, beside the object that changed. */
export class AffectedResources {
  readonly #resources: ResourceCache;
  readonly #projects: ProjectCache;

  constructor(resources: ResourceCache, projects: ProjectCache) {
    this.#resources = resources;
    this.#projects = projects;
  }

  /** The others that want the same Secret or the same user: who holds it may have changed. */
  *byResource(event: StoreEvent<CachedResource>): Generator<UserCertificate> {
    const { object } = event;
    const isRespecified = event.kind !== "modified" || event.previous.generation !== object.generation;
    for (const state of event.kind === "modified" ? [object, event.previous] : [object]) {
      if (!state.valid) continue;
      const { spec, status } = state;
      if (spec.projectRef !== undefined && isRespecified) yield* this.#rivals(state, spec.projectRef.name);
      const leftBehind = (status.leftBehind ?? []).map(({ secretName }) => secretName);
      for (const name of new Set([spec.secretName, status.secretName, ...leftBehind])) {
        if (name !== undefined) yield* this.#otherClaimants(state, name);
      }
    }
  }

  /** Those that name a Secret, or read it. */
  *bySecret(key: string): Generator<UserCertificate> {
    yield* this.#resources.claimants(key);
    yield* this.#resources.reading(key);
  }

  /** Those of the namespace that use a project: a selector may choose the namespace from now on, or no longer. */
  *byNamespace(name: string): Generator<UserCertificate> {
    for (const resource of this.#resources.store.values()) {
      if (resource.namespace === name && resource.valid && resource.spec.projectRef !== undefined) yield resource;
    }
  }

  /**
   * The others that want the Secret of a resource whose attempt has been closed: it may be theirs now. The watch reports no
   * event for the operator's own write. While the attempt stays open nothing has changed for them: two resources with open
   * attempts would keep waking each other.
   */
  *byReconcile({ situation: { resource }, decision }: Assessment): Generator<UserCertificate> {
    const hadAttempt = decision.kind === "issue" || resource.status.issuance !== undefined;
    const now = this.#resources.get(objectKey(resource));
    if (!hadAttempt || (now?.valid && now.status.issuance !== undefined)) return;
    yield* this.#otherClaimants(resource, resource.spec.secretName);
  }

  /** Names of the projects whose credentials are in this Secret of the operator's namespace. */
  *projectsByCredentials(secretName: string): Generator<string> {
    for (const project of this.#projects.store.values()) {
      if (project.valid && project.spec.credentialsRef.name === secretName) yield project.name;
    }
  }

  /**
   * Names of the AtlasProjectX509s with the same project: the namespaces that may use it may have changed, and which of
   * these objects rules. A change of the status alone affects none.
   */
  projectsByProject(event: StoreEvent<CachedProject>): ReadonlySet<string> {
    if (event.kind === "modified" && isSameProject(event.object, event.previous)) return new Set();
    const names = new Set([event.key]);
    for (const state of event.kind === "modified" ? [event.object, event.previous] : [event.object]) {
      if (!state.valid) continue;
      for (const { name } of this.#projects.ofProjectId(state.spec.projectId)) names.add(name);
    }
    return names;
  }

  /** Those that wait for the same user, and those of the namespace that a limit of the grant may have kept waiting. */
  *#rivals(resource: UserCertificate, project: string): Generator<UserCertificate> {
    const waiting = this.#resources
      .ofProject(project, resource.namespace)
      .filter(({ status }) => findCondition(status, "Ready")?.reason === "NotGranted");
    for (const other of [...this.#resources.rivals(resource), ...waiting]) {
      if (other.uid !== resource.uid) yield other;
    }
  }

  *#otherClaimants({ namespace, uid }: UserCertificate, secretName: string): Generator<UserCertificate> {
    for (const claimant of this.#resources.claimants(objectKey({ namespace, name: secretName }))) {
      if (claimant.uid !== uid) yield claimant;
    }
  }
}

function isSameProject(left: CachedProject, right: CachedProject): boolean {
  return left.uid === right.uid && left.generation === right.generation && left.deleting === right.deleting;
}
