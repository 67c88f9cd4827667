const DECIMAL = /^(?:0|[1-9]\d*)$/;

/**
 * Which of two resourceVersions of one resource is the newer: negative when `a` is older, 0 when they are the same,
 * positive when `a` is newer. Since Kubernetes 1.35 they are documented as comparable decimal integers of any length;
 * with anything else the answer is undefined and only equality may be relied on.
 */
export function compareResourceVersions(a: string, b: string): number | undefined {
  if (a === b) return 0;
  if (!DECIMAL.test(a) || !DECIMAL.test(b)) return undefined;
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : 1;
}
