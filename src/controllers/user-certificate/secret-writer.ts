import { SECRET_ANNOTATIONS } from "../../api/names.ts";
import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import type { CertificateFacts } from "../../certificate/certificate-facts.ts";
import type { KeyPair } from "../../certificate/key-pair.ts";
import {
  judgeData,
  pairFromData,
  SECRET_TYPE,
  type SecretContent,
  type SecretData,
  secretData,
  standInData,
} from "../../certificate/secret-data.ts";
import type { Clock } from "../../clock.ts";
import { backoffMs } from "../../kube/backoff.ts";
import { SECRETS, type Secret } from "../../kube/core-types.ts";
import type { KubeApi, MergePatchOptions } from "../../kube/kube-api.ts";
import { KubeError } from "../../kube/kube-error.ts";
import type { Log } from "../../kube/log.ts";
import type { ObjectRef } from "../../kube/resource-type.ts";
import type { StoreEvent } from "../../kube/store.ts";
import type { CachedCertificate, SecretCache } from "./caches.ts";
import { type DesiredMetadata, desiredMetadata, desiredOwnerReferences, leftOver } from "./desired-secret.ts";
import { isSameUser } from "./facts.ts";
import type { LiveCertificate } from "./live-certificate.ts";
import type { ObservedSecret, SecretMetadata } from "./observed.ts";
import type { SecretInspector } from "./secret-inspector.ts";
import { secretMetadata } from "./secret-metadata.ts";
import { notWritable, takenByForeign, takenByOther, type WriteObstacle, writeRefused } from "./secret-trouble.ts";
import type { Trouble } from "./trouble.ts";

export interface SecretWriterOptions {
  readonly kube: Pick<KubeApi, "create" | "mergePatch">;
  readonly inspector: SecretInspector;
  readonly cache: SecretCache;
  /** The resource that waits for a certificate, and the one that a Secret says it is of. */
  readonly live: LiveCertificate;
  /** Told of what others changed where the answer of a write shows it first. It must not throw. */
  readonly onForeignChange: (event: StoreEvent<SecretMetadata>) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** How the write of a fresh certificate ended. */
export type WriteResult =
  /** Into this Secret, which is another than at first where the resource came to name that one. */
  | { readonly kind: "written"; readonly secretName: string }
  /** Another process has put a newer pair of the resource there meanwhile: ours must not go over it. */
  | { readonly kind: "overtaken" }
  /** Another resource, which lives, has got the Secret meanwhile: its certificate must not be lost for ours. */
  | { readonly kind: "displaced"; readonly holder: string }
  /** The resource is gone: nobody waits for the certificate any more. */
  | { readonly kind: "abandoned" };

export interface WriteOptions {
  /** Serial numbers that were there before the attempt: a pair with another one is newer than ours. */
  readonly knownSerials: ReadonlySet<string>;
  /** Told what the certificate waits for, once for each cause, when it is no matter of a moment. */
  readonly onObstacle: (obstacle: WriteObstacle) => void;
}

/** Where a certificate is to go: a resource, with the Secret that it names by now, and what was seen of that. */
interface Place {
  readonly resource: UserCertificate;
  readonly seen: ObservedSecret;
}

const BACKOFF = { firstMs: 200, maxMs: 30_000 };

/** Failures before this attempt are past in a second or two: people need not hear of them. */
const TOLD_FROM_ATTEMPT = 5;

/**
 * Writes the Secret, always with what was seen of it as precondition: its resourceVersion, or that there was none. A
 * merge patch leaves the labels, annotations and data keys of others alone; a create fails where somebody was faster,
 * which an apply does not.
 */
export class SecretWriter {
  readonly #options: SecretWriterOptions;

  constructor(options: SecretWriterOptions) {
    this.#options = options;
  }

