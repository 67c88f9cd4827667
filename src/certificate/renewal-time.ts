/** When a certificate is replaced: a time before its expiry, or a share of its lifetime. */
export type RenewalRule =
  | { readonly kind: "before"; readonly beforeMs: number }
  | { readonly kind: "percentage"; readonly percentage: number };

/** Without a rule, and where the rule asks for more than the certificate's lifetime. */
const DEFAULT_SHARE = 1 / 3;

/** More than that of the lifetime is never left: a rule that asks for nearly all of it would renew every hour. */
const MAX_SHARE = 2 / 3;

/**
 * The time at which a certificate is due for renewal, from its real lifetime.
 *
 * A `before` as long as the lifetime would renew for ever; the default share stands in for it.
 */
export function renewalTime(validity: { readonly notBefore: Date; readonly notAfter: Date }, rule?: RenewalRule): Date {
  const lifetimeMs = validity.notAfter.getTime() - validity.notBefore.getTime();
  return new Date(Math.floor(validity.notAfter.getTime() - leadMs(lifetimeMs, rule)));
}

function leadMs(lifetimeMs: number, rule: RenewalRule | undefined): number {
  switch (rule?.kind) {
    case undefined:
      return lifetimeMs * DEFAULT_SHARE;
    case "percentage":
      return Math.min(rule.percentage / 100, MAX_SHARE) * lifetimeMs;
    case "before":
      return rule.beforeMs < lifetimeMs ? Math.min(rule.beforeMs, lifetimeMs * MAX_SHARE) : lifetimeMs * DEFAULT_SHARE;
    default:
      return rule satisfies never;
  }
}
