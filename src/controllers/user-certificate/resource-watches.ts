import { MANAGED_LABEL } from "../../api/names.ts";
import { parseUserCertificate } from "../../api/parse-user-certificate.ts";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import type { Clock } from "../../clock.ts";
import { Reflector } from "../../kube/cache/reflector.ts";
import type { Stored, StoreEvent } from "../../kube/cache/store.ts";
import { SECRETS } from "../../kube/core-types.ts";
import type { KubeApi } from "../../kube/kube-api.ts";
import type { Log } from "../../kube/log.ts";
import type { ResourceType } from "../../kube/resource-type.ts";
import type { CachedResource, ResourceCache, SecretCache } from "./cluster/resource-cache.ts";
import { secretIdentity } from "./cluster/secret-metadata.ts";
import type { SecretIdentity } from "./core/model/snapshot.ts";

/** One watch of the API server, for health checks and metrics of this process. */
export interface Watch {
  /** Unique within a namespace. */
  readonly name:
    | "atlasusercertificates"
    | "secrets-managed"
    | "secrets-others"
    | "atlasprojectx509s"
    | "secrets-of-projects"
    | "atlascustomerx509removals";
  /** The one namespace that is watched; undefined for all. */
  readonly namespace: string | undefined;
  readonly reflector: Pick<Reflector<Stored>, "start" | "synced" | "isSynced" | "lastProgressAt" | "statistics">;
}

export interface ResourceWatchesOptions {
  readonly client: Pick<KubeApi, "list" | "watch">;
  /** The one namespace to watch; undefined for all. */
  readonly namespace: string | undefined;
  readonly resources: ResourceCache;
  readonly secrets: SecretCache;
  readonly onResource: (event: StoreEvent<CachedResource>) => void;
  readonly onSecret: (event: StoreEvent<SecretIdentity>) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** The watches that every operator has: of the resources, and of the Secrets with the operator's label and without it. */
export function resourceWatches(options: ResourceWatchesOptions): readonly Watch[] {
  const { namespace, resources, secrets, onResource: onEvent, onSecret, ...common } = options;
  const type: ResourceType = SECRETS;
  const secretWatch = (labelSelector: string, kind: "labelled" | "others") =>
    new Reflector({
      ...{ ...common, namespace, type, labelSelector, metadataOnly: true, store: secrets[kind] },
      project: secretIdentity,
      onEvent: onSecret,
    });
  const { store } = resources;
  return [
    {
      name: USER_CERTIFICATE.plural,
      namespace,
      reflector: new Reflector({
        ...{ ...common, namespace, type: USER_CERTIFICATE, store, onEvent },
        project: parseUserCertificate,
      }),
    },
    { name: "secrets-managed", namespace, reflector: secretWatch(`${MANAGED_LABEL}=true`, "labelled") },
    { name: "secrets-others", namespace, reflector: secretWatch(`${MANAGED_LABEL}!=true`, "others") },
  ];
}
