import { describe, expect, test } from "vitest";
import { LAST_APPLIED_ANNOTATION, MANAGED_LABEL, SECRET_ANNOTATIONS } from "../../../../api/names.ts";
import type { OwnerReference } from "../../../../kube/resource-type.ts";
import { desiredMetadata, desiredOwnerReferences, leftOver, secretDifferences } from "./desired-secret.ts";
import { ABSENT, damaged, FACTS, FOREIGN, managed, PROJECT, resource, settled, UID } from "../../testing/snapshots.ts";

const ours: OwnerReference = {
  apiVersion: "atlascerts.io/v1alpha1",
  kind: "AtlasUserCertificate",
  name: "orders-api",
  uid: UID,
  controller: true,
  blockOwnerDeletion: false,
};
const theirs: OwnerReference = { apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "y" };
const wantsOwner = resource({ spec: { deletionPolicy: "Delete" } });

test("the Secret says what it was issued for and what it holds", () => {
  expect(desiredMetadata(resource(), FACTS)).toEqual({
    labels: { [MANAGED_LABEL]: "true" },
    annotations: {
      [SECRET_ANNOTATIONS.certificateName]: "orders-api",
      [SECRET_ANNOTATIONS.certificateUid]: UID,
      [SECRET_ANNOTATIONS.projectId]: PROJECT,
      [SECRET_ANNOTATIONS.username]: "orders-api",
      [SECRET_ANNOTATIONS.serialNumber]: "1001",
      [SECRET_ANNOTATIONS.notAfter]: "2030-04-01T00:00:00.000Z",
      [SECRET_ANNOTATIONS.fingerprint]: "AB:CD",
    },
    ownerReference: undefined,
  });
});

test("the template can add, and can't touch what is the operator's own", () => {
  const labels = { app: "orders", [MANAGED_LABEL]: "false" };
  const annotations = { note: "x", [SECRET_ANNOTATIONS.certificateUid]: "forged" };
  const desired = desiredMetadata(resource({ spec: { secretTemplate: { labels, annotations } } }), FACTS);
  expect(desired.labels).toEqual({ app: "orders", [MANAGED_LABEL]: "true" });
  expect(desired.annotations).toMatchObject({ note: "x", [SECRET_ANNOTATIONS.certificateUid]: UID });
});

describe("the owner reference", () => {
  const references = (present: readonly OwnerReference[], of = wantsOwner) =>
    desiredOwnerReferences(present, desiredMetadata(of, FACTS));

  test("is there where the Secret shall go with its resource", () => {
    expect(references([])).toEqual([ours]);
  });

  test("is not there where it shall stay", () => {
    expect(references([ours], resource())).toEqual([]);
  });

  test("takes the place of one to an earlier resource of its kind", () => {
    expect(references([{ ...ours, uid: "earlier" }, theirs])).toEqual([theirs, ours]);
  });

  test("leaves those of others, and those of another group's kind of the same name", () => {
    const namesake = { ...ours, apiVersion: "atlascerts.io.example.com/v1", uid: "z" };
    expect(references([theirs, namesake], resource())).toEqual([theirs, namesake]);
  });

  test("is a difference in either direction, and none once it is right", () => {
    const differences = (present: readonly OwnerReference[], policy: "Delete" | "Retain") =>
      secretDifferences(
        settled({ spec: { deletionPolicy: policy }, secret: managed(FACTS, { ownerReferences: present }) }),
      );
    expect(differences([], "Delete")).toEqual(["owner reference"]);
    expect(differences([ours], "Retain")).toEqual(["owner reference"]);
    expect(differences([{ ...ours, uid: "earlier" }], "Delete")).toEqual(["owner reference"]);
    expect(differences([ours, theirs], "Delete")).toEqual([]);
    expect(differences([theirs], "Retain")).toEqual([]);
  });
});

test("what kubectl keeps in an annotation is never asked for: the operator would not see that it is there", () => {
  const annotations = { note: "x", [LAST_APPLIED_ANNOTATION]: "{}" };
  const desired = desiredMetadata(resource({ spec: { secretTemplate: { annotations } } }), FACTS);
  expect(desired.annotations).toEqual({ ...desiredMetadata(resource(), FACTS).annotations, note: "x" });
});

test("keys are left over when the operator set them, nobody asks for them, and they are still there", () => {
  const present = { asked: "1", old: "2", foreign: "3" };
  expect(leftOver(present, { asked: "1" }, ["asked", "old", "gone"])).toEqual(["old"]);
});

test.each([
  ["no Secret", ABSENT],
  ["a foreign one", FOREIGN],
  ["a damaged one", damaged("missing")],
])("there is nothing to repair in %s", (_what, secret) => {
  expect(secretDifferences(settled({ secret }))).toEqual([]);
});
