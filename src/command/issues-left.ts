import { DAY_MS } from "../clock.ts";
import type { Usage } from "../controllers/user-certificate/core/model/situation.ts";
import { userKey } from "../controllers/user-certificate/core/model/user.ts";
import type { Assessment } from "../controllers/user-certificate/core/status/assessment.ts";
import { objectKey } from "../kube/resource-type.ts";

/** The usage of one user, and when it was last seen. */
interface SeenUsage extends Pick<Usage, "issuedMs" | "maxPerDay"> {
  readonly user: string;
  readonly seenMs: number;
}

/** The rest of each user's daily limit, as the latest reconciles saw it. */
export class IssuesLeft {
  /** By the keys of resources, the latest last. */
  readonly #usages = new Map<string, SeenUsage>();

  reconciled({ decision, nowMs, outcome, situation }: Assessment): void {
    const { atlas, resource, usage } = situation;
    const { issuedMs, maxPerDay } = usage;
    const key = objectKey(resource);
    const user = userKey(resource.spec);
    this.#forgetBefore(nowMs - DAY_MS);
    const known = this.#usages.get(key);
    this.#usages.delete(key);
    // A certificate that was parked was counted before it was stored.
    const counted = decision.kind === "issue" && outcome.kind === "issued" ? [...issuedMs, nowMs] : issuedMs;
    // Without a list, certificates that were issued elsewhere are not counted.
    const before = atlas.kind !== "listed" && known?.user === user ? issuedSince(nowMs - DAY_MS, known) : [];
    const all = before.length > counted.length ? before : counted;
    if (all.length > 0) this.#usages.set(key, { user, issuedMs: all, maxPerDay, seenMs: nowMs });
  }

  /** Certificates that may still be issued; undefined if none was in the last 24 hours. */
  of(resource: { readonly namespace: string; readonly name: string }, nowMs: number): number | undefined {
    const known = this.#usages.get(objectKey(resource));
    const issued = known === undefined ? 0 : issuedSince(nowMs - DAY_MS, known).length;
    return known === undefined || issued === 0 ? undefined : Math.max(0, known.maxPerDay - issued);
  }

  /** Resources come and go, so what is a day old goes, whether or not its resource is still there. */
  #forgetBefore(timeMs: number): void {
    for (const [key, { seenMs }] of this.#usages) {
      if (seenMs >= timeMs) return;
      this.#usages.delete(key);
    }
  }
}

function issuedSince(timeMs: number, { issuedMs }: SeenUsage): readonly number[] {
  return issuedMs.filter((ms) => ms > timeMs);
}
