import { RENEW_REQUEST_ANNOTATION } from "../../../src/api/names.ts";
import type { UserCertificateSpec } from "../../../src/api/user-certificate.ts";
import type { IssuedCertificate } from "../atlas/atlas.ts";
import type { Post } from "../atlas/atlas-client.ts";
import type { Change } from "../cluster/api-server.ts";
import { EVENT_TYPE, projectIdOf, RESOURCE_TYPE, type ResourceObject, SECRET_TYPE } from "../cluster/kinds.ts";
import { FIELD_MANAGER } from "../operator/operator-process.ts";
import type { World } from "../world.ts";
import { certificateIn, holdingOf } from "./holding.ts";

/** An attempt to issue, from its record on. */
export interface Attempt {
  readonly id: string;
  readonly key: string;
  readonly uid: string;
  readonly namespace: string;
  readonly user: string;
  readonly reason: string;
  readonly recordedAt: number;
  /** The resource as it was when the attempt was recorded. */
  readonly resource: ResourceObject;
  /** What the Secret held then. */
  readonly held: IssuedCertificate | undefined;
  /** End of the backoff that was on record when it began, and that nothing has ended since. */
  readonly backoffEndsAt: number;
  post: Post | undefined;
  isClosed: boolean;
  /** A renewal due by time, the first for the certificate that it replaces: it counts into no limit. */
  isExempt: boolean;
  storedAt: number | undefined;
}

/** A database user: project and name. */
export function userOf(user: Pick<UserCertificateSpec, "projectId" | "projectRef" | "username">): string {
  return `${projectIdOf(user)} ${user.username}`;
}

/** What has happened, as far as invariants need it later. */
export class Ledger {
  readonly attempts: Attempt[] = [];
  /** Serial numbers that people were told of, and when: in an Event, or in a status. */
  readonly told = new Map<string, number>();
  /** When resources that name a user were last there, by user and then by key. */
  readonly claims = new Map<string, Map<string, number>>();
  /** When somebody else changed the data of a Secret, or deleted it, by its key. */
  readonly assaults = new Map<string, number[]>();
  /** Since when lists lack a certificate, and how many in a row. */
  readonly unlisted = new Map<string, { since: number; lists: number; last: number }>();
  /** Certificates that a list has held. */
  readonly confirmed = new Set<string>();
  /** When users last changed something of a namespace. */
  readonly touchedAt = new Map<string, number>();
  readonly #world: World;
  readonly #bySerial = new Map<string, Attempt>();

  constructor(world: World) {
    this.#world = world;
  }

  attemptOf(serialNumber: string): Attempt | undefined {
    return this.#bySerial.get(serialNumber);
  }

  change(change: Change): void {
    const { type, before, after, by } = change;
    const now = this.#world.scheduler.now;
    const namespace = (after ?? before)?.metadata.namespace ?? "";
    if (by !== FIELD_MANAGER) this.touchedAt.set(namespace, now);
    // The kinds are told apart by their type's name.
    if (type === RESOURCE_TYPE) this.#resource(change.key, before as ResourceObject, after as ResourceObject);
    if (type === SECRET_TYPE) this.#secret(change);
    if (type === EVENT_TYPE && after !== undefined) this.#tellAll(String(Reflect.get(after, "note")));
  }

  /** @returns the attempt that the create is for; undefined where none is on record, or only such as were used */
  posting(post: Post): Attempt | undefined {
    const user = userOf(post);
    const attempt = this.attempts.findLast((one) => one.user === user && one.post === undefined && !one.isClosed);
    if (attempt !== undefined) attempt.post = post;
    return attempt;
  }

  executed(post: Post): Attempt | undefined {
    const attempt = this.attempts.findLast((one) => one.post === post);
    if (attempt !== undefined && post.certificate !== undefined) {
      this.#bySerial.set(post.certificate.serialNumber, attempt);
    }
    return attempt;
  }

  listed(projectId: string, username: string, listed: readonly IssuedCertificate[]): void {
    const now = this.#world.scheduler.now;
    const shown = new Set(listed);
    for (const certificate of this.#world.atlas.project(projectId).users.get(username) ?? []) {
      const { serialNumber } = certificate;
      if (shown.has(certificate)) {
        this.unlisted.delete(serialNumber);
        this.confirmed.add(serialNumber);
      } else {
        const known = this.unlisted.get(serialNumber);
        this.unlisted.set(serialNumber, { since: known?.since ?? now, lists: (known?.lists ?? 0) + 1, last: now });
      }
    }
  }

  #resource(key: string, before: ResourceObject | undefined, after: ResourceObject | undefined): void {
    const now = this.#world.scheduler.now;
    const some = after ?? before;
    if (some === undefined) return;
    const user = userOf(some.spec);
    this.claims.set(user, (this.claims.get(user) ?? new Map<string, number>()).set(key, now));
    if (before !== undefined && userOf(before.spec) !== user) this.claims.get(userOf(before.spec))?.set(key, now);
    if (after === undefined) return;
    const { issuance, unaccounted = [] } = after.status ?? {};
    for (const { serialNumber } of unaccounted) this.#tell(serialNumber);
    if (issuance?.id === before?.status?.issuance?.id) return;
    const { uid, namespace = "" } = after.metadata;
    for (const attempt of this.attempts) if (attempt.uid === uid) attempt.isClosed = true;
    if (issuance === undefined) return;
    this.attempts.push({
      ...{ id: issuance.id, key, uid, namespace, reason: issuance.reason, recordedAt: now, resource: after },
      user: userOf(issuance),
      held: holdingOf(this.#world, after).certificate,
      backoffEndsAt: backoffEnd(before),
      ...{ post: undefined, isClosed: false, isExempt: false, storedAt: undefined },
    });
  }

  #secret({ key, before, after, by }: Change): void {
    const now = this.#world.scheduler.now;
    const data = (object: typeof before): unknown => (object === undefined ? undefined : Reflect.get(object, "data"));
    if (by !== FIELD_MANAGER && before !== undefined && data(before) !== data(after)) {
      this.assaults.set(key, [...(this.assaults.get(key) ?? []), now]);
    }
    if (after === undefined) return;
    const held = certificateIn(this.#world, after);
    const attempt = held && this.#bySerial.get(held.serialNumber);
    if (attempt !== undefined) attempt.storedAt ??= now;
  }

  #tellAll(note: string): void {
    for (const [serial] of note.matchAll(/\d{16,}/g)) this.#tell(serial);
  }

  #tell(serial: string): void {
    if (!this.told.has(serial)) this.told.set(serial, this.#world.scheduler.now);
  }
}

/** A change of the spec or a new request ends it. */
function backoffEnd(resource: ResourceObject | undefined): number {
  const { lastAttempt } = resource?.status ?? {};
  const { annotations = {}, generation } = resource?.metadata ?? {};
  const request = annotations[RENEW_REQUEST_ANNOTATION];
  if (lastAttempt?.generation !== generation || lastAttempt?.renewRequest !== request) return 0;
  return Date.parse(lastAttempt?.nextAttemptTime ?? "") || 0;
}
