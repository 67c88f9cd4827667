import { expect, test } from "vitest";
import { DAY_MS } from "../clock.ts";
import { AtlasTraffic } from "./atlas-traffic.ts";

const NOW = Date.UTC(2030, 0, 11);
const ID = "32b6e34b3d91647abb20e7b8";

/** The series after requests with these statuses, one second apart. */
function seriesAfter(statuses: readonly (number | undefined)[], { projectId = ID, laterMs = 0 } = {}) {
  const traffic = new AtlasTraffic();
  for (const [index, status] of statuses.entries()) {
    traffic.add({ operation: "getUserSecurity", projectId, status, durationMs: 1 }, NOW + index * 1000);
  }
  const text = traffic.text(NOW + laterMs);
  return text.split("\n").filter((line) => line.startsWith("atlascerts_"));
}

const requests = (project: string, status: string, count: number) =>
  `atlascerts_atlas_project_requests_total{project_id="${project}",status="${status}"} ${count}`;

test("requests about a project that Atlas has not confirmed are summed without its id", () => {
  expect(seriesAfter([404, undefined, 404])).toEqual([
    requests("unconfirmed", "4xx", 2),
    requests("unconfirmed", "none", 1),
  ]);
});

test("a project has series of its own from its first success on, with the time of its latest success", () => {
  expect(seriesAfter([401, 200, 201, 500])).toEqual([
    requests(ID, "2xx", 2),
    requests(ID, "5xx", 1),
    requests("unconfirmed", "4xx", 1),
    `atlascerts_atlas_last_success_timestamp_seconds{project_id="${ID}"} ${(NOW + 2000) / 1000}`,
  ]);
});

test("a project that was not used for a day is forgotten", () => {
  expect(seriesAfter([200], { laterMs: DAY_MS - 1 })).toHaveLength(2);
  expect(seriesAfter([200], { laterMs: DAY_MS })).toEqual([]);
});

test("a request that is about no project is not counted", () => {
  const traffic = new AtlasTraffic();
  traffic.add({ operation: "authenticate", projectId: undefined, status: 200, durationMs: 1 }, NOW);
  expect(traffic.text(NOW)).not.toMatch(/^atlascerts_/m);
});
