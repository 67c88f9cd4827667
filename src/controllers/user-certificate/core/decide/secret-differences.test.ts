import { describe, expect, test } from "vitest";
import type { OwnerReference } from "../../../../kube/resource-type.ts";
import { ABSENT, damaged, FACTS, FOREIGN, managed, settled, UID } from "../../testing/snapshots.ts";
import { secretDifferences } from "./secret-differences.ts";

describe("the owner reference is", () => {
  const ours: OwnerReference = {
    apiVersion: "atlascerts.io/v1alpha1",
    kind: "AtlasUserCertificate",
    name: "orders-api",
    uid: UID,
  };
  const theirs: OwnerReference = { apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "y" };
  const DIFFERENT = ["owner reference"];
  test.each([
    ["a difference if it is missing from a Secret that is deleted with its resource", [], "Delete", DIFFERENT],
    ["a difference if it is on a Secret that is retained", [ours], "Retain", DIFFERENT],
    ["a difference if it names an earlier resource", [{ ...ours, uid: "earlier" }], "Delete", DIFFERENT],
    ["a difference if an earlier resource has one beside it", [ours, { ...ours, uid: "earlier" }], "Delete", DIFFERENT],
    ["right beside that of another kind", [ours, theirs], "Delete", []],
    ["rightly absent beside that of another kind", [theirs], "Retain", []],
  ] as const)("%s", (_what, ownerReferences, deletionPolicy, differences) => {
    const secret = managed(FACTS, { ownerReferences });
    expect(secretDifferences(settled({ spec: { deletionPolicy }, secret }))).toEqual(differences);
  });
});

test.each([
  ["an absent Secret", settled({ secret: ABSENT })],
  ["a foreign Secret", settled({ secret: FOREIGN })],
  ["a damaged Secret", settled({ secret: damaged("missing") })],
  ["another resource's Secret", settled({ secretHolder: { name: "billing" } })],
])("there is nothing to repair in %s", (_what, snapshot) => {
  expect(secretDifferences(snapshot)).toEqual([]);
});

test("formats that differ from those of the operator's version are a difference", () => {
  const secret = managed();
  const content = { kind: "pair", facts: FACTS, formatsCurrent: false } as const;
  expect(secretDifferences(settled({ secret: { ...secret, content } }))).toEqual(["formats"]);
});
