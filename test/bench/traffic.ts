import { isWrite } from "../control-plane/write-counts.ts";
import { figure, type Row } from "./table.ts";

/** Requests that were made in some time, by what they were for: `POST secrets` to a number. */
export interface Traffic {
  /** Without Events and dry runs, which are kept apart. */
  readonly writes: ReadonlyMap<string, number>;
  readonly events: ReadonlyMap<string, number>;
  readonly dryRuns: ReadonlyMap<string, number>;
  readonly reads: ReadonlyMap<string, number>;
  readonly atlasCalls: ReadonlyMap<string, number>;
}

/** Sorts the API server's counts of requests, and puts the simulated Atlas' beside them. */
export function trafficOf(apiRequests: ReadonlyMap<string, number>, atlasCalls: ReadonlyMap<string, number>): Traffic {
  const pick = (wanted: ReturnType<typeof kindOf>) =>
    new Map([...apiRequests].filter(([key]) => kindOf(key) === wanted).toSorted());
  return { writes: pick("write"), events: pick("event"), dryRuns: pick("dryRun"), reads: pick("read"), atlasCalls };
}

function kindOf(key: string): "write" | "event" | "dryRun" | "read" | "none" {
  // Of no resource: metrics and health.
  if (/^\S+ $/.test(key)) return "none";
  if (key.endsWith("(dry run)")) return "dryRun";
  if (!isWrite(key)) return "read";
  return key.endsWith(" events") ? "event" : "write";
}

/** The same for each certificate, as figures and as rows of tables. */
export function perCertificate(traffic: Traffic, certificates: number) {
  const { writes, events, dryRuns, reads, atlasCalls } = traffic;
  const each = (counts: ReadonlyMap<string, number>) => total(counts) / certificates;
  const rows = (counts: ReadonlyMap<string, number>): Row[] =>
    [...counts].map(([key, count]) => [key, figure(count / certificates), "a certificate"]);
  return {
    writes: each(writes),
    events: each(events),
    atlasCalls: each(atlasCalls),
    apiRows: [writes, events, dryRuns, reads].flatMap(rows),
    atlasRows: rows(atlasCalls),
  };
}

export function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
