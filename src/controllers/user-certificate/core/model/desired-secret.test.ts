import { describe, expect, test } from "vitest";
import { LAST_APPLIED_ANNOTATION, MANAGED_LABEL, SECRET_ANNOTATIONS } from "../../../../api/names.ts";
import type { OwnerReference } from "../../../../kube/resource-type.ts";
import { FACTS, PROJECT, resource, UID } from "../../testing/snapshots.ts";
import { desiredMetadata, desiredOwnerReferences, leftOver } from "./desired-secret.ts";

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

test("the template adds labels and annotations, and never changes the operator's own", () => {
  const labels = { app: "orders", [MANAGED_LABEL]: "false" };
  const annotations = { note: "x", [SECRET_ANNOTATIONS.certificateUid]: "forged" };
  const desired = desiredMetadata(resource({ spec: { secretTemplate: { labels, annotations } } }), FACTS);
  expect(desired.labels).toEqual({ app: "orders", [MANAGED_LABEL]: "true" });
  expect(desired.annotations).toMatchObject({ note: "x", [SECRET_ANNOTATIONS.certificateUid]: UID });
});

describe("the owner reference", () => {
  const references = (present: readonly OwnerReference[], of = wantsOwner) =>
    desiredOwnerReferences(present, desiredMetadata(of, FACTS));

  test("is set if the Secret is deleted with its resource", () => {
    expect(references([])).toEqual([ours]);
  });

  test("is removed if the Secret is retained", () => {
    expect(references([ours], resource())).toEqual([]);
  });

  test("replaces one to an earlier resource of its kind", () => {
    expect(references([{ ...ours, uid: "earlier" }, theirs])).toEqual([theirs, ours]);
  });

  test("leaves those of others alone, also of a kind with the same name in another group", () => {
    const namesake = { ...ours, apiVersion: "atlascerts.io.example.com/v1", uid: "z" };
    expect(references([theirs, namesake], resource())).toEqual([theirs, namesake]);
  });
});

test("the annotation of kubectl apply is never asked for: the operator would not see that it is there", () => {
  const annotations = { note: "x", [LAST_APPLIED_ANNOTATION]: "{}" };
  const desired = desiredMetadata(resource({ spec: { secretTemplate: { annotations } } }), FACTS);
  expect(desired.annotations).toEqual({ ...desiredMetadata(resource(), FACTS).annotations, note: "x" });
});

test("a key is left over if the operator set it, the spec no longer asks for it, and it is still there", () => {
  const present = { asked: "1", old: "2", foreign: "3" };
  expect(leftOver(present, { asked: "1" }, ["asked", "old", "gone"])).toEqual(["old"]);
});
