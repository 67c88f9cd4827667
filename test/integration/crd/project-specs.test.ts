import { describe, expect, test } from "vitest";
import { z } from "zod";
import { rest } from "../../control-plane/control-plane.ts";
import { type JsonObject, merged, refusal } from "./sample.ts";

const PATH = "/apis/atlascerts.io/v1alpha1/atlasprojectx509s?fieldValidation=Strict&dryRun=All";
const GRANT = { namespaces: ["shop"], usernames: ["orders-*"] };

function tryProject(grants: readonly JsonObject[] | undefined, change: JsonObject = {}) {
  const least = { projectId: "32b6e34b3d91647abb20e7b8", credentialsRef: { name: "atlas-production" } };
  return rest("POST", PATH, {
    apiVersion: "atlascerts.io/v1alpha1",
    kind: "AtlasProjectX509",
    metadata: { name: "production" },
    spec: merged({ ...least, ...(grants !== undefined && { grants }) }, change),
  });
}

const many = (count: number, name: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => name(index));
const names = (count: number) => many(count, (index) => `n-${index}`.padEnd(63, "x"));
const users = (count: number) => many(count, (index) => `u-${index}`.padEnd(256, "x"));

describe("the API server takes", () => {
  test.each<readonly [string, readonly JsonObject[] | undefined]>([
    ["a project without grants", undefined],
    ["an empty list of grants", []],
    ["names and patterns", [{ namespaces: ["shop", "a"], usernames: ["orders-*", "a.b_c@d-E9", "*@example.com"] }]],
    [
      "the namespace in a pattern, before . _ @ or the end",
      [
        {
          namespaces: ["shop"],
          usernames: ["{namespace}", "{namespace}.*", "{namespace}_x", "x-{namespace}@*", "*.{namespace}"],
        },
      ],
    ],
    ["labels", [{ namespaceSelector: { matchLabels: { "example.com/team": "shop" } }, usernames: ["{namespace}"] }]],
    [
      "distinguished names",
      [{ namespaces: ["a"], distinguishedNames: ["CN=reports,OU=analytics,O=Example", "2.5.4.3=x"] }],
    ],
    ["every limit", [{ ...GRANT, maxMonths: 24, maxResources: 10_000, shared: true }]],
    ["* alone if everybody is meant", [{ namespaces: ["a"], usernames: ["*"], everybody: true }]],
    [
      "every namespace if everybody is meant",
      [{ namespaceSelector: { matchLabels: {} }, usernames: ["a"], everybody: true }],
    ],
    [
      "64 grants of 64 namespaces and 64 users of the greatest length",
      many(64, () => "").map(() => ({ namespaces: names(64), usernames: users(64) })),
    ],
  ])("%s", async (_what, grants) => {
    expect(await tryProject(grants)).toMatchObject({ status: 201 });
  });

  test("a grant and fills in what it leaves out", async () => {
    const { body } = await tryProject([GRANT]);
    expect(body).toMatchObject({
      spec: { grants: [{ ...GRANT, maxMonths: 3, shared: false, everybody: false }] },
      status: { observedGeneration: -1 },
    });
  });
});

const NAMED = "spec.grants[0].usernames[0]";
const FOLLOWED = "{namespace} must be followed by '.', '_', '@' or the end";
const BETWEEN = "there must be a '.', '_' or '@'";
const ALONE = "set everybody: true if that is meant";

