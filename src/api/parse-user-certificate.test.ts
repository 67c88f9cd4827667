import { describe, expect, test } from "vitest";
import { ZodError } from "zod";
import { parseUserCertificate } from "./parse-user-certificate.ts";

const metadata = {
  namespace: "shop",
  name: "orders-api",
  uid: "uid-1",
  resourceVersion: "12",
  generation: 3,
  creationTimestamp: "2030-01-01T00:00:00Z",
};
const spec = {
  projectId: "32b6e34b3d91647abb20e7b8",
  credentialsRef: { name: "atlas-api" },
  username: "orders-api",
  secretName: "orders-api-mongodb",
};

test("fills in what was left out", () => {
  const resource = parseUserCertificate({ metadata, spec });
  expect(resource).toEqual({
    ...metadata,
    deleting: false,
    renewRequest: undefined,
    valid: true,
    spec: {
      ...spec,
      monthsUntilExpiration: 3,
      userSharedWithOtherClusters: false,
      deletionPolicy: "Retain",
      suspend: false,
    },
    status: {},
  });
});

test("reads a renewBefore that an older CRD accepted and this one refuses", () => {
  const resource = parseUserCertificate({ metadata, spec: { ...spec, renewBefore: "1s" } });
  expect(resource).toMatchObject({ valid: true, spec: { renewBefore: "1s" } });
});

test("reads the status of a resource that the operator has never seen", () => {
  const resource = parseUserCertificate({ metadata, spec, status: { observedGeneration: -1 } });
  expect(resource).toMatchObject({ valid: true, status: { observedGeneration: -1 } });
});

test("ignores fields that it does not know", () => {
  const resource = parseUserCertificate({
    apiVersion: "atlascerts.io/v1alpha1",
    kind: "AtlasUserCertificate",
    metadata: { ...metadata, labels: { a: "b" }, managedFields: [] },
    spec: { ...spec, aFieldOfANewerVersion: 1 },
    status: { serialNumber: "1", aFieldOfANewerVersion: 1, conditions: [] },
  });
  expect(resource).toMatchObject({ valid: true, status: { serialNumber: "1" } });
});

test("reports that a resource is being deleted", () => {
  const deleted = { ...metadata, deletionTimestamp: "2030-01-02T00:00:00Z" };
  expect(parseUserCertificate({ metadata: deleted, spec })).toMatchObject({ deleting: true });
});

test("returns the renew request, even if it is empty", () => {
  const requested = (value: string) => ({
    ...metadata,
    annotations: { "atlascerts.io/renew-requested-at": value, a: "" },
  });
  expect(parseUserCertificate({ metadata: requested("now"), spec })).toMatchObject({ renewRequest: "now" });
  expect(parseUserCertificate({ metadata: requested(""), spec })).toMatchObject({ renewRequest: "" });
});

describe("names the field that it cannot read:", () => {
  test.each([
    ["no spec", { metadata }, "spec"],
    ["no username", { metadata, spec: { ...spec, username: undefined } }, "spec.username"],
    [
      "a number of months that is a string",
      { metadata, spec: { ...spec, monthsUntilExpiration: "3" } },
      "spec.monthsUntilExpiration",
    ],
    ["an unknown deletion policy", { metadata, spec: { ...spec, deletionPolicy: "Keep" } }, "spec.deletionPolicy"],
    ["a status of another shape", { metadata, spec, status: { issuance: "open" } }, "status.issuance"],
  ])("%s", (_what, object, field) => {
    const resource = parseUserCertificate(object);
    expect(resource).toMatchObject({ ...metadata, valid: false });
    expect(!resource.valid && resource.problem.split(":")[0]).toBe(field);
  });
});

test("names every field that it cannot read", () => {
  const resource = parseUserCertificate({ metadata, spec: { ...spec, username: 1, secretName: 2 } });
  expect(!resource.valid && resource.problem).toMatch(/^spec\.username: .*; spec\.secretName: /);
});

describe("throws if the input is not a Kubernetes object:", () => {
  test.each([
    ["nothing", undefined],
    ["a text", "<html>"],
    ["an object without metadata", { spec }],
    ["metadata without a uid", { metadata: { ...metadata, uid: undefined }, spec }],
  ])("%s", (_what, object) => {
    expect(() => parseUserCertificate(object)).toThrow(ZodError);
  });
});
