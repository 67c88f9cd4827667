import { describe, expect, test } from "vitest";
import { KEYSTORE_ANNOTATION } from "../../../../api/names.ts";
import { digestOf, type ExtraKey, KEYSTORE_KEY } from "../../../../certificate/secret-data.ts";
import type { OwnerReference } from "../../../../kube/resource-type.ts";
import { ABSENT, damaged, FACTS, FOREIGN, managed, settled, UID } from "../../testing/snapshots.ts";
import { desiredExtras, keystoreMark } from "../model/desired-data.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { dataDifferences, metadataDifferences } from "./secret-differences.ts";
import { situationOf } from "./situation.ts";

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
    expect(metadataDifferences(situationOf(settled({ spec: { deletionPolicy }, secret })))).toEqual(differences);
  });
});

test.each([
  ["an absent Secret", settled({ secret: ABSENT })],
  ["a foreign Secret", settled({ secret: FOREIGN })],
  ["a damaged Secret", settled({ secret: damaged("missing") })],
  ["another resource's Secret", settled({ secretHolder: { name: "billing" } })],
])("there is nothing to repair in %s", (_what, snapshot) => {
  expect([...metadataDifferences(situationOf(snapshot)), ...dataDifferences(situationOf(snapshot))]).toEqual([]);
});

test("formats that differ from those of the operator's version are a difference", () => {
  const secret = managed();
  const content = { kind: "pair", facts: FACTS, formatsCurrent: false, extras: {} } as const;
  expect(dataDifferences(situationOf(settled({ secret: { ...secret, content } })))).toEqual(["PEM files"]);
});

describe("the keystore is", () => {
  const spec = { keystores: { pkcs12: { passwordSecretRef: { name: "keystore", key: "password" } } } };
  const keystorePassword = { kind: "usable", version: "v1" } as const;
  const mark = keystoreMark("d1", FACTS.fingerprint, "v1");
  const snapshotWith = (digest: string | undefined, annotation: string | undefined, change: Partial<Snapshot> = {}) => {
    const secret = managed(FACTS);
    const annotations = {
      ...secret.metadata.annotations,
      ...(annotation !== undefined && { [KEYSTORE_ANNOTATION]: annotation }),
    };
    const ownAnnotationKeys = [...secret.metadata.ownAnnotationKeys, KEYSTORE_ANNOTATION];
    const metadata = { ...secret.metadata, annotations, ownAnnotationKeys, ownDataKeys: [KEYSTORE_KEY] } as const;
    const extras = digest === undefined ? {} : { [KEYSTORE_KEY]: digest };
    const content = { kind: "pair", facts: FACTS, formatsCurrent: true, extras } as const;
    return settled({ spec, keystorePassword, secret: { ...secret, metadata, content }, ...change });
  };

  test("right with the mark of its bytes, its certificate and its password", () => {
    const snapshot = snapshotWith("d1", mark);
    expect([metadataDifferences(situationOf(snapshot)), dataDifferences(situationOf(snapshot))]).toEqual([[], []]);
  });

  test.each([
    ["missing", undefined, mark],
    ["another one", "d2", mark],
    ["not marked", "d1", undefined],
    ["that of another certificate", "d1", keystoreMark("d1", "EE:FF", "v1")],
    ["under another password", "d1", keystoreMark("d1", FACTS.fingerprint, "v2")],
  ])("a difference if it is %s", (_what, digest, annotation) => {
    const snapshot = snapshotWith(digest, annotation);
    expect([metadataDifferences(situationOf(snapshot)), dataDifferences(situationOf(snapshot))]).toEqual([
      [],
      ["key keystore.p12"],
    ]);
  });

  test("left as it is while its password is missing", () => {
    const missing = { keystorePassword: { kind: "unusable", problem: "x" } } as const;
    for (const snapshot of [snapshotWith("d1", mark, missing), snapshotWith(undefined, undefined, missing)]) {
      expect([metadataDifferences(situationOf(snapshot)), dataDifferences(situationOf(snapshot))]).toEqual([[], []]);
    }
  });

  test("a difference, with its mark, if the spec no longer asks for it", () => {
    const snapshot = snapshotWith("d1", mark, { resource: settled().resource, keystorePassword: { kind: "unwanted" } });
    expect(metadataDifferences(situationOf(snapshot))).toEqual([`annotation ${KEYSTORE_ANNOTATION}`]);
    expect(dataDifferences(situationOf(snapshot))).toEqual(["key keystore.p12"]);
  });
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
    return dataDifferences(situationOf(settled({ spec, secret: { ...managed(FACTS, { ownDataKeys }), content } })));
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
