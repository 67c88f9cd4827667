import { describe, expect, test } from "vitest";
import { DEFAULT_FIXTURES, FixturesError, parseFixtures } from "./fixtures.ts";

const PROJECT = { id: "a".repeat(24), name: "one", users: ["u"] };
const ACCOUNT = {
  kind: "serviceAccount",
  id: "a",
  role: "GROUP_OWNER",
  projectIds: [PROJECT.id],
  clientId: "id",
  clientSecret: "s",
};

describe("parseFixtures", () => {
  test("accepts the default ones", () => {
    expect(parseFixtures(DEFAULT_FIXTURES).projects[0]?.id).toBe("32b6e34b3d91647abb20e7b8");
  });

  test("makes a project without users an empty one", () => {
    const { users: _, ...project } = PROJECT;
    expect(parseFixtures({ projects: [project], credentials: [ACCOUNT] }).projects[0]?.users).toEqual([]);
  });

  test.each([
    ["a project id that is none", { projects: [{ ...PROJECT, id: "x" }], credentials: [ACCOUNT] }, "projects.0.id"],
    [
      "a user whose X.509 is of no known type",
      { projects: [{ ...PROJECT, users: [{ username: "u", x509Type: "MINE" }] }], credentials: [ACCOUNT] },
      "projects.0.users.0",
    ],
    ["no projects", { projects: [], credentials: [ACCOUNT] }, "projects"],
    ["an unknown role", { projects: [PROJECT], credentials: [{ ...ACCOUNT, role: "KING" }] }, "credentials.0.role"],
    ["an unknown kind", { projects: [PROJECT], credentials: [{ ...ACCOUNT, kind: "x" }] }, "credentials.0.kind"],
    ["a missing secret", { projects: [PROJECT], credentials: [{ ...ACCOUNT, clientSecret: "" }] }, "clientSecret"],
    [
      "a secret that OAuth clients may encode",
      { projects: [PROJECT], credentials: [{ ...ACCOUNT, clientSecret: "a/b" }] },
      "clientSecret: only letters",
    ],
    [
      "a project that is not there",
      { projects: [PROJECT], credentials: [{ ...ACCOUNT, projectIds: ["b".repeat(24)] }] },
      "there is no project bbb",
    ],
    ["two projects with one id", { projects: [PROJECT, PROJECT], credentials: [ACCOUNT] }, "is there twice"],
    [
      "two accounts with one login",
      { projects: [PROJECT], credentials: [ACCOUNT, { ...ACCOUNT, id: "b" }] },
      "id is there twice",
    ],
    ["a field it doesn't know", { projects: [{ ...PROJECT, colour: 1 }], credentials: [ACCOUNT] }, "colour"],
    ["something else than an object", 7, "(top level)"],
  ])("refuses %s and says where", (_, value, message) => {
    expect(() => parseFixtures(value)).toThrow(FixturesError);
    expect(() => parseFixtures(value)).toThrow(message);
  });
});
