import type { UserCertificate } from "../../../api/parse-user-certificate.ts";
import type { CertificateFacts } from "../../../certificate/certificate-facts.ts";
import type { KeyPair } from "../../../certificate/key-pair.ts";
import {
  digestOf,
  judgeData,
  KEYSTORE_KEY,
  pairFromData,
  type SecretData,
  secretData,
  writtenContent,
} from "../../../certificate/secret-data.ts";
import type { StoreEvent } from "../../../kube/cache/store.ts";
import type { Secret } from "../../../kube/core-types.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import { KubeError } from "../../../kube/kube-error.ts";
import { textOfWiped } from "../../../wiped-bytes.ts";
import { secretClaimedTwice, secretForeign, secretTerminating } from "../core/decide/blockers.ts";
import { isSuperseded } from "../core/decide/decide.ts";
import type { Blocker } from "../core/model/blocker.ts";
import type { Repair } from "../core/model/decision.ts";
import { desiredExtras, keystoreMark } from "../core/model/desired-data.ts";
import { desiredMetadata, keptKeystoreMark } from "../core/model/desired-secret.ts";
import type { SecretIdentity, SecretState } from "../core/model/snapshot.ts";
import type { KeystorePasswords } from "./keystore-passwords.ts";
import type { LiveResource } from "./live-resource.ts";
import type { ParkedCertificate } from "./parked-certificates.ts";
import type { SecretCache } from "./resource-cache.ts";
import { notStored, notWritable } from "./secret-blockers.ts";
import { type SecretInspector, secretOf } from "./secret-inspector.ts";
import { secretIdentity, secretMetadata } from "./secret-metadata.ts";
import { otherHolder } from "./secret-ownership.ts";
import { isOvertaken, sendSecret } from "./secret-requests.ts";

export interface SecretWriterOptions {
  readonly kube: Pick<KubeApi, "create" | "mergePatch">;
  readonly inspector: SecretInspector;
  readonly cache: SecretCache;
  readonly passwords: Pick<KeystorePasswords, "read">;
  /** The resource that a Secret names. */
  readonly live: LiveResource;
  /** Called with a change of someone else if the response to a write shows it first. It must not throw. */
  readonly onForeignChange: (event: StoreEvent<SecretIdentity>) => void;
}

/** How a write of a fresh certificate ended. */
export type StoreResult =
  | { readonly kind: "stored" }
  /** The Secret holds a newer certificate, which stays. */
  | { readonly kind: "superseded" }
  | { readonly kind: "waiting"; readonly blocker: Blocker };

interface Extras {
  readonly data: SecretData;
  /** Ties the keystore to the pair and its password; undefined where there is none. */
  readonly mark: string | undefined;
}

/** How often a write is fitted to a Secret that others change at the same time. */
const MAX_CONFLICTS = 3;

/** Writes the Secret: a fresh certificate into it, or what differs around the one that it holds. */
export class SecretWriter {
  readonly #options: SecretWriterOptions;

  constructor(options: SecretWriterOptions) {
    this.#options = options;
  }

