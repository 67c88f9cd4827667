import { expect, test } from "vitest";
import { SECRETS } from "../../../src/kube/core-types.ts";
import { KubeError } from "../../../src/kube/kube-error.ts";
import { ApiServer } from "./api-server.ts";
import { RESOURCES } from "./kinds.ts";

const REF = { namespace: "shop", name: "orders" };
const DATA = { a: "QQ==" };

function serverWithSecret() {
  const server = new ApiServer(() => 0);
  return { server, secret: server.create(SECRETS, { metadata: REF, type: "Opaque", data: DATA }, { by: "kubectl" }) };
}

test("a write onto an older state is a conflict", () => {
  const { server, secret } = serverWithSecret();
  const { resourceVersion } = secret.metadata;
  server.patch(SECRETS, REF, { metadata: { resourceVersion }, data: { b: "Qg==" } }, { by: "kubectl" });
  const again = () => server.patch(SECRETS, REF, { metadata: { resourceVersion } }, { by: "kubectl" });
  expect(again).toThrow(expect.objectContaining({ reason: "Conflict" }));
});

test("a write onto an object that was made again is a conflict", () => {
  const { server, secret } = serverWithSecret();
  server.delete(SECRETS, REF, "kubectl");
  server.create(SECRETS, { metadata: REF }, { by: "kubectl" });
  const write = () => server.patch(SECRETS, REF, { metadata: { uid: secret.metadata.uid } }, { by: "kubectl" });
  expect(write).toThrow(KubeError);
});

test("a dry run stores nothing", () => {
  const { server, secret } = serverWithSecret();
  server.patch(SECRETS, REF, { data: { b: "Qg==" } }, { by: "operator", dryRun: true });
  expect(server.get(SECRETS, REF)).toBe(secret);
});

test("a write that changes nothing makes no new state", () => {
  const { server, secret } = serverWithSecret();
  expect(server.patch(SECRETS, REF, { data: DATA }, { by: "operator" })).toBe(secret);
});

test("a write of the status changes neither the spec nor the generation", () => {
  const server = new ApiServer(() => 0);
  const spec = { username: "orders" };
  server.create(RESOURCES, { metadata: REF, spec: spec as never }, { by: "kubectl" });
  const patch = { spec: { username: "other" }, status: { revision: 1 } };
  const { metadata, ...rest } = server.patch(RESOURCES, REF, patch, { by: "operator", subresource: "status" });
  expect(rest).toEqual({ spec, status: { revision: 1 } });
  expect(metadata.generation).toBe(1);
});

test("an object with a finalizer stays until the finalizer is gone", () => {
  const { server } = serverWithSecret();
  server.patch(SECRETS, REF, { metadata: { finalizers: ["example.com/held"] } }, { by: "kubectl" });
  server.delete(SECRETS, REF, "kubectl");
  expect(server.get(SECRETS, REF).metadata.deletionTimestamp).toBe("1970-01-01T00:00:00Z");
  server.patch(SECRETS, REF, { metadata: { finalizers: [] } }, { by: "kubectl" });
  expect(server.find(SECRETS, REF)).toBeUndefined();
});

test("managed fields name whoever changed a label last", () => {
  const { server } = serverWithSecret();
  server.patch(SECRETS, REF, { metadata: { labels: { mine: "1", theirs: "1" } } }, { by: "operator" });
  const { metadata } = server.patch(SECRETS, REF, { metadata: { labels: { theirs: "2" } } }, { by: "argocd" });
  const labelsOf = (manager: string) =>
    Object.keys(
      Reflect.get(
        Object(
          Reflect.get(Object(metadata.managedFields?.find((one) => one.manager === manager)?.fieldsV1), "f:metadata"),
        ),
        "f:labels",
      ) ?? {},
    );
  expect(labelsOf("operator")).toEqual(["f:mine"]);
  expect(labelsOf("argocd")).toEqual(["f:theirs"]);
});