  /**
   * Tries the write with a stand-in of the same shape, and stores nothing. What would refuse the certificate once it
   * exists refuses this.
   *
   * @returns what stands in the way; undefined where nothing does
   */
  async preflight(
    resource: UserCertificate,
    seen: ObservedSecret,
    signal: AbortSignal,
  ): Promise<Trouble | "overtaken" | undefined> {
    const facts: CertificateFacts = {
      serialNumber: "0",
      fingerprint: "00",
      notBefore: new Date(0),
      notAfter: new Date(0),
      subject: [],
    };
    try {
      // A cache that lags behind may not know of the resource that wrote it.
      if ((await this.#otherHolder(resource, seen)) !== undefined) return "overtaken";
      const options = { dryRun: true, metadataOnly: true, signal };
      await this.#send(resource, seen, desiredMetadata(resource, facts), standInData(), options);
      return undefined;
    } catch (error: unknown) {
      if (!(error instanceof KubeError)) throw error;
      if (!hasChanged(seen, error)) return notWritable(resource, error);
      this.#options.inspector.doubt({ namespace: resource.namespace, name: resource.spec.secretName });
      return "overtaken";
    }
  }

  /**
   * Mends labels, annotations, owner reference and formats around the pair that is there.
   *
   * @returns what stands in the way; undefined where it is mended
   */
  async repair(
    resource: UserCertificate,
    seen: Extract<ObservedSecret, { kind: "managed" }>,
    facts: CertificateFacts,
    signal: AbortSignal,
  ): Promise<Trouble | "overtaken" | undefined> {
    const { namespace, name } = seen.metadata;
    const needsData = seen.content.kind === "pair" && !seen.content.formatsCurrent;
    const secret = needsData ? await this.#options.inspector.read({ namespace, name }, signal) : undefined;
    // Only the body that was judged may be rewritten: the precondition below refuses any other.
    const pair = secret?.data && pairFromData(secret.data);
    const data = pair && secretData(pair);
    try {
      const written = await this.#send(resource, seen, desiredMetadata(resource, facts), data, { signal });
      this.#remember(written, seen, data, { kind: "pair", facts, formatsCurrent: true });
      return undefined;
    } catch (error: unknown) {
      if (!(error instanceof KubeError)) throw error;
      return hasChanged(seen, error) ? "overtaken" : notWritable(resource, error);
    }
  }

  /**
   * Writes a fresh pair, which exists in this process's memory and nowhere else: tried until it is there, whatever the
   * API server says, for as long as somebody wants it. It takes no signal on purpose, and no error ends it: a defect
   * that can be mended must not cost a certificate that can't be got again.
   */
  async write(
    resource: UserCertificate,
    firstSeen: ObservedSecret,
    pair: KeyPair,
    options: WriteOptions,
  ): Promise<WriteResult> {
    const { clock, random, log } = this.#options;
    const told = new Set<string>();
    let place: Place = { resource, seen: firstSeen };
    for (let attempt = 1; ; attempt++) {
      const { secretName } = place.resource.spec;
      const fields = { secret: { namespace: resource.namespace, name: secretName }, attempt };
      let obstacle: WriteObstacle;
      try {
        const result = await this.#writeInto(place, pair, options.knownSerials);
        // Who was told to choose another Secret, and chose one that is taken, may choose again.
        if (result.kind !== "displaced" || secretName === resource.spec.secretName) return result;
        obstacle = takenByOther(place.resource, result.holder);
      } catch (error: unknown) {
        log.warn(
          { ...fields, serialNumber: pair.facts.serialNumber, err: error },
          "the certificate waits in memory: its Secret can't be written yet",
        );
        obstacle = place.seen.kind === "foreign" ? takenByForeign(place.resource) : writeRefused(place.resource, error);
      }
      await clock.sleep(backoffMs(BACKOFF, attempt, random()));
      try {
        const cause = `${obstacle.reason} ${secretName}`;
        if (attempt >= TOLD_FROM_ATTEMPT && !told.has(cause)) {
          told.add(cause);
          options.onObstacle(obstacle);
        }
        const next = await this.#lookAgain(place.resource, pair);
        if ("kind" in next) return next;
        place = next;
      } catch (error: unknown) {
        log.warn({ ...fields, err: error }, "the Secret can't be read before it is written again");
      }
    }
  }

  /** Writes once. It throws where the Secret can't be written now. */
  async #writeInto(
    { resource, seen }: Place,
    pair: KeyPair,
    knownSerials: ReadonlySet<string>,
  ): Promise<Extract<WriteResult, { kind: "written" | "overtaken" | "displaced" }>> {
    const holder = await this.#otherHolder(resource, seen);
    if (holder !== undefined) return { kind: "displaced", holder };
    if (holdsNewerPair(seen, pair.facts, knownSerials)) return { kind: "overtaken" };
    const data = secretData(pair);
    const written = await this.#send(resource, seen, desiredMetadata(resource, pair.facts), data, {});
    this.#remember(written, seen, data, { kind: "pair", facts: pair.facts, formatsCurrent: true });
    return { kind: "written", secretName: resource.spec.secretName };
  }

  /** Where to write after a failure: what is there now, and in another Secret where the resource names one by now. */
  async #lookAgain(
    resource: UserCertificate,
    pair: KeyPair,
  ): Promise<Place | Extract<WriteResult, { kind: "written" | "abandoned" }>> {
    const { inspector, live } = this.#options;
    const { secretName } = resource.spec;
    const seen = await inspector.live({ namespace: resource.namespace, name: secretName });
    if (holdsSerial(seen, pair.facts.serialNumber)) return { kind: "written", secretName };
    const now = await live(resource);
    if (now === undefined) return { kind: "abandoned" };
    if (!isMoved(resource, now)) return { resource, seen };
    const { secretName: name } = now.spec;
    const moved = { ...resource, spec: { ...resource.spec, secretName: name } };
    return { resource: moved, seen: await inspector.live({ namespace: resource.namespace, name }) };
  }

