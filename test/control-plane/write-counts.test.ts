import { expect, it } from "vitest";
import { countRequests, countWrites, writesBetween } from "./write-counts.ts";

function sample(labels: Record<string, string>, value: number): string {
  const all = {
    code: "200",
    component: "apiserver",
    dry_run: "",
    group: "",
    resource: "secrets",
    subresource: "",
    ...labels,
  };
  const text = Object.entries(all).map(([name, its]) => `${name}="${its}"`);
  return `apiserver_request_total{${text.join(",")}} ${value}`;
}

it.each([
  ["by verb and resource", { verb: "POST" }, "POST secrets"],
  ["by subresource", { verb: "PATCH", resource: "widgets", subresource: "status" }, "PATCH widgets/status"],
  ["with dry runs kept apart", { verb: "APPLY", dry_run: "All" }, "APPLY secrets (dry run)"],
])("counts writes %s", (_how, labels, key) => {
  expect([...countWrites(sample(labels, 3))]).toEqual([[key, 3]]);
});

it("adds up the answers, refused ones too", () => {
  const metrics = [sample({ verb: "PUT", code: "200" }, 3), sample({ verb: "PUT", code: "409" }, 2)].join("\n");
  expect(countWrites(metrics).get("PUT secrets")).toBe(5);
});

it.each(["GET", "LIST", "WATCH"])("doesn't count %s", (verb) => {
  expect(countWrites(sample({ verb }, 3)).size).toBe(0);
});

it("counts what reads too where all requests are asked for", () => {
  const metrics = [sample({ verb: "GET" }, 3), sample({ verb: "POST" }, 2)].join("\n");
  expect([...countRequests(metrics)]).toEqual([
    ["GET secrets", 3],
    ["POST secrets", 2],
  ]);
});

it("doesn't count other metrics", () => {
  const metrics = `# TYPE apiserver_request_total counter\n${sample({ verb: "PUT" }, 1).replace("_total", "_terminations_total")}`;
  expect(countWrites(metrics).size).toBe(0);
});

it("tells what was written between two counts", () => {
  const before = new Map([
    ["PUT leases", 7],
    ["POST secrets", 1],
  ]);
  const after = new Map([
    ["PUT leases", 9],
    ["POST secrets", 1],
    ["DELETE secrets", 1],
  ]);
  expect([...writesBetween(before, after)]).toEqual([
    ["PUT leases", 2],
    ["DELETE secrets", 1],
  ]);
});
