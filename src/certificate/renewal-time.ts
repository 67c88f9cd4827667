import { DAY_MS } from "../clock.ts";

/** When a certificate is renewed: a fixed time before it expires, or when a share of its lifetime is left. */
export type RenewalRule =
  | { readonly kind: "before"; readonly beforeMs: number }
  | { readonly kind: "percentage"; readonly percentage: number };

/** How a rule differs from what is done: another time is used than the rule asks for. */
export type RenewalAdjustment = "raisedTo24h" | "reducedToTwoThirds" | "replacedByOneThird";

/** Used without a rule, and for a `before` that is as long as the lifetime: that would renew without end. */
const DEFAULT_SHARE = 1 / 3;

/** The largest share that is used: a rule that leaves nearly the whole lifetime would renew every hour. */
const MAX_SHARE = 2 / 3;

/** The shortest `before`. The CRD refuses less, but an older CRD may have stored it. */
export const MIN_BEFORE_MS = DAY_MS;

interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/**
 * The time at which a certificate is due for renewal, computed from its real lifetime. Without jitter: certificates that
 * were issued together are due together, and the issuing turns and the pacer spread the calls.
 */
export function renewalTime(validity: Validity, rule?: RenewalRule): Date {
  return new Date(Math.floor(validity.notAfter.getTime() - lead(validity, rule).leadMs));
}

/** How the rule had to be adjusted for this certificate; undefined if it is used as it is. */
export function renewalAdjustment(validity: Validity, rule: RenewalRule | undefined): RenewalAdjustment | undefined {
  return lead(validity, rule).adjustment;
}

interface Lead {
  readonly leadMs: number;
  readonly adjustment?: RenewalAdjustment;
}

function lead({ notBefore, notAfter }: Validity, rule: RenewalRule | undefined): Lead {
  const lifetimeMs = notAfter.getTime() - notBefore.getTime();
  switch (rule?.kind) {
    case undefined:
      return { leadMs: lifetimeMs * DEFAULT_SHARE };
    case "percentage":
      return atMostTwoThirds(lifetimeMs, { leadMs: (lifetimeMs * rule.percentage) / 100 });
    case "before": {
      const raised: Lead =
        rule.beforeMs < MIN_BEFORE_MS
          ? { leadMs: MIN_BEFORE_MS, adjustment: "raisedTo24h" }
          : { leadMs: rule.beforeMs };
      return raised.leadMs < lifetimeMs
        ? atMostTwoThirds(lifetimeMs, raised)
        : { leadMs: lifetimeMs * DEFAULT_SHARE, adjustment: "replacedByOneThird" };
    }
    default:
      return rule satisfies never;
  }
}

function atMostTwoThirds(lifetimeMs: number, wished: Lead): Lead {
  const maxMs = lifetimeMs * MAX_SHARE;
  return wished.leadMs <= maxMs ? wished : { leadMs: maxMs, adjustment: "reducedToTwoThirds" };
}