describe("the API server refuses, and says what is allowed,", () => {
  test.each<readonly [string, JsonObject, string, string]>([
    ["no namespaces", { namespaces: null }, "spec.grants[0]", "set either namespaces or namespaceSelector"],
    [
      "namespaces twice",
      { namespaceSelector: { matchLabels: { a: "b" } } },
      "spec.grants[0]",
      "set either namespaces or namespaceSelector",
    ],
    ["no users", { usernames: null }, "spec.grants[0]", "set either usernames or distinguishedNames"],
    ["users twice", { distinguishedNames: ["CN=a"] }, "spec.grants[0]", "set either usernames or distinguishedNames"],
    ["* alone", { usernames: ["a", "*"] }, "spec.grants[0].usernames", ALONE],
    ["** alone", { usernames: ["**"] }, "spec.grants[0].usernames", ALONE],
    [
      "an empty selector",
      { namespaces: null, namespaceSelector: { matchLabels: {} } },
      "spec.grants[0].namespaceSelector",
      ALONE,
    ],
    ["{namespace} before a hyphen", { usernames: ["{namespace}-orders"] }, NAMED, FOLLOWED],
    ["{namespace} before a letter", { usernames: ["{namespace}orders"] }, NAMED, FOLLOWED],
    ["{namespace} before *", { usernames: ["{namespace}*"] }, NAMED, FOLLOWED],
    ["{namespace} before {namespace}", { usernames: ["{namespace}{namespace}"] }, NAMED, FOLLOWED],
    ["another placeholder", { usernames: ["{name}"] }, NAMED, FOLLOWED],
    ["{namespace} right after *", { usernames: ["*{namespace}"] }, NAMED, BETWEEN],
    ["{namespace} after * and a hyphen", { usernames: ["*-team-{namespace}.x"] }, NAMED, BETWEEN],
    [
      "a distinguished name as a plain one",
      { usernames: ["CN=a"] },
      NAMED,
      "Name a distinguished name in distinguishedNames",
    ],
    ["an empty user", { usernames: [""] }, NAMED, FOLLOWED],
    ["a percent sign", { usernames: ["a%2Fb"] }, NAMED, FOLLOWED],
    [
      "a pattern as a namespace",
      { namespaces: ["shop-*"] },
      "spec.grants[0].namespaces[0]",
      "must be a name, not a pattern",
    ],
    [
      "a plain name as a distinguished one",
      { usernames: null, distinguishedNames: ["orders"] },
      "spec.grants[0].distinguishedNames[0]",
      "must be attributes such as",
    ],
    [
      "* in a distinguished name",
      { usernames: null, distinguishedNames: ["CN=orders-*"] },
      "spec.grants[0].distinguishedNames[0]",
      "are whole names",
    ],
    ["no month", { maxMonths: 0 }, "spec.grants[0].maxMonths", "from 1 to 24"],
    ["25 months", { maxMonths: 25 }, "spec.grants[0].maxMonths", "from 1 to 24"],
    ["no resource", { maxResources: 0 }, "spec.grants[0].maxResources", "from 1 to 10000"],
    [
      "a label key that no namespace can have",
      { namespaces: null, namespaceSelector: { matchLabels: { "a b": "c" } } },
      "spec.grants[0].namespaceSelector.matchLabels",
      "a key must be a name",
    ],
  ])("%s", async (_what, change, field, sentence) => {
    expect(refusal(await tryProject([merged(GRANT, change)]))).toEqual([
      { field, message: expect.stringContaining(sentence) },
    ]);
  });

  test.each<readonly [string, readonly JsonObject[], string]>([
    ["65 grants", many(65, () => "").map(() => GRANT), "spec.grants"],
    ["65 namespaces", [{ ...GRANT, namespaces: names(65) }], "spec.grants[0].namespaces"],
    ["65 users", [{ ...GRANT, usernames: users(65) }], "spec.grants[0].usernames"],
    ["a user of 257 characters", [{ ...GRANT, usernames: ["u".repeat(257)] }], NAMED],
  ])("%s", async (_what, grants, field) => {
    expect(refusal(await tryProject(grants)).map((cause) => cause.field)).toEqual([field]);
  });

  test.each<readonly [string, JsonObject, string]>([
    ["a project ID of another form", { projectId: "X" }, "spec.projectId"],
    ["a project without credentials", { credentialsRef: null }, "spec.credentialsRef"],
    ["a Secret's name of another form", { credentialsRef: { name: "A" } }, "spec.credentialsRef.name"],
  ])("%s", async (_what, change, field) => {
    expect(refusal(await tryProject([], change)).map((cause) => cause.field)).toEqual([field]);
  });

  test("a namespace of credentials: they are always in the operator's own", async () => {
    const answer = await tryProject([], { credentialsRef: { namespace: "other" } });
    expect(z.object({ message: z.string() }).parse(answer.body).message).toContain("unknown field");
  });
});
