import { CREDENTIALS_LABEL, MANAGED_LABEL } from "../../../api/names.ts";
import { parseUserCertificate, type UserCertificate } from "../../../api/parse-user-certificate.ts";
import { PROJECT_X509, parseProjectX509 } from "../../../api/project-x509.ts";
import type { Store, Stored } from "../../../kube/cache/store.ts";
import { NAMESPACES } from "../../../kube/core-types.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import { type KubeObject, typeName } from "../../../kube/resource-type.ts";
import type { CertificateApi } from "../../access/atlas-api.ts";
import type { Assembly } from "../assembly.ts";
import { namespaceLabels, type ProjectCache } from "../cluster/project-cache.ts";
import type { ResourceCache, SecretCache } from "../cluster/resource-cache.ts";
import { secretIdentity } from "../cluster/secret-metadata.ts";
import type { Assessment } from "../core/status/assessment.ts";
import type { IssueStep } from "../issue.ts";

/** Where the credentials of projects are. */
export const OPERATOR_NAMESPACE = "operators";

/** The operator's parts over one API server and one Atlas: what dies with a process, and nothing else. */
export interface Process extends Assembly {
  readonly resources: ResourceCache;
  readonly secrets: SecretCache;
  readonly projects: ProjectCache;
  /** The result of each reconcile. */
  readonly assessments: Assessment[];
}

export interface ProcessOptions {
  readonly kube?: Pick<KubeApi, "get" | "create" | "mergePatch">;
  readonly atlas?: CertificateApi;
  readonly onStep?: (step: IssueStep, resource: UserCertificate) => void | Promise<void>;
  readonly assertLeading?: () => void;
  readonly allowOwnCredentials?: boolean;
  /** @default true */
  readonly servesProjects?: boolean;
  readonly identity?: string;
  readonly mark?: string;
}

/** Updates the caches as a watch would. */
export function see(
  { access, inspector, projects, reconciler, resources, secrets }: Process,
  what: string,
  object: KubeObject | undefined,
): void {
  const [type = "", key = ""] = what.split(" ");
  // Workloads are not watched.
  if (type.endsWith(".apps")) return;
  if (type === typeName(PROJECT_X509)) {
    lose(projects.store, key);
    if (object !== undefined) projects.store.observe(parseProjectX509(object));
    return;
  }
  if (type === NAMESPACES.plural) {
    lose(projects.namespaces, key);
    if (object !== undefined) projects.namespaces.observe(namespaceLabels(object));
    return;
  }
  if (type !== "secrets") {
    const gone = resources.store.get(key);
    if (gone !== undefined && gone.uid !== object?.metadata.uid) {
      lose(resources.store, key);
      reconciler.forget(gone);
    }
    if (object !== undefined) resources.store.observe(parseUserCertificate(object));
    return;
  }
  if (object === undefined) {
    inspector.forget(key);
    access.forget(key);
  }
  const metadata = object && secretIdentity(object);
  const isLabelled = object?.metadata.labels?.[MANAGED_LABEL] === "true";
  if (metadata === undefined || !isLabelled) lose(secrets.labelled, key);
  if (metadata === undefined || isLabelled) lose(secrets.others, key);
  if (metadata !== undefined) (isLabelled ? secrets.labelled : secrets.others).observe(metadata);
  const isOfProjects =
    object?.metadata.namespace === OPERATOR_NAMESPACE && object.metadata.labels?.[CREDENTIALS_LABEL] === "true";
  if (metadata !== undefined && isOfProjects) secrets.ofProjects.observe(metadata);
  else lose(secrets.ofProjects, key);
}

function lose<T extends Stored>(store: Store<T>, key: string): void {
  const gone = store.get(key);
  if (gone !== undefined) store.remove(gone);
}
