import type { InvalidUserCertificate, UserCertificate } from "../../../api/parse-user-certificate.ts";
import type { PendingRestart, Workload } from "../../../api/rollout-restart.ts";
import { Store, type StoreEvent } from "../../../kube/cache/store.ts";
import { Index } from "../../../kube/cache/store-index.ts";
import { objectKey } from "../../../kube/resource-type.ts";
import { parseUserName, userNameKey } from "../core/grant/user-name.ts";
import { passwordRef } from "../core/model/password-ref.ts";
import type { SecretIdentity } from "../core/model/snapshot.ts";
import { recordedUsers, type User, userKey } from "../core/model/user.ts";
import { ProjectCache } from "./project-cache.ts";

export type CachedResource = UserCertificate | InvalidUserCertificate;

/**
 * The resources as last seen, and the ways in which one change concerns others. They are handed out with the projectId of
 * the AtlasProjectX509 that they name, as far as that is known.
 */
export class ResourceCache {
  readonly #bySecret = new Index<CachedResource>((resource) =>
    resource.valid ? [objectKey({ namespace: resource.namespace, name: resource.spec.secretName })] : [],
  );
  readonly #byReadSecret = new Index<CachedResource>((resource) => {
    if (!resource.valid) return [];
    const { namespace, spec } = resource;
    const names = [spec.credentialsRef?.name, passwordRef(resource)?.name];
    return [...new Set(names)].flatMap((name) => (name === undefined ? [] : [objectKey({ namespace, name })]));
  });
  readonly #byUser = new Index<CachedResource>((resource) => (resource.valid ? userKeys(resource) : []));
  readonly #byProject = new Index<CachedResource>((resource) => {
    const name = resource.valid ? resource.spec.projectRef?.name : undefined;
    return name === undefined ? [] : [name, inNamespace(name, resource.namespace)];
  });
  /** By the name of the project and the parsed name of the user: however that one is spelled. */
  readonly #byProjectUser = new Index<CachedResource>((resource) => {
    const key = resource.valid ? projectUserKey(resource) : undefined;
    return key === undefined ? [] : [key];
  });
  /** By the workloads that they still have to restart. */
  readonly #byWorkload = new Index<CachedResource>((resource) =>
    resource.valid
      ? (resource.status.pendingRestarts ?? []).map((workload) => workloadKey(resource.namespace, workload))
      : [],
  );
  readonly #renewedByNamespace = new Index<CachedResource>((resource) =>
    resource.valid && resource.status.previous !== undefined ? [resource.namespace] : [],
  );
  readonly #projects: ProjectCache;
  readonly store = new Store<CachedResource>({
    indexes: [
      ...[this.#bySecret, this.#byReadSecret, this.#byUser, this.#byProject, this.#byProjectUser],
      this.#renewedByNamespace,
      this.#byWorkload,
    ],
  });

  constructor(projects = new ProjectCache()) {
    this.#projects = projects;
  }

  get(key: string): CachedResource | undefined {
    const resource = this.store.get(key);
    return resource?.valid ? this.resolved(resource) : resource;
  }

  /** With the projectId of the AtlasProjectX509 that it names. */
  resolved(resource: UserCertificate): UserCertificate {
    const { projectRef } = resource.spec;
    const projectId = projectRef && this.#projects.get(projectRef.name)?.spec.projectId;
    return projectId === undefined ? resource : { ...resource, spec: { ...resource.spec, projectId } };
  }

  /** Resources that name this Secret (`namespace/name`) in spec.secretName. */
  claimants(secret: string): readonly UserCertificate[] {
    return this.#valid(this.#bySecret.keys(secret));
  }

  /** Resources whose own Atlas credentials or keystore password are in this Secret (`namespace/name`). */
  reading(secret: string): readonly UserCertificate[] {
    return this.#valid(this.#byReadSecret.keys(secret));
  }

  /** Resources, of whatever namespace, that name this user of this project, or whose status records certificates of it. */
  ofUser(user: User): readonly UserCertificate[] {
    const { projectId, username } = user;
    const projects = projectId === undefined ? [] : this.#projects.ofProjectId(projectId);
    const keys = [userKey(user), ...projects.map(({ name }) => refKey(name, username))];
    return this.#valid([...new Set(keys.flatMap((key) => this.#byUser.keys(key)))]);
  }

  /** Resources that name this AtlasProjectX509; of one namespace, if it is given. */
  ofProject(name: string, namespace?: string): readonly UserCertificate[] {
    return this.#valid(this.#byProject.keys(namespace === undefined ? name : inNamespace(name, namespace)));
  }

  /** All resources that name the same AtlasProjectX509 and the same user, this one included. */
  rivals(resource: UserCertificate): readonly UserCertificate[] {
    const key = projectUserKey(resource);
    return key === undefined ? [] : this.#valid(this.#byProjectUser.keys(key));
  }

  /** Resources of this namespace whose status names the certificate before the current one. */
  renewed(namespace: string): readonly UserCertificate[] {
    return this.#valid(this.#renewedByNamespace.keys(namespace));
  }

  /** The restarts of one workload that resources of its namespace wait for. */
  pendingRestarts(namespace: string, workload: Workload): readonly PendingRestart[] {
    const waiting = this.#valid(this.#byWorkload.keys(workloadKey(namespace, workload)));
    return waiting
      .flatMap(({ status }) => status.pendingRestarts ?? [])
      .filter(({ kind, name }) => kind === workload.kind && name === workload.name);
  }

  #valid(keys: readonly string[]): readonly UserCertificate[] {
    return keys.map((key) => this.get(key)).filter((resource) => resource?.valid === true);
  }
}

function userKeys({ spec, status }: UserCertificate): readonly string[] {
  const { projectRef, username } = spec;
  const own = projectRef === undefined ? userKey(spec) : refKey(projectRef.name, username);
  return [...new Set([own, ...recordedUsers(status).map(userKey)])];
}

/** Never a userKey: a project ID has no colon. */
function refKey(project: string, username: string): string {
  return `ref:${project}/${username}`;
}

function inNamespace(project: string, namespace: string): string {
  return `${project}/${namespace}`;
}

function workloadKey(namespace: string, { kind, name }: Workload): string {
  return `${namespace}/${kind}/${name}`;
}

function projectUserKey({ spec }: UserCertificate): string | undefined {
  const name = spec.projectRef && parseUserName(spec.username);
  return name && `${spec.projectRef?.name}/${userNameKey(name)}`;
}

/**
 * Secrets as last seen, metadata alone. Those with the operator's label are watched apart from all others: the others
 * matter as credentials, as foreign Secrets in the way, and as managed ones whose label was removed.
 */
export class SecretCache {
  readonly labelled = new Store<SecretIdentity>();
  readonly others = new Store<SecretIdentity>();
  /** Those of the operator's namespace that an AtlasProjectX509 may name. */
  readonly ofProjects = new Store<SecretIdentity>();

  get(key: string): SecretIdentity | undefined {
    return this.labelled.get(key) ?? this.others.get(key) ?? this.ofProjects.get(key);
  }

  /**
   * Takes in the answer of our own write, which always sets the label. Gives what others had changed up to there and no
   * watch has reported: nothing where it was the label alone that was missing.
   *
   * @param onto the resourceVersion that was the write's precondition; undefined where it created the Secret
   */
  assume(secret: SecretIdentity, onto: string | undefined): readonly StoreEvent<SecretIdentity>[] {
    const events = this.labelled.assume(secret, onto);
    const unlabelled = this.others.get(objectKey(secret));
    return unlabelled !== undefined && unlabelled.resourceVersion === onto ? [] : events;
  }
}
