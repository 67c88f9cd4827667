import { describe, expect, test } from "vitest";
import { digestOf, type ExtraKey } from "../../../../certificate/secret-data.ts";
import type { OwnerReference } from "../../../../kube/resource-type.ts";
import { ABSENT, damaged, FACTS, FOREIGN, managed, settled, UID } from "../../testing/snapshots.ts";
import { desiredExtras } from "../model/desired-data.ts";
import { dataDifferences, metadataDifferences } from "./secret-differences.ts";

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
    expect(metadataDifferences(settled({ spec: { deletionPolicy }, secret }))).toEqual(differences);
  });
});

test.each([
  ["an absent Secret", settled({ secret: ABSENT })],
  ["a foreign Secret", settled({ secret: FOREIGN })],
  ["a damaged Secret", settled({ secret: damaged("missing") })],
  ["another resource's Secret", settled({ secretHolder: { name: "billing" } })],
])("there is nothing to repair in %s", (_what, snapshot) => {
  expect([...metadataDifferences(snapshot), ...dataDifferences(snapshot)]).toEqual([]);
});

test("formats that differ from those of the operator's version are a difference", () => {
  const secret = managed();
  const content = { kind: "pair", facts: FACTS, formatsCurrent: false, extras: {} } as const;
  expect(dataDifferences(settled({ secret: { ...secret, content } }))).toEqual(["formats"]);
});

describe("the connection string is", () => {
  const wanted = { host: "a.example.com", scheme: "mongodb+srv", mountPath: "/etc/mongodb" } as const;
  const { connectionString: current = "" } = desiredExtras({ connectionString: wanted });
  const DIFFERENT = ["key connectionString"];
  const differences = (
    present: string | undefined,
    ownDataKeys: readonly ExtraKey[],
    spec: { readonly connectionString?: typeof wanted } = { connectionString: wanted },
  ) => {
    const extras = present === undefined ? {} : { connectionString: digestOf(present) };
    const content = { kind: "pair", facts: FACTS, formatsCurrent: true, extras } as const;
    return dataDifferences(settled({ spec, secret: { ...managed(FACTS, { ownDataKeys }), content } }));
  };

  test("right as the spec has it", () => {
    expect(differences(current, ["connectionString"])).toEqual([]);
  });

  test("a difference if it is missing or another one", () => {
    expect(differences(undefined, [])).toEqual(DIFFERENT);
    expect(differences("b3RoZXI=", ["connectionString"])).toEqual(DIFFERENT);
  });

  test("a difference if the spec no longer asks for it", () => {
    expect(differences(current, ["connectionString"], {})).toEqual(DIFFERENT);
    // Someone else put it there.
    expect(differences(current, [], {})).toEqual([]);
  });
});
