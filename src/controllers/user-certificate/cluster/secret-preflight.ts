import { SECRET_ANNOTATIONS, WRITE_CHECK_ANNOTATION } from "../../../api/names.ts";
import type { UserCertificate } from "../../../api/parse-user-certificate.ts";
import { timestamp } from "../../../api/timestamp.ts";
import type { CertificateFacts } from "../../../certificate/certificate-facts.ts";
import { type SecretData, standInData } from "../../../certificate/secret-data.ts";
import type { Clock } from "../../../clock.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import { KubeError } from "../../../kube/kube-error.ts";
import type { Blocker } from "../core/model/blocker.ts";
import { wantedExtras } from "../core/model/desired-data.ts";
import { desiredMetadata } from "../core/model/desired-secret.ts";
import type { SecretState } from "../core/model/snapshot.ts";
import type { LiveResource } from "./live-resource.ts";
import { notWritable } from "./secret-blockers.ts";
import { type SecretInspector, secretOf } from "./secret-inspector.ts";
import { otherHolder } from "./secret-ownership.ts";
import { isOvertaken, sendSecret } from "./secret-requests.ts";

export interface SecretPreflightOptions {
  readonly kube: Pick<KubeApi, "create" | "mergePatch">;
  readonly inspector: Pick<SecretInspector, "doubt">;
  /** The resource that a Secret names. */
  readonly live: LiveResource;
  readonly clock: Pick<Clock, "now">;
}

/** Metadata of the stand-in. */
const NO_FACTS: CertificateFacts = {
  serialNumber: "0",
  fingerprint: "00",
  notBefore: new Date(0),
  notAfter: new Date(0),
  subject: [],
};

/** Finds out, before anything is issued, whether the certificate could be stored. */
export class SecretPreflight {
  readonly #options: SecretPreflightOptions;

  constructor(options: SecretPreflightOptions) {
    this.#options = options;
  }

  /**
   * Tries the write with a stand-in of the same shape, and stores nothing. What would refuse the certificate once it
   * exists refuses this.
   *
   * @param isReal whether something is stored nevertheless, since a dry run has missed what refused the last certificate:
   * it never reaches the storage, whose encryption may be broken
   * @returns what stands in the way; undefined if nothing does
   */
  async run(
    resource: UserCertificate,
    seen: SecretState,
    isReal: boolean,
    signal: AbortSignal,
  ): Promise<Blocker | "overtaken" | undefined> {
    const { kube, live } = this.#options;
    try {
      // A cache that lags behind may not know of the resource that wrote it.
      if ((await otherHolder(live, resource, seen)) !== undefined) return "overtaken";
      const desired = desiredMetadata(resource, NO_FACTS);
      const data = standInData(wantedExtras(resource.spec));
      await sendSecret(kube, resource, seen, desired, data, { dryRun: true, metadataOnly: true, signal });
      if (isReal) await this.#writeForReal(resource, seen, signal);
      return undefined;
    } catch (error: unknown) {
      if (!(error instanceof KubeError)) throw error;
      if (!isOvertaken(seen, error)) return notWritable(resource, error);
      this.#options.inspector.doubt(secretOf(resource));
      return "overtaken";
    }
  }

  /**
   * An annotation that the write of the certificate takes away again; an absent Secret is created with the stand-in. That
   * write is fitted to what is there by then.
   */
  async #writeForReal(resource: UserCertificate, seen: SecretState, signal: AbortSignal): Promise<void> {
    const { kube } = this.#options;
    const check = { [WRITE_CHECK_ANNOTATION]: timestamp(this.#options.clock.now()) };
    if (seen.kind === "absent") {
      const { annotations, ...rest } = desiredMetadata(resource, NO_FACTS);
      // Empty rather than a stand-in: an app that mounts it now must not take it for a certificate.
      const empty: SecretData = { "tls.crt": "", "tls.key": "" };
      await sendSecret(kube, resource, seen, { ...rest, annotations: { ...annotations, ...check } }, empty, { signal });
      return;
    }
    const { namespace, name, uid, resourceVersion } = seen.metadata;
    // The chart's admission policy lets nothing be written without these.
    const { certificateName, certificateUid } = SECRET_ANNOTATIONS;
    const annotations = { ...check, [certificateName]: resource.name, [certificateUid]: resource.uid };
    const patch = { metadata: { uid, resourceVersion, annotations } };
    await kube.mergePatch(SECRETS, { namespace, name }, patch, { metadataOnly: true, signal });
  }
}
