import { DAY_MS } from "../clock.ts";
import type { Usage } from "../controllers/user-certificate/core/model/situation.ts";
import type { Assessment } from "../controllers/user-certificate/core/status/assessment.ts";
import { objectKey } from "../kube/resource-type.ts";

/** The rest of each user's daily limit, as the latest reconciles saw it. */
export class IssuanceBudgets {
  /** By the keys of resources, the latest last. */
  readonly #usages = new Map<string, Pick<Usage, "issuedMs" | "maxPerDay"> & { readonly seenMs: number }>();

  reconciled({ decision, nowMs, outcome, snapshot }: Assessment): void {
    const { atlas, resource, usage } = snapshot;
    const { issuedMs, maxPerDay } = usage;
    const key = objectKey(resource);
    this.#forgetBefore(nowMs - DAY_MS);
    // Without a list, certificates that were issued elsewhere are not counted.
    if (atlas.kind !== "listed" && issuedMs.length < this.#issuedSince(nowMs - DAY_MS, key)) return;
    this.#usages.delete(key);
    // One that was parked counted before it was stored.
    const all = decision.kind === "issue" && outcome.kind === "issued" ? [...issuedMs, nowMs] : issuedMs;
    if (all.length > 0) this.#usages.set(key, { issuedMs: all, maxPerDay, seenMs: nowMs });
  }

  /** Certificates that may still be issued; undefined if none was in the last 24 hours. */
  left(resource: { readonly namespace: string; readonly name: string }, nowMs: number): number | undefined {
    const key = objectKey(resource);
    const known = this.#usages.get(key);
    const issued = this.#issuedSince(nowMs - DAY_MS, key);
    return known === undefined || issued === 0 ? undefined : Math.max(0, known.maxPerDay - issued);
  }

  #issuedSince(timeMs: number, key: string): number {
    return this.#usages.get(key)?.issuedMs.filter((issuedMs) => issuedMs > timeMs).length ?? 0;
  }

  /** Resources come and go, so what is a day old goes, whether or not its resource is still there. */
  #forgetBefore(timeMs: number): void {
    for (const [key, { seenMs }] of this.#usages) {
      if (seenMs >= timeMs) return;
      this.#usages.delete(key);
    }
  }
}
