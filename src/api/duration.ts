/**
 * Durations in resources and flags: a subset of Go's format (hours, minutes, seconds, milliseconds; whole numbers;
 * largest unit first), so that `720h`, `1h30m` and `90s` mean what Kubernetes users expect.
 */
export const DURATION_PATTERN = "^([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,9}s)?$";

/**
 * The shortest `renewBefore` that the CRD accepts. Less leaves no time for the kubelet to update the mounted file, for a
 * restart of the app, and for anyone to act on an alert.
 */
export const MIN_RENEW_BEFORE = "24h";

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
const DURATION = /^(?:\d{1,6}h)?(?:\d{1,7}m)?(?:\d{1,9}s)?(?:\d{1,9}ms)?$/;

/** Milliseconds of a duration such as `720h` or `1h30m`; undefined for anything else, including the empty string. */
export function parseDurationMs(text: string): number | undefined {
  if (text === "" || !DURATION.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|h|m|s)/g)) {
    totalMs += Number(amount) * (UNIT_MS[unit ?? ""] ?? 0);
  }
  return totalMs;
}

/** A duration for people: its two largest units, as in `29d 4h`, `1h 30m` or `45s`. A negative one is `0s`. */
export function describeDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor((seconds % 86_400) / 3600), "h"],
    [Math.floor((seconds % 3600) / 60), "m"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first === -1) return "0s";
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join(" ");
}
