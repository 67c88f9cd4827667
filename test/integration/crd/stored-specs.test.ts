import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { customResourceDefinition, KINDS } from "../../../src/api/crd.ts";
import { rest } from "../../control-plane/control-plane.ts";
import { type JsonObject, LEAST_SPEC, merged, namespaceOfFile } from "./sample.ts";

/**
 * An upgrade of the CRD brings rules that a stored spec may violate. They must not keep the operator from writing the
 * status. The tests use a copy of the kind, first without and then with the rules.
 */

const namespace = namespaceOfFile("stored");
const suffix = randomBytes(4).toString("hex");
const plural = `stored${suffix}s`;
const kind = `Stored${suffix}`;
const GROUP = "atlascerts.io";
const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const MERGE_PATCH = "application/merge-patch+json";

const STORED: Readonly<Record<string, JsonObject>> = {
  "a renewBefore of 1s": { renewBefore: "1s" },
  "the secretName of the credentials Secret": { secretName: "atlas-api" },
  "a username with a space behind it": { username: "orders-api " },
  "a username with a zero-width space": { username: "orders\u200bapi" },
};
const nameOf = (index: number) => `stored-${index}`;

function definition(rules: "with rules" | "without rules"): JsonObject {
  const names = { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames: [], categories: [] };
  const [userCertificates] = KINDS;
  const text = JSON.stringify(customResourceDefinition(userCertificates), (key, value: unknown) =>
    rules === "without rules" && key === "x-kubernetes-validations" ? undefined : value,
  );
  return merged(JSON.parse(text), { metadata: { name: `${plural}.${GROUP}` }, spec: { names } });
}

const path = (name = "", subresource = "") =>
  `/apis/${GROUP}/v1alpha1/namespaces/${namespace}/${plural}${name && `/${name}`}${subresource}`;

const resource = (name: string, change: JsonObject) => ({
  apiVersion: `${GROUP}/v1alpha1`,
  kind,
  metadata: { name },
  spec: merged(LEAST_SPEC, change),
});

beforeAll(async () => {
  expect((await rest("POST", DEFINITIONS, definition("without rules"))).status).toBe(201);
  await vi.waitFor(
    async () => {
      for (const [index, change] of Object.values(STORED).entries()) {
        const { status } = await rest("POST", path(), resource(nameOf(index), change));
        expect([201, 409]).toContain(status);
      }
    },
    { timeout: 20_000, interval: 200 },
  );
  expect((await rest("PATCH", `${DEFINITIONS}/${plural}.${GROUP}`, definition("with rules"), MERGE_PATCH)).status).toBe(
    200,
  );
  await vi.waitFor(
    async () => {
      const refused = await rest("POST", `${path()}?dryRun=All`, resource("tried", { renewBefore: "1s" }));
      expect(refused.status).toBe(422);
    },
    { timeout: 20_000, interval: 200 },
  );
});
afterAll(async () => {
  await rest("DELETE", `${DEFINITIONS}/${plural}.${GROUP}`);
});

const suspend = (name: string, change: JsonObject = {}) =>
  rest("PATCH", path(name), { spec: { ...change, suspend: true } }, MERGE_PATCH);

describe.each(Object.keys(STORED).map((what, index) => [what, nameOf(index)]))(
  "if an older CRD accepted %s,",
  (_what, name) => {
    test("the operator can write the status", async () => {
      const change = { status: { observedGeneration: 1, serialNumber: "7" } };
      const { status, body } = await rest("PATCH", path(name, "/status"), change, MERGE_PATCH);
      expect([status, body]).toEqual([200, expect.objectContaining(change)]);
    });
  },
);

test.each(["a renewBefore of 1s", "a username with a space behind it", "a username with a zero-width space"])(
  "if an older CRD accepted %s, another field can be changed",
  async (what) => {
    const { status, body } = await suspend(nameOf(Object.keys(STORED).indexOf(what)));
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({ spec: expect.objectContaining({ suspend: true }) }),
    ]);
  },
);

test("if an older CRD accepted the secretName of the credentials Secret, a change of the spec must correct it", async () => {
  const name = nameOf(Object.keys(STORED).indexOf("the secretName of the credentials Secret"));
  expect((await suspend(name)).status).toBe(422);
  expect((await suspend(name, { secretName: "orders-api-mongodb" })).status).toBe(200);
});
