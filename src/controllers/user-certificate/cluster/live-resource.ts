import { parseUserCertificate, type UserCertificateIdentity } from "../../../api/parse-user-certificate.ts";
import { USER_CERTIFICATE } from "../../../api/user-certificate.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import { readSame } from "../../../kube/status-sender.ts";
import type { CachedResource } from "./resource-cache.ts";

/** Identifies a resource: one that was recreated under the same name is another. */
type ResourceId = Pick<UserCertificateIdentity, "namespace" | "name" | "uid">;

/** Gives a resource as the API server has it now; undefined where it is gone or going. */
export type LiveResource = (id: ResourceId) => Promise<CachedResource | undefined>;

export function liveResources(kube: Pick<KubeApi, "get">): LiveResource {
  return async (id) => {
    const found = await readSame({ kube, type: USER_CERTIFICATE, parse: parseUserCertificate }, id);
    return found?.deleting ? undefined : found;
  };
}
