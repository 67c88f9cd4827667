import { RENEW_REQUEST_ANNOTATION } from "../../../src/api/names.ts";
import { DAY_MS } from "../../../src/clock.ts";
import type { Post } from "../atlas/atlas-client.ts";
import { RESOURCES } from "../cluster/kinds.ts";
import { OPERATOR_NAMESPACE, POLICY } from "../operator/operator-process.ts";
import type { Stage } from "../stage.ts";
import { renewalDueAt } from "./holding.ts";
import { type Attempt, type Ledger, userOf } from "./ledger.ts";
import type { Readiness } from "./readiness.ts";
import type { Report } from "./violation.ts";

/** A minute off is no wrong clock. */
const TOLERANCE_MS = 60_000;
/** A reconcile may take so long that what it saw has changed before it records its attempt; in calm times much less. */
const RECONCILE_MS = 150_000;
const CALM_RECONCILE_MS = 5000;
/** What somebody else issued so shortly before may not have been in the list. */
const RACE_MS = 150_000;
/** A watch that has said nothing for two minutes proves no grant; events may lag behind it by a minute. */
const STALE_GRANT_MS = 185_000;
const WITNESS_LISTS = 3;
const WITNESS_MS = 15 * 60_000;

/** Judges each create as it leaves and as it is carried out: invariants c, d and i. */
export class Creates {
  readonly #stage: Stage;
  readonly #ledger: Ledger;
  readonly #readiness: Readiness;
  readonly #report: Report;
  /** The last renewal of a certificate that was exempt from the limits, by its serial number. */
  readonly #renewed = new Map<string, Attempt>();
  /** Replacements that were issued because lists lacked the one before, by resource; until a list holds them. */
  readonly #unconfirmed = new Map<string, string>();

  constructor(stage: Stage, ledger: Ledger, readiness: Readiness, report: Report) {
    this.#stage = stage;
    this.#ledger = ledger;
    this.#readiness = readiness;
    this.#report = report;
  }

  posting(post: Post): void {
    const attempt = this.#ledger.posting(post);
    if (attempt === undefined) this.#hasARecord(post);
    else {
      this.#oneAtATime(attempt, post);
      this.#backoffIsOver(attempt);
      this.#isNeeded(attempt);
      this.#isGranted(attempt);
    }
  }

