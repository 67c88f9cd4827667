/** A time as Kubernetes writes it (metav1.Time): RFC 3339, UTC, whole seconds; fractions are dropped. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
