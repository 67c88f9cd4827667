import { type AtlasCredentials, credentialsKey, parseCredentials } from "../../atlas/authentication/credentials.ts";
import { SECRETS } from "../../kube/core-types.ts";
import type { KubeApi } from "../../kube/kube-api.ts";
import { KubeError } from "../../kube/kube-error.ts";
import { type ObjectRef, objectKey } from "../../kube/resource-type.ts";
import { textOfWiped } from "../../wiped-bytes.ts";
import type { AtlasApi } from "./atlas-api.ts";
import type { CredentialsGate } from "./credentials-gate.ts";

/** A credentials Secret, and the way to Atlas that it opens. */
export type Access =
  | { readonly kind: "unnamed"; readonly version: undefined }
  /** The version is the first one that held these credentials: other changes of the Secret do not matter. */
  | { readonly kind: "usable"; readonly version: string; readonly api: AtlasApi }
  | { readonly kind: "unusable"; readonly version: string | undefined; readonly problem: string };

interface Known {
  readonly resourceVersion: string;
  readonly access: Promise<Access>;
}

export interface AtlasAccessOptions {
  readonly kube: Pick<KubeApi, "get">;
  /** The Secrets as last seen, by `namespace/name`. */
  readonly secrets: { get(key: string): { readonly resourceVersion: string } | undefined };
  /** Those that an AtlasProjectX509 may name: they say that they hold credentials. */
  readonly labelled: { get(key: string): unknown };
  /** Makes the client for one set of credentials; it keeps its token to itself. */
  readonly connect: (credentials: AtlasCredentials) => AtlasApi;
  readonly gate: Pick<CredentialsGate, "guard" | "forget">;
}

interface Opened {
  /** The same for the same credentials. */
  readonly content: string;
  readonly access: Access;
}

/**
 * Turns credentials Secrets into clients, one for the credentials that each Secret holds: many resources share it, and
 * with it one token. Changed credentials give a new client at the next call.
 */
export class AtlasAccess {
  readonly #options: AtlasAccessOptions;
  readonly #known = new Map<string, Known>();
  /** The last connection by Secret. */
  readonly #opened = new Map<string, Opened>();

  constructor(options: AtlasAccessOptions) {
    this.#options = options;
  }

  /** @param ref the Secret with the credentials; undefined where none is named */
  async of(ref: ObjectRef | undefined): Promise<Access> {
    if (ref === undefined) return { kind: "unnamed", version: undefined };
    const key = objectKey(ref);
    const metadata = this.#options.secrets.get(key);
    if (metadata === undefined) {
      this.forget(key);
      return absent(ref);
    }
    const known = this.#known.get(key);
    if (known?.resourceVersion === metadata.resourceVersion) return known.access;
    // One after the other: an older answer that arrives late would bring back what it held.
    const access = (known?.access ?? Promise.resolve()).catch(() => {}).then(() => this.#read(ref, key));
    this.#known.set(key, { resourceVersion: metadata.resourceVersion, access });
    // A read that failed says nothing about the Secret: the next caller reads again.
    access.catch(() => {
      if (this.#known.get(key)?.access === access) this.#known.delete(key);
    });
    return access;
  }

  /**
   * The same for an AtlasProjectX509. Without the label, its Secret is not read: the operator's namespace has others.
   *
   * @param ref the Secret that it names
   */
  async ofProject(ref: ObjectRef): Promise<Access> {
    return this.#options.labelled.get(objectKey(ref)) === undefined ? unlabelled(ref) : this.of(ref);
  }

  /** Drops the client of a Secret (`namespace/name`) that is gone. */
  forget(key: string): void {
    this.#known.delete(key);
    this.#opened.delete(key);
    this.#options.gate.forget(key);
  }

  async #read(ref: ObjectRef, key: string): Promise<Access> {
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
      const content = credentialsKey(parsed.credentials);
      const opened = this.#opened.get(key);
      if (opened?.content === content) return opened.access;
      const { connect, gate } = this.#options;
      const access: Access = { kind: "usable", version, api: gate.guard(key, content, connect(parsed.credentials)) };
      this.#opened.set(key, { content, access });
      return access;
    } catch (error: unknown) {
      if (!KubeError.is(error, "NotFound")) throw error;
      return absent(ref);
    }
  }
}

function absent({ namespace, name }: ObjectRef): Access {
  return { kind: "unusable", version: undefined, problem: `Secret ${name} does not exist in namespace ${namespace}.` };
}

function unlabelled({ namespace, name }: ObjectRef): Access {
  const problem = `Secret ${name} in namespace ${namespace} does not exist, or is not labelled as credentials.`;
  return { kind: "unusable", version: undefined, problem };
}
