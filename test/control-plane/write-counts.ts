/** The verbs of kube-apiserver's metrics that change something. APPLY is a PATCH by server-side apply. */
const WRITE_VERBS: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE", "DELETECOLLECTION", "APPLY"]);

/**
 * Adds up the writes in kube-apiserver's metrics (`apiserver_request_total`, Prometheus text format), refused ones too,
 * by verb, resource and subresource: `APPLY secrets`, `PATCH atlasusercertificates/status`. Dry runs are kept apart:
 * `APPLY secrets (dry run)`.
 */
export function countWrites(metrics: string): Map<string, number> {
  return new Map([...countRequests(metrics)].filter(([key]) => isWrite(key)));
}

/** The same of all requests, those that read too: `GET secrets`, `LIST secrets`. A watch is counted when it ends. */
export function countRequests(metrics: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of metrics.split("\n")) {
    const sample = /^apiserver_request_total\{(.*)\} (\S+)$/.exec(line);
    if (sample === null) continue;
    const labels = new Map([...(sample[1] ?? "").matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
    const verb = labels.get("verb") ?? "";
    const subresource = labels.get("subresource") ? `/${labels.get("subresource")}` : "";
    const key = `${verb} ${labels.get("resource") ?? ""}${subresource}${labels.get("dry_run") ? " (dry run)" : ""}`;
    counts.set(key, (counts.get(key) ?? 0) + Number(sample[2]));
  }
  return counts;
}

/** Whether a key of such counts is that of a write. */
export function isWrite(key: string): boolean {
  return WRITE_VERBS.has(key.split(" ", 1)[0] ?? "");
}

/** What was written between two counts; keys without a change are left out. */
export function writesBetween(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>) {
  const difference = new Map<string, number>();
  for (const [key, count] of after) {
    const more = count - (before.get(key) ?? 0);
    if (more !== 0) difference.set(key, more);
  }
  return difference;
}
