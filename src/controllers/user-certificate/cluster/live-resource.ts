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
  return async (id) => {
    const found = await readResource(kube, id);
    return found?.deleting ? undefined : found;
  };
}

/** Gives a resource as the API server has it now; undefined where it is gone or was recreated. */
export async function readResource(
  kube: Pick<KubeApi, "get">,
  { namespace, name, uid }: ResourceId,
): Promise<CachedResource | undefined> {
  try {
    const found = parseUserCertificate(await kube.get(USER_CERTIFICATE, { namespace, name }));
    return found.uid === uid ? found : undefined;
  } catch (error: unknown) {
    if (KubeError.is(error, "NotFound")) return undefined;
    throw error;
  }
}
