/**
 * A Kubernetes MicroTime from wall-clock milliseconds: RFC 3339 in UTC with exactly six fractional digits, which is
 * what the API server demands of Leases and Events (it refuses the three of toISOString).
 */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace(/Z$/, "000Z");
}
