import { randomBytes } from "node:crypto";
import { describe, expect, onTestFinished, test } from "vitest";
import { rest } from "../../control-plane/control-plane.ts";
import { type JsonObject, merged, refusal } from "./sample.ts";

const COLLECTION = "/apis/atlascerts.io/v1alpha1/atlascustomerx509removals";
const STRICT = "fieldValidation=Strict&dryRun=All";
const MERGE_PATCH = "application/merge-patch+json";
const CA = `sha256:${"ab".repeat(32)}`;
const OTHER_CA = `sha256:${"cd".repeat(32)}`;
const REQUEST: JsonObject = {
  projectRef: { name: "production" },
  certificateAuthorities: [CA],
  notAfter: "2026-11-24T18:00:00Z",
  acknowledgeRollingRestart: true,
};

function manifest(name: string, spec: JsonObject | undefined) {
  return { apiVersion: "atlascerts.io/v1alpha1", kind: "AtlasCustomerX509Removal", metadata: { name }, spec };
}

function tryRequest(change: JsonObject) {
  return rest("POST", `${COLLECTION}?${STRICT}`, manifest("tried", merged(REQUEST, change)));
}

describe("the API server takes", () => {
  test.each<readonly [string, JsonObject]>([
    ["the least", {}],
    ["64 certificate authorities", { certificateAuthorities: authorities(64) }],
    ["a time with a fraction in another zone", { notAfter: "2026-11-24T18:00:00.5+02:00" }],
  ])("%s", async (_what, change) => {
    expect(await tryRequest(change)).toMatchObject({ status: 201, body: { status: { observedGeneration: -1 } } });
  });
});

const RESTART = "acknowledgeRollingRestart must be true: Atlas restarts the nodes of every cluster";
const FORM = "must be sha256: and 64 lower-case hexadecimal digits";
const FIRST = "spec.certificateAuthorities[0]";

describe("the API server refuses, and says what is allowed,", () => {
  test.each<readonly [string, JsonObject, string, string]>([
    [
      "a restart that is not acknowledged",
      { acknowledgeRollingRestart: false },
      "spec.acknowledgeRollingRestart",
      RESTART,
    ],
    [
      "a restart that is not mentioned",
      { acknowledgeRollingRestart: null },
      "spec.acknowledgeRollingRestart",
      "Required",
    ],
    [
      "an acknowledgement that is a text",
      { acknowledgeRollingRestart: "true" },
      "spec.acknowledgeRollingRestart",
      "must be of type boolean",
    ],
    ["no certificate authority", { certificateAuthorities: [] }, "spec.certificateAuthorities", "must not be empty"],
    [
      "certificate authorities that are not there",
      { certificateAuthorities: null },
      "spec.certificateAuthorities",
      "Required",
    ],
    [
      "a certificate authority twice",
      { certificateAuthorities: [CA, CA] },
      "spec.certificateAuthorities[1]",
      "Duplicate value",
    ],
    [
      "65 certificate authorities",
      { certificateAuthorities: authorities(65) },
      "spec.certificateAuthorities",
      "must have at most 64 items",
    ],
    ["a fingerprint in capitals", { certificateAuthorities: [CA.toUpperCase()] }, FIRST, FORM],
    ["a fingerprint without its kind", { certificateAuthorities: ["ab".repeat(32)] }, FIRST, FORM],
    ["a fingerprint of another kind", { certificateAuthorities: [`sha1:${"ab".repeat(20)}`] }, FIRST, FORM],
    ["a fingerprint that is cut", { certificateAuthorities: [CA.slice(0, -1)] }, FIRST, FORM],
    ["*", { certificateAuthorities: ["*"] }, FIRST, FORM],
    ["no end", { notAfter: null }, "spec.notAfter", "Required"],
    ["an end that is no time", { notAfter: "tomorrow" }, "spec.notAfter", "must be of type date-time"],
    ["no project", { projectRef: null }, "spec.projectRef", "Required"],
    [
      "a project's name of another form",
      { projectRef: { name: "Production" } },
      "spec.projectRef.name",
      "must be a DNS subdomain",
    ],
  ])("%s", async (_what, change, field, sentence) => {
    expect(refusal(await tryRequest(change))).toEqual([{ field, message: expect.stringContaining(sentence) }]);
  });

  test("a request without a spec", async () => {
    const answer = await rest("POST", `${COLLECTION}?${STRICT}`, manifest("tried", undefined));
    expect(refusal(answer)).toEqual([{ field: "spec", message: expect.stringContaining("Required") }]);
  });
});

describe("a request that exists", () => {
  test.each<readonly [string, JsonObject]>([
    ["another project", { projectRef: { name: "staging" } }],
    ["another certificate authority", { certificateAuthorities: [OTHER_CA] }],
    ["one more certificate authority", { certificateAuthorities: [CA, OTHER_CA] }],
    ["a later end", { notAfter: "2026-11-24T19:00:00Z" }],
  ])("can't get %s", async (_what, change) => {
    const name = await stored();
    expect(refusal(await patch(name, { spec: change }))).toEqual([
      { field: "spec", message: expect.stringContaining("spec is immutable") },
    ]);
  });

  test("can't lose its spec, which would make room for another", async () => {
    const name = await stored();
    expect(refusal(await patch(name, { spec: null }))).toEqual([
      { field: "spec", message: expect.stringContaining("Required") },
    ]);
  });

  test("can be labelled and applied again", async () => {
    const name = await stored();
    expect(await patch(name, { metadata: { labels: { team: "platform" } }, spec: REQUEST })).toMatchObject({
      status: 200,
    });
  });

  test("has a status that those who write the spec can't set", async () => {
    const name = await stored();
    const { body } = await patch(name, { status: { requestedAt: "2026-11-24T18:00:00Z" } });
    expect(body).toMatchObject({ status: { observedGeneration: -1 } });
    expect(body).not.toHaveProperty("status.requestedAt");
  });
});

async function stored(): Promise<string> {
  const name = `removal-${randomBytes(4).toString("hex")}`;
  const { status, body } = await rest("POST", COLLECTION, manifest(name, REQUEST));
  if (status !== 201) throw new Error(`${name} was not created: ${status} ${JSON.stringify(body)}`);
  onTestFinished(async () => {
    await rest("DELETE", `${COLLECTION}/${name}`);
  });
  return name;
}

function patch(name: string, change: object) {
  return rest("PATCH", `${COLLECTION}/${name}?${STRICT}`, change, MERGE_PATCH);
}

function authorities(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `sha256:${index.toString(16).padStart(64, "0")}`);
}
