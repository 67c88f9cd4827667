import { DAY_MS } from "../clock.ts";
import { type Usage, usage } from "../controllers/user-certificate/core/decide/usage.ts";
import type { Assessment } from "../controllers/user-certificate/core/status/assessment.ts";
import { objectKey } from "../kube/resource-type.ts";

/** The rest of each user's daily limit, as the latest reconciles saw it. */
export class IssuanceBudgets {
  /** By the keys of resources, the latest last. */
  readonly #usages = new Map<string, Pick<Usage, "issuedMs" | "maxPerDay"> & { readonly seenMs: number }>();

  reconciled({ nowMs, outcome, snapshot }: Assessment): void {
    const { issuedMs, maxPerDay } = usage(snapshot);
    const key = objectKey(snapshot.resource);
    this.#usages.delete(key);
    this.#forgetBefore(nowMs - DAY_MS);
    const all = outcome.kind === "issued" ? [...issuedMs, nowMs] : issuedMs;
    if (all.length > 0) this.#usages.set(key, { issuedMs: all, maxPerDay, seenMs: nowMs });
  }

  /** Certificates that may still be issued; undefined if none was in the last 24 hours. */
  left(resource: { readonly namespace: string; readonly name: string }, nowMs: number): number | undefined {
    const known = this.#usages.get(objectKey(resource));
    const issued = known?.issuedMs.filter((timeMs) => timeMs > nowMs - DAY_MS).length ?? 0;
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
