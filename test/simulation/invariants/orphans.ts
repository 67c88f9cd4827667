import { HOUR_MS } from "../../../src/clock.ts";
import type { Change } from "../cluster/api-server.ts";
import { EVENT_TYPE, RESOURCES } from "../cluster/kinds.ts";
import type { Machine } from "../engine/machine.ts";
import type { Stage } from "../stage.ts";
import { hindranceOf } from "./hindrance.ts";
import { holdingOf } from "./holding.ts";
import { type Attempt, type Ledger, userOf } from "./ledger.ts";
import type { Report } from "./violation.ts";

/** A certificate that arrived is in its Secret after this long, while nothing is disturbed. */
const STORED_WITHIN_MS = 900_000;
/** As long as a process that has lost its lease goes on storing what is parked in it. */
const HAND_OVER_MS = 150_000;
/** As long as a process may be frozen between its last read and what it says of it. */
const FREEZE_MS = 300_000;
/** The next verification shows it at the latest. */
const TOLD_WITHIN_MS = 7 * HOUR_MS;
const EVERY_MS = 600_000;

/** Follows certificates that are in no Secret: invariant b. */
export class Orphans {
  readonly #stage: Stage;
  readonly #ledger: Ledger;
  readonly #report: Report;
  #nextAt = 0;

  constructor(stage: Stage, ledger: Ledger, report: Report) {
    this.#stage = stage;
    this.#ledger = ledger;
    this.#report = report;
  }

  /** The certificates that a process takes with it. */
  died(machine: Machine): void {
    const lost = this.#ledger.attempts.filter(
      (one) => one.post?.machine === machine && one.storedAt === undefined && this.#isStillUnanswered(one),
    );
    for (const attempt of lost) {
      const same = lost.filter(({ uid }) => uid === attempt.uid);
      if (same.length > 1)
        this.#report("b", attempt.key, `one crash takes ${same.length} certificates of one resource`);
    }
  }

  change({ type, after }: Change): void {
    if (type !== EVENT_TYPE || after === undefined) return;
    const text = `${Reflect.get(after, "reason")} ${Reflect.get(after, "note")}`;
    if (!/orphan/i.test(text)) return;
    for (const [serial] of text.matchAll(/\d{16,}/g)) this.#isReallyOne(serial);
  }

  step(): void {
    const { now } = this.#stage;
    if (now < this.#nextAt) return;
    this.#nextAt = now + EVERY_MS;
    for (const attempt of this.#ledger.attempts) {
      if (attempt.storedAt !== undefined || attempt.post?.certificate === undefined) continue;
      this.#isNotDropped(attempt);
      this.#isTold(attempt);
    }
  }

  /** Its create is under way, or its certificate is in memory and was not given up. */
  #isStillUnanswered({ post, isClosed }: Attempt): boolean {
    if (this.#ledger.told.has(post?.certificate?.serialNumber ?? "")) return false;
    return post !== undefined && !post.hasFailed && (post.deliveredAt !== undefined || !isClosed);
  }

  #isNotDropped(attempt: Attempt): void {
    const { deliveredAt, machine, certificate } = attempt.post ?? {};
    if (deliveredAt === undefined || certificate === undefined || machine?.isAlive !== true) return;
    const { now, world } = this.#stage;
    const resource = world.server.all(RESOURCES).find(({ metadata }) => metadata.uid === attempt.uid);
    if (resource === undefined || userOf(resource.spec) !== attempt.user) return;
    if (holdingOf(world, resource).kind === "good" || certificate.notAfter <= now) return;
    const hindrance = hindranceOf(this.#stage, this.#ledger, resource);
    if (hindrance !== undefined && hindrance !== "budget spent" && hindrance !== "too many unexpired") return;
    const touchedAt = this.#ledger.touchedAt.get(attempt.namespace) ?? 0;
    // For a while the spec named another user, and the certificate was given up.
    if (touchedAt > deliveredAt && this.#ledger.told.has(certificate.serialNumber)) return;
    const calmSince = Math.max(deliveredAt, touchedAt, this.#stage.calmSince(attempt.namespace));
    if (now - calmSince < STORED_WITHIN_MS) return;
    this.#report("b", attempt.key, `certificate ${certificate.serialNumber} arrived and was never stored`);
  }

  #isTold(attempt: Attempt): void {
    const { now, world } = this.#stage;
    const { certificate, machine, deliveredAt, executedAt = now } = attempt.post ?? {};
    if (certificate === undefined || certificate.isRevoked || certificate.notAfter <= now) return;
    if (this.#ledger.told.has(certificate.serialNumber)) return;
    // It may wait in memory.
    if (deliveredAt !== undefined && machine?.isAlive) return;
    const asking = world.server.all(RESOURCES).filter(({ spec }) => userOf(spec) === attempt.user);
    const touchedAt = this.#ledger.touchedAt.get(attempt.namespace) ?? 0;
    const since = Math.max(executedAt, touchedAt, this.#stage.calmSince(attempt.namespace));
    if (asking.length === 0 || now - since < TOLD_WITHIN_MS) return;
    this.#report("b", attempt.key, `orphan ${certificate.serialNumber} was told to nobody`);
  }

  #isReallyOne(serial: string): void {
    const attempt = this.#ledger.attemptOf(serial);
    if (attempt === undefined) return;
    const { machine, hasFailed } = attempt.post ?? {};
    const lives = this.#stage.world.server.all(RESOURCES).find(({ metadata }) => metadata.uid === attempt.uid);
    if (lives === undefined || userOf(lives.spec) !== attempt.user) return;
    const isHeld = holdingOf(this.#stage.world, lives).certificate?.serialNumber === serial;
    // Stored by a process that was frozen, after its successor had read the Secret for the last time.
    const isFresh = this.#stage.now - (attempt.storedAt ?? 0) < FREEZE_MS;
    const isStored = isHeld && !(machine?.wasFrozen && isFresh);
    const isExpired = (attempt.post?.certificate?.notAfter ?? Number.POSITIVE_INFINITY) <= this.#stage.now;
    // The successor of a process that could not reach the API server knows nothing of what that one holds.
    const isCutOff = this.#stage.now - this.#stage.calmSince(attempt.namespace) < HAND_OVER_MS;
    const isInMemory =
      !(isExpired || isCutOff) &&
      attempt.storedAt === undefined &&
      hasFailed === false &&
      machine?.isAlive === true &&
      !machine.wasFrozen;
    if (isStored || isInMemory) {
      const where = isStored ? "its Secret holds it" : `${machine?.name} has it or will get it`;
      this.#report("b", attempt.key, `certificate ${serial} is called an orphan, and ${where}`);
    }
  }
}
