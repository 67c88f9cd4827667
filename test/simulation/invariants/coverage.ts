import { BLOCKED_REASONS, type BlockedReason, ISSUE_REASONS } from "../../../src/api/reasons.ts";
import type { Change } from "../cluster/api-server.ts";
import { EVENT_TYPE, RESOURCE_TYPE, type ResourceObject } from "../cluster/kinds.ts";

/** Too rare: it takes a watch that is silent for two minutes while statuses can be written. */
const RARE: ReadonlySet<string> = new Set<BlockedReason>(["GrantsUnverified"]);

/** What the operator can decide, by what shows of it. */
export const EXPECTED: readonly string[] = [
  ...ISSUE_REASONS.map((reason) => `issue ${reason}`),
  ...BLOCKED_REASONS.filter((reason) => !RARE.has(reason)).map((reason) => `blocked ${reason}`),
  "repair",
  "keep",
];

/** Counts decisions and their reasons: what never occurs in a thousand seeds is not tested by them. */
export class Coverage {
  readonly counts = new Map<string, number>();

  change({ type, before, after }: Change): void {
    if (after === undefined) return;
    if (type === EVENT_TYPE && Reflect.get(after, "reason") === "Repaired") this.#count("repair");
    if (type !== RESOURCE_TYPE) return;
    // The type's name says that these are resources.
    const [was, is] = [(before as ResourceObject | undefined)?.status ?? {}, (after as ResourceObject).status ?? {}];
    const { issuance } = is;
    if (issuance !== undefined && issuance.id !== was.issuance?.id) this.#count(`issue ${issuance.reason}`);
    if (is.lastVerifiedTime !== undefined && is.lastVerifiedTime !== was.lastVerifiedTime) this.#count("keep");
    const reasons = (status: typeof is) => new Set((status.conditions ?? []).map(({ reason }) => reason));
    for (const reason of reasons(is).difference(reasons(was))) {
      if (BLOCKED_REASONS.some((blocked) => blocked === reason)) this.#count(`blocked ${reason}`);
    }
  }

  add(other: Coverage): void {
    for (const [name, count] of other.counts) this.counts.set(name, (this.counts.get(name) ?? 0) + count);
  }

  get missing(): readonly string[] {
    return EXPECTED.filter((name) => !this.counts.has(name));
  }

  #count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }
}