  /**
   * The other resource whose Secret it is, by its name: one that lives, and that still wants it. What a resource left
   * behind that is gone, or that names another Secret by now, is there to be taken.
   */
  async #otherHolder(resource: UserCertificate, seen: ObservedSecret): Promise<string | undefined> {
    if (seen.kind !== "managed") return undefined;
    const { namespace, name: secretName, annotations } = seen.metadata;
    const { [SECRET_ANNOTATIONS.certificateUid]: uid, [SECRET_ANNOTATIONS.certificateName]: name } = annotations;
    if (uid === undefined || name === undefined || uid === resource.uid) return undefined;
    const holder = await this.#options.live({ namespace, name, uid });
    return holder?.valid && holder.spec.secretName === secretName ? holder.name : undefined;
  }

  async #send(
    resource: UserCertificate,
    seen: ObservedSecret,
    desired: DesiredMetadata,
    data: SecretData | undefined,
    options: Pick<MergePatchOptions, "dryRun" | "metadataOnly" | "signal">,
  ): Promise<Secret> {
    const { kube } = this.#options;
    const ref: ObjectRef = { namespace: resource.namespace, name: resource.spec.secretName };
    switch (seen.kind) {
      case "absent":
        return kube.create(SECRETS, newSecret(ref, desired, data ?? {}), options);
      case "managed":
        return kube.mergePatch(SECRETS, ref, patchFor(seen.metadata, desired, data), options);
      case "foreign":
        throw new KubeError({
          reason: "AlreadyExists",
          operation: `write secrets ${resource.namespace}/${ref.name}`,
          explanation: "the Secret is not the operator's",
        });
      default:
        return seen satisfies never;
    }
  }

  /**
   * @param seen what the write was made onto
   * @param content what the Secret holds if what was sent is what is there
   */
  #remember(written: Secret, seen: ObservedSecret, sent: SecretData | undefined, content: SecretContent): void {
    const { cache, inspector, onForeignChange } = this.#options;
    const metadata = secretMetadata(written);
    const onto = seen.kind === "absent" ? undefined : seen.metadata.resourceVersion;
    for (const event of cache.assume(metadata, onto)) onForeignChange(event);
    // An admission webhook may have changed what was sent: what came back is what counts.
    const { data } = written;
    const judged = data === undefined || (sent !== undefined && holdsAll(data, sent)) ? content : judgeData(data);
    inspector.remember(metadata, judged);
  }
}

/** Reading keys and certificates is dear, comparing texts is not. */
function holdsAll(data: SecretData, wanted: SecretData): boolean {
  return Object.entries(wanted).every(([key, value]) => data[key] === value);
}

function newSecret(ref: ObjectRef, desired: DesiredMetadata, data: SecretData) {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: SECRET_TYPE,
    metadata: {
      name: ref.name,
      ...(ref.namespace !== undefined && { namespace: ref.namespace }),
      labels: desired.labels,
      annotations: desired.annotations,
      ownerReferences: desiredOwnerReferences([], desired),
    },
    data,
  };
}

function patchFor(seen: SecretMetadata, desired: DesiredMetadata, data: SecretData | undefined): object {
  return {
    metadata: {
      uid: seen.uid,
      resourceVersion: seen.resourceVersion,
      labels: { ...nulls(leftOver(seen.labels, desired.labels, seen.ownLabelKeys)), ...desired.labels },
      annotations: {
        ...nulls(leftOver(seen.annotations, desired.annotations, seen.ownAnnotationKeys)),
        ...desired.annotations,
      },
      ownerReferences: desiredOwnerReferences(seen.ownerReferences, desired),
    },
    ...(data !== undefined && { data }),
  };
}

/** In a merge patch null takes a key away. */
function nulls(keys: readonly string[]): Readonly<Record<string, null>> {
  return Object.fromEntries(keys.map((key) => [key, null]));
}

/** Whether the write was refused because the Secret is no longer as it was seen: no trouble, only a reason to look. */
function hasChanged(seen: ObservedSecret, error: KubeError): boolean {
  return seen.kind === "absent" ? error.reason === "AlreadyExists" : KubeError.is(error, "Conflict", "NotFound");
}

function holdsSerial(seen: ObservedSecret, serialNumber: string): boolean {
  return seen.kind === "managed" && seen.content.kind === "pair" && seen.content.facts.serialNumber === serialNumber;
}

/** Both times are Atlas' clock: a pair that was issued before ours is an old one that somebody put back. */
function holdsNewerPair(seen: ObservedSecret, ours: CertificateFacts, knownSerials: ReadonlySet<string>): boolean {
  if (seen.kind !== "managed" || seen.content.kind !== "pair") return false;
  const { serialNumber, notBefore } = seen.content.facts;
  return !knownSerials.has(serialNumber) && notBefore >= ours.notBefore;
}

/** Whether a resource names another Secret by now, for the same user: its certificate may as well go there. */
function isMoved({ spec }: UserCertificate, now: CachedCertificate): now is UserCertificate {
  if (!now.valid || now.spec.secretName === spec.secretName) return false;
  return isSameUser(now.spec, spec);
}
