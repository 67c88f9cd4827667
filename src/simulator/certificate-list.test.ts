import { describe, expect, test } from "vitest";
import type { Fault } from "./faults.ts";
import { call, certsPath, create, PRODUCTION, startSimulated } from "./testing.ts";

interface Page {
  readonly results: readonly Readonly<Record<string, unknown>>[];
  readonly links: readonly Readonly<Record<string, unknown>>[] | null;
  readonly totalCount?: number | null;
}

/** A user with an expired certificate and two that are not, and what the list says under an effect. */
async function listUnder(effect: Fault["effect"]) {
  const { simulator, url, clock } = await startSimulated({ monthMs: 10_000 });
  await create(url, 1);
  clock.advanceNow(10_000);
  await create(url, 2);
  clock.advanceNow(5_000);
  await create(url, 2);
  simulator.faults.add({ operation: "listDatabaseUserCertificates", effect });
  const text = await (await call(url, certsPath())).text();
  const serials = simulator.certificates(PRODUCTION, "orders-api").map(({ serialNumber }) => serialNumber);
  // The simulator's own answer.
  return { text, page: JSON.parse(text) as Page, serials };
}

describe("the count of a list", () => {
  test.each<readonly [string, Fault["effect"], number | null | undefined]>([
    ["takes in the expired certificates", { kind: "countsExpired" }, 3],
    ["is too high", { kind: "countOff", by: 2 }, 4],
    ["is too low", { kind: "countOff", by: -1 }, 1],
    ["is not below nothing", { kind: "countOff", by: -5 }, 0],
    ["is null", { kind: "sparseList", asNull: ["totalCount"] }, null],
    ["is missing", { kind: "sparseList", without: ["totalCount"] }, undefined],
  ])("%s while the list stays as it is", async (_, effect, totalCount) => {
    const { page } = await listUnder(effect);
    expect([page.totalCount, page.results.length]).toEqual([totalCount, 2]);
  });
});

describe("a sparse list", () => {
  test.each(["_id", "createdAt", "groupId", "notAfter", "subject"] as const)(
    "leaves %s of each certificate out, or null",
    async (field) => {
      const { page } = await listUnder({ kind: "sparseList", without: [field] });
      expect(page.results.map((one) => field in one)).toEqual([false, false]);
      const { page: withNull } = await listUnder({ kind: "sparseList", asNull: [field] });
      expect(withNull.results.map((one) => one[field])).toEqual([null, null]);
    },
  );

  test("has no links", async () => {
    expect((await listUnder({ kind: "sparseList", asNull: ["links"] })).page.links).toBeNull();
    expect((await listUnder({ kind: "sparseList", without: ["links"] })).page).not.toHaveProperty("links");
  });

  test.each(["rel", "href"] as const)("has links without %s", async (field) => {
    const { page } = await listUnder({ kind: "sparseList", without: [field] });
    expect(page.links?.map((one) => field in one)).toEqual([false]);
  });

  test.each([
    ["+0000", "2026-01-15T10:00:30+0000"],
    ["+00:00", "2026-01-15T10:00:30+00:00"],
    [".000Z", "2026-01-15T10:00:30.000Z"],
  ] as const)("writes times with %s", async (times, notAfter) => {
    expect((await listUnder({ kind: "sparseList", times })).page.results[0]).toMatchObject({ notAfter });
  });

  test("keeps the serial numbers exact", async () => {
    const { text, serials } = await listUnder({ kind: "sparseList", without: ["subject"] });
    expect([...text.matchAll(/"_id":(\d+)/g)].map(([, serial]) => serial)).toEqual(serials.slice(1));
  });
});

test("a list that is endless has a full page and a next one, and no certificate twice", async () => {
  const { simulator, url } = await startSimulated();
  simulator.faults.add({ operation: "listDatabaseUserCertificates", times: 2, effect: { kind: "endlessList" } });
  const ids: unknown[] = [];
  for (const pageNum of [7, 8]) {
    // The simulator's own answer.
    const page = (await (await call(url, `${certsPath()}?itemsPerPage=500&pageNum=${pageNum}`)).json()) as Page;
    expect(page.links?.map(({ rel }) => rel)).toContain("next");
    ids.push(...page.results.map(({ _id }) => _id));
  }
  expect(new Set(ids).size).toBe(1000);
});

test("a list that is empty says so", async () => {
  const { page } = await listUnder({ kind: "emptyList" });
  expect(page).toMatchObject({ results: [], totalCount: 0 });
});

test("a list that lags lacks what was issued within that time", async () => {
  const { text, page, serials } = await listUnder({ kind: "laggingList", ms: 5_000 });
  expect([page.results.length, page.totalCount, text.includes(serials[1] ?? "")]).toEqual([1, 1, true]);
});

test("an effect on a list waits for a list that succeeds", async () => {
  const { simulator, url } = await startSimulated();
  simulator.faults.add({ operation: "listDatabaseUserCertificates", effect: { kind: "emptyList" } });
  expect((await call(url, certsPath("unknown"))).status).toBe(404);
  expect(simulator.faults.pending).toHaveLength(1);
});
