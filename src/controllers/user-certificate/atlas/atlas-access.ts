import type { UserCertificate } from "../../../api/parse-user-certificate.ts";
import { type AtlasCredentials, parseCredentials } from "../../../atlas/credentials.ts";
import type { X509AuthenticationApi } from "../../../atlas/x509-authentication-api.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import { KubeError } from "../../../kube/kube-error.ts";
import { type ObjectRef, objectKey } from "../../../kube/resource-type.ts";
import { textOfWiped } from "../../../wiped-bytes.ts";
import type { SecretCache } from "../cluster/resource-cache.ts";
import { credentialsSecret } from "../core/model/credentials-secret.ts";

/** What the controller needs of Atlas. */
export type AtlasApi = Pick<X509AuthenticationApi, "createDatabaseUserCertificate" | "listAllDatabaseUserCertificates">;

/** A credentials Secret, and the way to Atlas that it opens. */
export type Access =
  | { readonly kind: "unnamed"; readonly version: undefined }
  | { readonly kind: "usable"; readonly version: string; readonly api: AtlasApi }
  | { readonly kind: "unusable"; readonly version: string | undefined; readonly problem: string };

interface Known {
  readonly resourceVersion: string;
  readonly access: Promise<Access>;
}

export interface AtlasAccessOptions {
  readonly kube: Pick<KubeApi, "get">;
  readonly secrets: SecretCache;
  /** The Secret for resources that name none. @default those have no way to Atlas */
  readonly defaultCredentials?: ObjectRef | undefined;
  /** Makes the client for one set of credentials; it keeps its token to itself. */
  readonly connect: (credentials: AtlasCredentials) => AtlasApi;
}

/**
 * Turns credentials Secrets into clients, one for each state of each Secret: many resources share it, and with it one
 * token. A Secret that changed gives a new client at the next call.
 */
export class AtlasAccess {
  readonly #options: AtlasAccessOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: AtlasAccessOptions) {
    this.#options = options;
  }

  async of(resource: Pick<UserCertificate, "namespace" | "spec">): Promise<Access> {
    const ref = credentialsSecret(resource, this.#options.defaultCredentials);
    if (ref === undefined) return { kind: "unnamed", version: undefined };
    const key = objectKey(ref);
    const metadata = this.#options.secrets.get(key);
    if (metadata === undefined) {
      this.#known.delete(key);
      return absent(ref);
    }
    const known = this.#known.get(key);
    if (known?.resourceVersion === metadata.resourceVersion) return known.access;
    const access = this.#read(ref);
    this.#known.set(key, { resourceVersion: metadata.resourceVersion, access });
    // A read that failed says nothing about the Secret: the next caller reads again.
    access.catch(() => {
      if (this.#known.get(key)?.access === access) this.#known.delete(key);
    });
    return access;
  }

  /** Drops the client of a Secret (`namespace/name`) that is gone. */
  forget(key: string): void {
    this.#known.delete(key);
  }

  async #read(ref: ObjectRef): Promise<Access> {
    try {
      const secret = await this.#options.kube.get(SECRETS, ref);
      const version = secret.metadata.resourceVersion;
      const entries = Object.fromEntries(
        Object.entries(secret.data ?? {}).map(([name, value]) => [
          name,
          textOfWiped(Buffer.from(value, "base64"), "utf8"),
        ]),
      );
      const parsed = parseCredentials(entries);
      if (!parsed.ok) return { kind: "unusable", version, problem: parsed.problem };
      return { kind: "usable", version, api: this.#options.connect(parsed.credentials) };
    } catch (error: unknown) {
      if (!KubeError.is(error, "NotFound")) throw error;
      return absent(ref);
    }
  }
}

function absent({ namespace, name }: ObjectRef): Access {
  return { kind: "unusable", version: undefined, problem: `Secret ${name} does not exist in namespace ${namespace}.` };
}
