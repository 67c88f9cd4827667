import { pbkdf2Sync } from "node:crypto";
import type { UserCertificate } from "../../../api/parse-user-certificate.ts";
import { SECRETS, type Secret } from "../../../kube/core-types.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import { KubeError } from "../../../kube/kube-error.ts";
import { objectKey } from "../../../kube/resource-type.ts";
import { SensitiveText } from "../../../sensitive-text.ts";
import { textOfWiped } from "../../../wiped-bytes.ts";
import { type PasswordRef, passwordRef } from "../core/model/password-ref.ts";
import type { PasswordState } from "../core/model/snapshot.ts";
import type { SecretCache } from "./resource-cache.ts";

/** Beyond ASCII, implementations of PKCS#12 differ; a line break at the end is a common accident. */
const PASSWORD = /^[\x20-\x7e]{1,256}$/;

/** As hard to try passwords on as the keystore's own MAC. */
const ITERATIONS = 10_000;

/** A password with what tells it from others without giving it away. */
interface KeystorePassword {
  readonly text: SensitiveText;
  readonly version: string;
}

type Unusable = Extract<PasswordState, { kind: "unusable" }>;

interface Known {
  readonly resourceVersion: string;
  /** By the key in the Secret. */
  readonly passwords: Map<string, PasswordState>;
}

export interface KeystorePasswordsOptions {
  readonly kube: Pick<KubeApi, "get">;
  readonly secrets: Pick<SecretCache, "get">;
}

/** Reads the passwords of keystores. No password stays in memory: only its version does, for each resourceVersion. */
export class KeystorePasswords {
  readonly #options: KeystorePasswordsOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: KeystorePasswordsOptions) {
    this.#options = options;
  }

  async observe(resource: UserCertificate, signal?: AbortSignal): Promise<PasswordState> {
    const ref = passwordRef(resource);
    if (ref === undefined) return { kind: "unwanted" };
    const secret = objectKey(ref);
    const metadata = this.#options.secrets.get(secret);
    if (metadata === undefined) {
      this.forget(secret);
      return absent(ref.name);
    }
    const { resourceVersion } = metadata;
    let known = this.#known.get(secret);
    if (known?.resourceVersion !== resourceVersion) {
      known = { resourceVersion, passwords: new Map() };
      this.#known.set(secret, known);
    }
    const before = known.passwords.get(ref.key);
    if (before !== undefined) return before;
    const read = await this.#read(ref, signal);
    // Rights may come without a change of the Secret.
    if ("problem" in read) return read;
    const observed: PasswordState = { kind: "usable", version: read.version };
    known.passwords.set(ref.key, observed);
    return observed;
  }

  /** The password itself, for the one write that needs it; undefined if the resource has none that can be used. */
  async read(resource: UserCertificate, signal?: AbortSignal): Promise<KeystorePassword | undefined> {
    const ref = passwordRef(resource);
    const read = ref && (await this.#read(ref, signal));
    return read === undefined || "problem" in read ? undefined : read;
  }

  /** Drops what is known of a Secret (`namespace/name`) that is gone. */
  forget(secret: string): void {
    this.#known.delete(secret);
  }

  async #read(
    { namespace, name, key }: PasswordRef,
    signal: AbortSignal | undefined,
  ): Promise<KeystorePassword | Unusable> {
    let secret: Secret;
    try {
      secret = await this.#options.kube.get(SECRETS, { namespace, name }, { signal });
    } catch (error: unknown) {
      if (KubeError.is(error, "NotFound")) return absent(name);
      if (KubeError.is(error, "Forbidden")) return unusable(`Secret ${name} cannot be read (${error.message}).`);
      throw error;
    }
    const value = secret.data?.[key];
    if (value === undefined) return unusable(`Secret ${name} has no key ${key}.`);
    const text = textOfWiped(Buffer.from(value, "base64"), "utf8");
    if (!PASSWORD.test(text)) {
      return unusable(
        `key ${key} of Secret ${name} must hold 1 to 256 printable ASCII characters, without a line break at the end.`,
      );
    }
    const salt = `${secret.metadata.uid} ${key}`;
    return {
      text: new SensitiveText(text),
      version: pbkdf2Sync(text, salt, ITERATIONS, 32, "sha256").toString("hex"),
    };
  }
}

function absent(name: string): Unusable {
  return unusable(`Secret ${name} does not exist.`);
}

function unusable(problem: string): Unusable {
  return { kind: "unusable", problem };
}
