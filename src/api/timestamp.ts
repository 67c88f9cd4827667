/** A time as Kubernetes writes it (metav1.Time): RFC 3339, UTC, whole seconds; fractions are dropped. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** A time that a field of an object holds, in milliseconds since the epoch; undefined if it holds none. */
export function millisecondsOf(time: string | undefined): number | undefined {
  const ms = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(ms) ? undefined : ms;
}
