import type { InvalidUserCertificate, UserCertificate } from "../../../api/parse-user-certificate.ts";
import { Store, type StoreEvent } from "../../../kube/cache/store.ts";
import { Index } from "../../../kube/cache/store-index.ts";
import { type ObjectRef, objectKey } from "../../../kube/resource-type.ts";
import { credentialsSecret } from "../core/model/credentials-secret.ts";
import { passwordRef } from "../core/model/password-ref.ts";
import type { SecretIdentity } from "../core/model/snapshot.ts";
import { type User, userKey } from "../core/model/user.ts";

export type CachedResource = UserCertificate | InvalidUserCertificate;

/** The resources as last seen, and the three ways in which one change concerns others. */
export class ResourceCache {
  readonly #bySecret = new Index<CachedResource>((certificate) =>
    certificate.valid ? [objectKey({ namespace: certificate.namespace, name: certificate.spec.secretName })] : [],
  );
  readonly #byReadSecret: Index<CachedResource>;
  readonly #byUser = new Index<CachedResource>((certificate) => (certificate.valid ? userKeys(certificate) : []));
  readonly store: Store<CachedResource>;

  /** @param defaultCredentials the Secret of those that name none */
  constructor(defaultCredentials?: ObjectRef) {
    this.#byReadSecret = new Index((certificate) => {
      if (!certificate.valid) return [];
      const refs = [credentialsSecret(certificate, defaultCredentials), passwordRef(certificate)];
      return [...new Set(refs.flatMap((ref) => (ref === undefined ? [] : [objectKey(ref)])))];
    });
    this.store = new Store({ indexes: [this.#bySecret, this.#byReadSecret, this.#byUser] });
  }

  get(key: string): CachedResource | undefined {
    return this.store.get(key);
  }

  /** Resources that name this Secret (`namespace/name`) in spec.secretName. */
  claimants(secret: string): readonly UserCertificate[] {
    return this.#valid(this.#bySecret.keys(secret));
  }

  /** Resources whose Atlas credentials or keystore password are in this Secret (`namespace/name`). */
  reading(secret: string): readonly UserCertificate[] {
    return this.#valid(this.#byReadSecret.keys(secret));
  }

  /** Resources, of whatever namespace, that name this user of this project, or that have an attempt for it on record. */
  ofUser(user: User): readonly UserCertificate[] {
    return this.#valid(this.#byUser.keys(userKey(user)));
  }

  #valid(keys: readonly string[]): readonly UserCertificate[] {
    return keys.map((key) => this.store.get(key)).filter((certificate) => certificate?.valid === true);
  }
}

function userKeys({ spec, status: { issuance } }: UserCertificate): readonly string[] {
  return [...new Set([userKey(spec), ...(issuance === undefined ? [] : [userKey(issuance)])])];
}

/**
 * Secrets as last seen, metadata alone. Those with the operator's label are watched apart from all others: the others
 * matter as credentials, as foreign Secrets in the way, and as managed ones whose label was removed.
 */
export class SecretCache {
  readonly labelled = new Store<SecretIdentity>();
  readonly others = new Store<SecretIdentity>();
  /** The one with the default credentials, where it lies in a namespace that is not watched otherwise. */
  readonly defaultCredentials = new Store<SecretIdentity>();

  get(key: string): SecretIdentity | undefined {
    return this.labelled.get(key) ?? this.others.get(key) ?? this.defaultCredentials.get(key);
  }

  /**
   * Takes in the answer of our own write, which always sets the label. Gives what others had changed up to there and no
   * watch has told of: nothing where it was the label alone that was missing.
   *
   * @param onto the resourceVersion that was the write's precondition; undefined where it created the Secret
   */
  assume(secret: SecretIdentity, onto: string | undefined): readonly StoreEvent<SecretIdentity>[] {
    const events = this.labelled.assume(secret, onto);
    const unlabelled = this.others.get(objectKey(secret));
    return unlabelled !== undefined && unlabelled.resourceVersion === onto ? [] : events;
  }
}
