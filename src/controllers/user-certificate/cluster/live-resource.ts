import { parseUserCertificate, type UserCertificateIdentity } from "../../../api/parse-user-certificate.ts";
import { USER_CERTIFICATE } from "../../../api/user-certificate.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import { KubeError } from "../../../kube/kube-error.ts";
import type { CachedResource } from "./resource-cache.ts";

/** Identifies a resource: one that was recreated under the same name is another. */
export type ResourceId = Pick<UserCertificateIdentity, "namespace" | "name" | "uid">;

/** Gives a resource as the API server has it now; undefined where it is gone or going. */
export type LiveResource = (id: ResourceId) => Promise<CachedResource | undefined>;

export function liveResources(kube: Pick<KubeApi, "get">): LiveResource {
  return async ({ namespace, name, uid }) => {
    try {
      const live = parseUserCertificate(await kube.get(USER_CERTIFICATE, { namespace, name }));
      return live.uid === uid && !live.deleting ? live : undefined;
    } catch (error: unknown) {
      if (KubeError.is(error, "NotFound")) return undefined;
      throw error;
    }
  };
}
