import { describe, expect, test } from "vitest";
import { NAMESPACES, SECRETS } from "./core-types.ts";
import { EVENTS } from "./events/event-object.ts";
import { apiVersionOf, objectKey, resourcePath, typeName } from "./resource-type.ts";

describe("keys", () => {
  test.each([
    ["of a namespaced object", { namespace: "n", name: "a" }, "n/a"],
    ["of a cluster-scoped object", { name: "a" }, "a"],
  ])("%s", (_name, ref, key) => {
    expect(objectKey(ref)).toBe(key);
  });
});

describe("paths", () => {
  test.each([
    ["all Secrets", resourcePath(SECRETS), "/api/v1/secrets"],
    ["the Secrets of a namespace", resourcePath(SECRETS, { namespace: "n" }), "/api/v1/namespaces/n/secrets"],
    ["a Namespace", resourcePath(NAMESPACES, { name: "n" }), "/api/v1/namespaces/n"],
    [
      "a namespace given for a cluster-scoped kind is left out",
      resourcePath(NAMESPACES, { namespace: "x", name: "n" }),
      "/api/v1/namespaces/n",
    ],
    [
      "a subresource of a kind with a group",
      resourcePath(EVENTS, { namespace: "n", name: "a", subresource: "status" }),
      "/apis/events.k8s.io/v1/namespaces/n/events/a/status",
    ],
  ])("%s", (_name, path, expected) => {
    expect(path).toBe(expected);
  });
});

test("names of types", () => {
  expect([apiVersionOf(SECRETS), apiVersionOf(EVENTS), typeName(SECRETS), typeName(EVENTS)]).toEqual([
    "v1",
    "events.k8s.io/v1",
    "secrets",
    "events.events.k8s.io",
  ]);
});