  /** m */
  #isGranted({ key, resource }: Attempt): void {
    const { now, withdrawnAt } = this.#stage;
    const since = resource.spec.projectRef && withdrawnAt.get(resource.spec.projectRef.name);
    if (since === undefined || now - since < STALE_GRANT_MS) return;
    this.#report("m", key, `a create ${(now - since) / 1000} s after its grant was withdrawn`);
  }

  executed(post: Post): void {
    const attempt = this.#ledger.executed(post);
    if (attempt === undefined || post.certificate === undefined) return;
    attempt.isExempt = this.#isRenewalByTime(attempt);
    if (attempt.isExempt) {
      if (attempt.held !== undefined) this.#renewed.set(attempt.held.serialNumber, attempt);
      return;
    }
    this.#budgetHolds(attempt);
    this.#limitHolds(attempt);
    if (attempt.reason === "NotListedByAtlas") this.#unconfirmed.set(attempt.key, post.certificate.serialNumber);
  }

  /** d */
  #hasARecord(post: Post): void {
    const hadOne = this.#ledger.attempts.some((one) => one.user === userOf(post));
    const what = hadOne ? "a create for an attempt that was used or closed before" : "a create without a record";
    this.#report("d", post.username, what);
  }

  /** c: limits can hold only if nobody else of the same process issues for the user meanwhile. */
  #oneAtATime(attempt: Attempt, post: Post): void {
    const others = this.#ledger.attempts.filter(
      (one) => one !== attempt && one.user === attempt.user && one.post?.machine === post.machine,
    );
    const isOpen = ({ post: other, isClosed }: Attempt) =>
      !isClosed && other !== undefined && other.deliveredAt === undefined && !other.hasFailed;
    if (others.some(isOpen)) this.#report("c", attempt.key, "two creates for one user at the same time");
  }

  /** l */
  #backoffIsOver({ key, namespace, resource, backoffEndsAt, recordedAt }: Attempt): void {
    const place = resource.spec.projectRef === undefined ? namespace : OPERATOR_NAMESPACE;
    const credentialsChangedAt = this.#ledger.touchedAt.get(place) ?? 0;
    const leftMs = backoffEndsAt - recordedAt;
    if (leftMs < CALM_RECONCILE_MS || recordedAt - credentialsChangedAt < RECONCILE_MS) return;
    this.#report("l", key, `an attempt ${Math.round(leftMs / 1000)} s before the end of its backoff`);
  }

  /** The exemption: due by time, and the first of the day for the certificate that it replaces. */
  #isRenewalByTime({ held, post, resource, user }: Attempt): boolean {
    if (held === undefined || userOf(held) !== user) return false;
    const { now } = this.#stage;
    const earlier = this.#renewed.get(held.serialNumber);
    // Its day begins with the record: Atlas may have carried it out later.
    const isLongAgo = now - (earlier?.recordedAt ?? Number.NEGATIVE_INFINITY) >= DAY_MS - TOLERANCE_MS;
    // What a deleted resource had recorded is known only to the process that saw it go.
    const isForgotten = earlier !== undefined && !this.#isOnRecord(earlier) && earlier.post?.machine !== post?.machine;
    return (isLongAgo || isForgotten) && now >= renewalDueAt(resource, held) - TOLERANCE_MS;
  }

  /** c */
  #budgetHolds(attempt: Attempt): void {
    const { now } = this.#stage;
    const since = now - DAY_MS + TOLERANCE_MS;
    const claimants = [...(this.#ledger.claims.get(attempt.user) ?? [])].filter(
      ([key, at]) => at > since || this.#lives(key),
    ).length;
    const budget = POLICY.maxIssuesPerDay + Math.max(0, claimants - 1);
    const spent = this.#ledger.attempts.filter(
      (one) =>
        // An attempt counts from its record on: Atlas may have carried it out later.
        one.user === attempt.user && !one.isExempt && one.recordedAt > since && this.#isKnowable(one),
    );
    if (spent.length <= budget) return;
    const reasons = spent.map(({ reason }) => reason).join(", ");
    this.#report(
      "c",
      attempt.key,
      `${spent.length} certificates in a day for one user, ${budget} are allowed: ${reasons}`,
    );
  }

  /** c */
  #limitHolds(attempt: Attempt): void {
    const { world, now } = this.#stage;
    const { projectId, username } = attempt.post ?? {};
    if (projectId === undefined || username === undefined) return;
    const { weather } = world.atlas.project(projectId);
    const unexpired = (world.atlas.unexpired(projectId, username) ?? []).filter((one) => {
      const own = this.#ledger.attemptOf(one.serialNumber);
      const isSeen = !weather.listsNothing && one.createdAt < now - weather.lagMs - RACE_MS;
      return own === undefined ? isSeen : this.#isKnowable(own);
    });
    if (unexpired.length <= POLICY.maxUnexpiredPerUser) return;
    this.#report("c", attempt.key, `${unexpired.length} unexpired certificates of one user`);
  }

  /** Whether the operator can know of an earlier certificate: from Atlas' list, or from the status of its resource. */
  #isKnowable(attempt: Attempt): boolean {
    const { world, now } = this.#stage;
    const certificate = attempt.post?.certificate;
    if (certificate === undefined) return false;
    // Beyond a day the list alone counts: Atlas may have lost the certificate with its user.
    const isRecent = certificate.createdAt > now - DAY_MS + TOLERANCE_MS;
    if (isRecent && this.#isOnRecord(attempt)) return true;
    const { weather } = world.atlas.project(certificate.projectId);
    const isListed = !certificate.isRevoked && !weather.listsNothing && certificate.notAfter > now;
    return isListed && certificate.createdAt < now - weather.lagMs - RACE_MS;
  }

  #isOnRecord({ uid }: Attempt): boolean {
    return this.#stage.world.server.all(RESOURCES).some(({ metadata }) => metadata.uid === uid);
  }

  #lives(key: string): boolean {
    return this.#stage.world.server
      .all(RESOURCES)
      .some(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key);
  }

  /** i */
  #isNeeded(attempt: Attempt): void {
    const { key, held, resource, recordedAt, reason } = attempt;
    const goodSince = this.#readiness.goodSince(key);
    const isCalm = this.#stage.calmSince(attempt.namespace) < recordedAt;
    const margin = isCalm ? CALM_RECONCILE_MS : RECONCILE_MS;
    if (goodSince === undefined || held === undefined || goodSince > recordedAt - margin) return;
    const { annotations = {} } = resource.metadata;
    const request = annotations[RENEW_REQUEST_ANNOTATION];
    if (request !== undefined && request !== resource.status?.renewRequest) return;
    if (recordedAt >= renewalDueAt(resource, held) - TOLERANCE_MS) return;
    if (this.#isWitnessed(key, held.serialNumber)) return;
    this.#report(
      "i",
      key,
      `a needless create (${reason}): the Secret has held good certificate ${held.serialNumber} all the time`,
    );
  }

  /** Whether no process can know that the certificate was issued: the one that asked for it was killed. */
  #diedWith(serialNumber: string): boolean {
    const post = this.#ledger.attemptOf(serialNumber)?.post;
    return post?.deliveredAt === undefined && (post?.machine.isAlive === false || post?.machine.wasFrozen === true);
  }

  /** Three lists over a quarter of an hour agree, and a list has held what was issued for this reason before. */
  #isWitnessed(key: string, serialNumber: string): boolean {
    const unlisted = this.#ledger.unlisted.get(serialNumber);
    if (unlisted === undefined) return false;
    const earlier = this.#unconfirmed.get(key);
    if (earlier !== undefined && !this.#ledger.confirmed.has(earlier) && !this.#diedWith(earlier)) return false;
    return unlisted.lists >= WITNESS_LISTS && unlisted.last - unlisted.since >= WITNESS_MS - TOLERANCE_MS;
  }
}