  /**
   * Writes labels, annotations, owner reference and, if they differ, the keys around the pair that is there.
   *
   * @returns what stands in the way; undefined if it is written
   */
  async repair(
    resource: UserCertificate,
    { secret: seen, held, rewritesData }: Pick<Repair, "secret" | "held" | "rewritesData">,
    signal: AbortSignal,
  ): Promise<Blocker | "overtaken" | undefined> {
    const { namespace, name } = seen.metadata;
    const secret = rewritesData ? await this.#options.inspector.read({ namespace, name }, signal) : undefined;
    // Only the body that was judged may be rewritten: the precondition below refuses any other.
    const pair = secret?.data && pairFromData(secret.data);
    const extras = pair && (await this.#extras(resource, pair, signal));
    const data = pair && secretData(pair, extras?.data);
    const mark = extras?.mark ?? keptKeystoreMark(resource, seen.metadata.annotations);
    try {
      const written = await sendSecret(
        this.#options.kube,
        resource,
        seen,
        desiredMetadata(resource, held, mark),
        data,
        { signal },
      );
      this.#remember(written, seen, data, held);
      return undefined;
    } catch (error: unknown) {
      if (!(error instanceof KubeError)) throw error;
      return isOvertaken(seen, error) ? "overtaken" : notWritable(resource, error);
    }
  }

  /**
   * Writes a fresh pair, which exists only in this process's memory. It takes no signal on purpose, and never throws: a
   * certificate that cannot be stored waits.
   *
   * @param firstSeen the Secret as it was last seen
   */
  async store(
    resource: UserCertificate,
    firstSeen: SecretState,
    { attempt, pair }: Pick<ParkedCertificate, "attempt" | "pair">,
  ): Promise<StoreResult> {
    const { facts } = pair;
    // Without the keystore, if that can't be made: a repair that follows says why.
    const extras = await this.#extras(resource, pair).catch(() => ({
      data: desiredExtras(resource.spec),
      mark: undefined,
    }));
    const data = secretData(pair, extras.data);
    let seen = firstSeen;
    for (let conflicts = 0; ; conflicts++) {
      try {
        const held = certificateIn(seen);
        if (held?.fingerprint === facts.fingerprint) return { kind: "stored" };
        const blocker =
          secretForeign({ secret: seen, resource }) ??
          secretTerminating({ secret: seen, resource }) ??
          (await this.#claimed(resource, seen));
        if (blocker !== undefined) {
          return { kind: "waiting", blocker: { ...blocker, needsPerson: true } };
        }
        if (held !== undefined && isSuperseded({ attempt, facts }, held)) return { kind: "superseded" };
        const written = await sendSecret(
          this.#options.kube,
          resource,
          seen,
          desiredMetadata(resource, facts, extras.mark),
          data,
          {},
        );
        this.#remember(written, seen, data, facts);
        return { kind: "stored" };
      } catch (error: unknown) {
        const isFitted = error instanceof KubeError && isOvertaken(seen, error) && conflicts < MAX_CONFLICTS;
        const now = isFitted ? await this.#seenNow(resource) : undefined;
        if (now === undefined) return { kind: "waiting", blocker: notStored(resource, error) };
        seen = now;
      }
    }
  }

  /** The keys beside the pair, without a keystore whose password is missing. */
  async #extras(resource: UserCertificate, pair: KeyPair, signal?: AbortSignal): Promise<Extras> {
    const data = desiredExtras(resource.spec);
    const password = await this.#options.passwords.read(resource, signal);
    if (password === undefined) return { data, mark: undefined };
    // A quarter of the operator's script, and most operators never need it.
    const { pkcs12 } = await import("../../../certificate/keystore.ts");
    const keystore = textOfWiped(await pkcs12(pair, password.text), "base64");
    const mark = keystoreMark(digestOf(keystore), pair.facts.fingerprint, password.version);
    return { data: { ...data, [KEYSTORE_KEY]: keystore }, mark };
  }

  async #seenNow(resource: UserCertificate): Promise<SecretState | undefined> {
    try {
      return await this.#options.inspector.live(secretOf(resource));
    } catch {
      // The write's own error tells more.
      return undefined;
    }
  }

  async #claimed(resource: UserCertificate, seen: SecretState): Promise<Blocker | undefined> {
    return secretClaimedTwice({ secretHolder: await otherHolder(this.#options.live, resource, seen), resource });
  }

  /**
   * @param seen what the write was made onto
   * @param facts of the certificate that it holds if what was sent is what is there
   */
  #remember(written: Secret, seen: SecretState, sent: SecretData | undefined, facts: CertificateFacts): void {
    const { cache, inspector, onForeignChange } = this.#options;
    const metadata = secretMetadata(written);
    const onto = seen.kind === "absent" ? undefined : seen.metadata.resourceVersion;
    for (const event of cache.assume(secretIdentity(written), onto)) onForeignChange(event);
    // An admission webhook may have changed what was sent: what came back is what counts.
    const { data = sent ?? {} } = written;
    const isAsSent = sent !== undefined && holdsAll(data, sent);
    inspector.remember(metadata, isAsSent ? writtenContent(facts, data) : judgeData(data));
  }
}

/** Parsing keys and certificates is expensive; comparing strings is not. */
function holdsAll(data: SecretData, wanted: SecretData): boolean {
  return Object.entries(wanted).every(([key, value]) => data[key] === value);
}

/** The certificate in the Secret: also the one whose write was carried out although its answer was lost. */
function certificateIn(seen: SecretState): CertificateFacts | undefined {
  return seen.kind === "managed" && seen.content.kind === "pair" ? seen.content.facts : undefined;
}
