import { describe, expect, test } from "vitest";
import { FaultError, FaultList, parseFault } from "./faults.ts";

const CREATE = {
  operation: "createDatabaseUserCertificate",
  projectId: "p",
  username: "u",
  credentialsId: "c",
} as const;
const reset = { kind: "reset" } as const;

function listOf(...faults: Parameters<FaultList["add"]>[0][]) {
  const list = new FaultList();
  for (const fault of faults) list.add(fault);
  return list;
}

describe("FaultList", () => {
  test("gives a fault to one request and no more, unless told otherwise", () => {
    const list = listOf({ operation: "any", effect: reset });
    expect([list.take(CREATE)?.effect, list.take(CREATE)]).toEqual([reset, undefined]);
  });

  test("counts down", () => {
    const list = listOf({ operation: "any", effect: reset, times: 2 });
    list.take(CREATE);
    expect(list.pending.map(({ times }) => times)).toEqual([1]);
  });

  test("never runs out of a fault that acts always", () => {
    const list = listOf({ operation: "any", effect: reset, times: "always" });
    for (let count = 0; count < 5; count++) expect(list.take(CREATE)?.effect).toEqual(reset);
  });

  test.each([
    ["another operation", { operation: "listDatabaseUserCertificates" }],
    ["another project", { operation: "any", projectId: "q" }],
    ["another user", { operation: "any", username: "v" }],
    ["other credentials", { operation: "any", credentialsId: "d" }],
  ] as const)("keeps a fault for %s", (_, aim) => {
    const list = listOf({ ...aim, effect: reset });
    expect(list.take(CREATE)).toBeUndefined();
    expect(list.pending).toHaveLength(1);
  });

  test("gives the fault that was added first", () => {
    const list = listOf({ operation: "any", effect: reset }, { operation: "any", effect: { kind: "hang" } });
    expect(list.take(CREATE)?.effect).toEqual(reset);
  });

  test("has a fault again that was put back", () => {
    const list = listOf({ operation: "any", effect: reset });
    list.take(CREATE)?.putBack();
    expect(list.take(CREATE)?.effect).toEqual(reset);
  });

  test("forgets everything when cleared", () => {
    const list = listOf({ operation: "any", effect: reset });
    list.clear();
    expect(list.take(CREATE)).toBeUndefined();
  });
});

describe("parseFault", () => {
  test.each([
    ["an unknown operation", { operation: "x", effect: reset }],
    ["an unknown effect", { operation: "any", effect: { kind: "x" } }],
    ["a field of another effect", { operation: "any", effect: { kind: "reset", ms: 1 } }],
    ["no times at all", { operation: "any", effect: reset, times: 0 }],
    ["a status that is none", { operation: "any", effect: { kind: "status", status: 99 } }],
    ["a field that no list has", { operation: "any", effect: { kind: "sparseList", without: ["x"] } }],
    ["nothing", undefined],
  ])("refuses %s", (_, value) => {
    expect(() => parseFault(value)).toThrow(FaultError);
  });
});
