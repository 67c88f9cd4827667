import { expect, test } from "vitest";
import { ZodError } from "zod";
import { LAST_APPLIED_ANNOTATION, SECRET_ANNOTATIONS } from "../../../api/names.ts";
import { secretIdentity, secretMetadata } from "./secret-metadata.ts";

const metadata = { namespace: "shop", name: "orders", uid: "u", resourceVersion: "7" };
const managedBy = { [SECRET_ANNOTATIONS.certificateUid]: "x" };

test("fills in what a bare Secret lacks", () => {
  expect(secretMetadata({ metadata })).toEqual({
    ...metadata,
    deleting: false,
    labels: {},
    annotations: {},
    ownerReferences: [],
    ownLabelKeys: [],
    ownAnnotationKeys: [],
    ownDataKeys: [],
    otherWriters: [],
  });
});

test("keeps nothing of a Secret's data", () => {
  expect(JSON.stringify(secretMetadata({ metadata, data: { "tls.key": "c2VjcmV0" } }))).not.toContain("c2VjcmV0");
});

test("the caches keep only the identity and resourceVersion of a Secret, whatever its labels and annotations hold", () => {
  const others = {
    labels: { app: "payments" },
    annotations: { ...managedBy, [LAST_APPLIED_ANNOTATION]: '{"data":{"tls.key":"c2VjcmV0"}}', note: "x" },
    ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "y" }],
    managedFields: [{ manager: "kubectl-client-side-apply" }],
  };
  expect(secretIdentity({ metadata: { ...metadata, ...others } })).toEqual({ ...metadata, deleting: false });
});

test("names five other writers at most", () => {
  const managedFields = Array.from({ length: 1000 }, (_, index) => ({ manager: `writer-${index}` }));
  expect(secretMetadata({ metadata: { ...metadata, managedFields } }).otherWriters).toHaveLength(5);
});

test("keeps the annotations of the operator's own Secret, but not the copy of its data that kubectl puts there", () => {
  const annotations = { ...managedBy, note: "x" };
  const applied = { ...annotations, [LAST_APPLIED_ANNOTATION]: '{"data":{"tls.key":"c2VjcmV0"}}' };
  expect(secretMetadata({ metadata: { ...metadata, annotations: applied } }).annotations).toEqual(annotations);
});

test("knows which keys the operator wrote, and who else writes", () => {
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
        {
          manager: "atlas-cert-operator",
          fieldsV1: { "f:data": { ".": {}, "f:connectionString": {}, "f:tls.crt": {} } },
        },
        { manager: "nothing" },
        {},
      ],
    },
  });
  expect(read.ownLabelKeys).toEqual(["app.kubernetes.io/name"]);
  expect(read.ownAnnotationKeys).toEqual(["a/b"]);
  expect(read.ownDataKeys).toEqual(["connectionString"]);
  expect(read.otherWriters).toEqual(["kubectl-edit", "argocd", "nothing"]);
});

test("keeps one list of keys for all Secrets on which the operator set the same", () => {
  const read = (uid: string) => {
    const fieldsV1 = { "f:metadata": { "f:labels": { "f:team": {} }, "f:annotations": { "f:a/b": {} } } };
    const managedFields = [{ manager: "atlas-cert-operator", fieldsV1 }];
    return secretMetadata({ metadata: { ...metadata, uid, managedFields } });
  };
  const [one, other] = [read("1"), read("2")];
  expect([one.ownLabelKeys, one.ownAnnotationKeys]).toEqual([["team"], ["a/b"]]);
  expect(other.ownLabelKeys).toBe(one.ownLabelKeys);
  expect(other.ownAnnotationKeys).toBe(one.ownAnnotationKeys);
});

test("keeps an owner reference in the form that the API server accepts", () => {
  const reference = { apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "y" };
  const own = { ...metadata, annotations: managedBy, ownerReferences: [reference] };
  expect(secretMetadata({ metadata: own }).ownerReferences).toStrictEqual([reference]);
});

test("knows that a Secret is being deleted", () => {
  expect(secretMetadata({ metadata: { ...metadata, deletionTimestamp: "2030-01-01T00:00:00Z" } }).deleting).toBe(true);
});

test("keeps the labels of a Secret whose annotations were stripped, for the write that restores them", () => {
  const labels = { app: "orders" };
  expect(secretMetadata({ metadata: { ...metadata, labels } })).toMatchObject({ ...metadata, labels });
});

test.each([["<html>"], [{}], [{ metadata: { name: "x" } }]])(
  "refuses what is not a Kubernetes object: %j",
  (object: unknown) => {
    expect(() => secretMetadata(object)).toThrow(ZodError);
  },
);
