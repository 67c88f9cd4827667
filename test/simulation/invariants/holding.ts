import { SECRET_ANNOTATIONS } from "../../../src/api/names.ts";
import { SECRETS, type Secret } from "../../../src/kube/core-types.ts";
import type { IssuedCertificate } from "../atlas/atlas.ts";
import { fingerprint } from "../atlas/certificates.ts";
import { projectIdOf, RESOURCES, type ResourceObject } from "../cluster/kinds.ts";
import type { World } from "../world.ts";

/** What a resource's Secret really holds, from the point of view of somebody who knows everything. */
export interface Holding {
  /**
   * - `good`: an app logs in with it as the user that the resource names
   * - `revoked`: its user was deleted at Atlas since
   */
  readonly kind: "good" | "missing" | "unreadable" | "mismatch" | "otherUser" | "expired" | "revoked";
  readonly certificate: IssuedCertificate | undefined;
  readonly secret: Secret | undefined;
}

export function holdingOf(world: World, resource: ResourceObject): Holding {
  const { namespace } = resource.metadata;
  const { secretName, username } = resource.spec;
  const projectId = projectIdOf(resource.spec);
  const secret = world.server.find(SECRETS, { namespace, name: secretName });
  if (secret === undefined) return { kind: "missing", certificate: undefined, secret };
  const certificate = certificateIn(world, secret);
  const kind = () => {
    if (certificate === undefined) return "unreadable";
    if (secret.data?.["tls.key"] !== certificate.data.key) return "mismatch";
    if (certificate.projectId !== projectId || certificate.username !== username) return "otherUser";
    if (certificate.notAfter <= world.scheduler.now) return "expired";
    return certificate.isRevoked ? "revoked" : "good";
  };
  return { kind: kind(), certificate, secret };
}

export function certificateIn(world: World, secret: Secret | undefined): IssuedCertificate | undefined {
  return world.atlas.byData.get(secret?.data?.["tls.crt"] ?? "");
}

/** Whether the operator may write to it: its annotations say so, or the status of a resource knows its pair. */
export function isOperators(world: World, secret: Secret): boolean {
  if (secret.type !== "kubernetes.io/tls") return false;
  const { annotations = {}, namespace, name } = secret.metadata;
  const { certificateName, certificateUid } = SECRET_ANNOTATIONS;
  if (annotations[certificateName] !== undefined && annotations[certificateUid] !== undefined) return true;
  const held = certificateIn(world, secret);
  if (held === undefined || secret.data?.["tls.key"] !== held.data.key) return false;
  const print = fingerprint(held.text.pem);
  return world.server
    .all(RESOURCES)
    .some(
      ({ metadata, spec, status }) =>
        metadata.namespace === namespace && spec.secretName === name && status?.fingerprint === print,
    );
}

/** When its renewal is due, by the resource's own rule. */
export function renewalDueAt({ spec }: ResourceObject, { text, notAfter }: IssuedCertificate): number {
  const lifetimeMs = notAfter - text.notBefore.getTime();
  const percentage = spec.renewBeforePercentage;
  const share = percentage === undefined ? 1 / 3 : Math.min(percentage / 100, 2 / 3);
  return notAfter - share * lifetimeMs;
}
