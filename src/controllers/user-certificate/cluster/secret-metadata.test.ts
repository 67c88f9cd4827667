import { describe, expect, test } from "vitest";
import { ZodError } from "zod";
import { LAST_APPLIED_ANNOTATION, SECRET_ANNOTATIONS } from "../../../api/names.ts";
import { isManaged, secretMetadata } from "./secret-metadata.ts";

const metadata = { namespace: "shop", name: "orders", uid: "u", resourceVersion: "7" };
const managedBy = { [SECRET_ANNOTATIONS.certificateUid]: "x" };

test("fills in what a bare Secret has not", () => {
  expect(secretMetadata({ metadata })).toEqual({
    ...metadata,
    deleting: false,
    labels: {},
    annotations: {},
    ownerReferences: [],
    ownLabelKeys: [],
    ownAnnotationKeys: [],
    otherWriters: [],
  });
});

test("keeps nothing of a Secret's data", () => {
  expect(JSON.stringify(secretMetadata({ metadata, data: { "tls.key": "c2VjcmV0" } }))).not.toContain("c2VjcmV0");
});

test("keeps of another team's Secret who it is and in which state, and nothing that others put into it", () => {
  const others = {
    labels: { app: "payments" },
    annotations: { [LAST_APPLIED_ANNOTATION]: '{"data":{"tls.key":"c2VjcmV0"}}', note: "x" },
    ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "y" }],
    managedFields: [{ manager: "kubectl-client-side-apply" }],
  };
  expect(secretMetadata({ metadata: { ...metadata, ...others } })).toEqual(secretMetadata({ metadata }));
});

test("keeps the annotations of the operator's own Secret, but not the copy of its data that kubectl puts there", () => {
  const annotations = { ...managedBy, note: "x" };
  const applied = { ...annotations, [LAST_APPLIED_ANNOTATION]: '{"data":{"tls.key":"c2VjcmV0"}}' };
  expect(secretMetadata({ metadata: { ...metadata, annotations: applied } }).annotations).toEqual(annotations);
});

test("tells the operator's own keys from those of others, and who the others are", () => {
  const fields = (labels: object, annotations: object) => ({
    fieldsV1: { "f:metadata": { "f:labels": labels, "f:annotations": annotations } },
  });
  const read = secretMetadata({
    metadata: {
      ...metadata,
      annotations: managedBy,
      managedFields: [
        { manager: "atlas-cert-operator", ...fields({ ".": {}, "f:app.kubernetes.io/name": {} }, { "f:a/b": {} }) },
        { manager: "kubectl-edit", ...fields({ "f:team": {} }, {}) },
        { manager: "argocd", fieldsV1: { "f:data": { "f:tls.key": {} } } },
        { manager: "argocd", fieldsV1: {} },
        { manager: "nothing" },
        {},
      ],
    },
  });
  expect(read.ownLabelKeys).toEqual(["app.kubernetes.io/name"]);
  expect(read.ownAnnotationKeys).toEqual(["a/b"]);
  expect(read.otherWriters).toEqual(["kubectl-edit", "argocd", "nothing"]);
});

test("keeps of an owner reference what the API server takes back", () => {
  const reference = { apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "y" };
  const own = { ...metadata, annotations: managedBy, ownerReferences: [reference] };
  expect(secretMetadata({ metadata: own }).ownerReferences).toStrictEqual([reference]);
});

test("tells that a Secret is being deleted", () => {
  expect(secretMetadata({ metadata: { ...metadata, deletionTimestamp: "2030-01-01T00:00:00Z" } }).deleting).toBe(true);
});

describe("a Secret is the operator's", () => {
  const managed = (annotations: object, labels: object = {}) =>
    isManaged(secretMetadata({ metadata: { ...metadata, annotations, labels } }));
  test("when it says for which resource it was issued, whatever became of its label", () => {
    expect(managed({ [SECRET_ANNOTATIONS.certificateUid]: "x" })).toBe(true);
  });

  test.each([
    ["the label alone", {}, { "atlascerts.io/managed": "true" }],
    ["a username alone", { [SECRET_ANNOTATIONS.username]: "x" }, {}],
    ["nothing", {}, {}],
  ])("not by %s", (_what, annotations, labels) => {
    expect(managed(annotations, labels)).toBe(false);
  });
});

test.each([["<html>"], [{}], [{ metadata: { name: "x" } }]])("refuses what is no Secret: %j", (object: unknown) => {
  expect(() => secretMetadata(object)).toThrow(ZodError);
});
