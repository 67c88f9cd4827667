import { describe, expect, test } from "vitest";
import { call, certsPath, create, errorOf, PRODUCTION, READER, startSimulated } from "./testing.ts";

const USERS = `/api/atlas/v2/groups/${PRODUCTION}/databaseUsers`;
const ROLES = [{ databaseName: "admin", roleName: "atlasAdmin" }];
const MANAGED = { username: "app", databaseName: "$external", x509Type: "MANAGED", roles: ROLES };

function createUser(url: string, user: object): Promise<Response> {
  return call(url, USERS, { method: "POST", body: JSON.stringify(user) });
}

describe("createDatabaseUser", () => {
  test("answers 201 with the user, as recorded from the real API", async () => {
    const { url } = await startSimulated();
    const response = await createUser(url, MANAGED);
    expect([response.status, await response.text()]).toEqual([
      201,
      `{"awsIAMType":"NONE","databaseName":"$external","groupId":"${PRODUCTION}","labels":[],"ldapAuthType":"NONE",` +
        `"links":[{"href":"${url}${USERS}/$external/app","rel":"self"}],"oidcAuthType":"NONE",` +
        '"roles":[{"databaseName":"admin","roleName":"atlasAdmin"}],"scopes":[],"username":"app","x509Type":"MANAGED"}',
    ]);
  });

  test("makes a user for whom certificates can be created", async () => {
    const { url } = await startSimulated();
    await createUser(url, MANAGED);
    expect((await create(url, 3, certsPath("app"))).status).toBe(201);
  });

  test("takes a list that is null for an empty one", async () => {
    const { url } = await startSimulated();
    expect(await (await createUser(url, { ...MANAGED, scopes: null })).json()).toMatchObject({ scopes: [] });
  });

  test("keeps no password", async () => {
    const { url } = await startSimulated();
    const response = await createUser(url, { username: "app", password: "not-a-real-secret", roles: ROLES });
    expect([response.status, await response.text()]).toEqual([201, expect.not.stringContaining("not-a-real-secret")]);
  });

  test.each([
    ["a name that is taken", { ...MANAGED, username: "orders-api" }, 409, "USER_ALREADY_EXISTS"],
    ["a managed user with a password", { ...MANAGED, password: "x" }, 400, "ATLAS_X509_USER_CANNOT_USE_SCRAM"],
    ["a managed user of another database", { ...MANAGED, databaseName: "admin" }, 400, "VALIDATION_ERROR"],
    ["an unknown X.509 type", { ...MANAGED, x509Type: "MINE" }, 400, "VALIDATION_ERROR"],
    ["an unknown attribute", { ...MANAGED, colour: 1 }, 400, "INVALID_ATTRIBUTE"],
    ["no object at all", [], 400, "INVALID_JSON"],
  ])("refuses %s", async (_, user, status, errorCode) => {
    const { url } = await startSimulated();
    expect(await errorOf(await createUser(url, user))).toMatchObject({ status, body: { errorCode } });
  });

  test("needs Project Owner", async () => {
    const { url } = await startSimulated();
    const response = await call(url, USERS, { method: "POST", body: JSON.stringify(MANAGED) }, READER);
    expect(response.status).toBe(403);
  });
});

describe("a database user", () => {
  test("of the fixtures has its X.509 managed by Atlas unless they say otherwise", async () => {
    const users = ["app", { username: "script", x509Type: "NONE" as const }];
    const { simulator, url } = await startSimulated();
    const project = await simulator.addProject({ id: "f".repeat(24), name: "new", users });
    const response = await call(url, `/api/atlas/v2/groups/${project.id}/databaseUsers`, {}, READER);
    expect(await response.json()).toMatchObject({
      results: [
        { username: "app", databaseName: "$external", x509Type: "MANAGED" },
        { username: "script", databaseName: "admin", x509Type: "NONE" },
      ],
      totalCount: 2,
    });
  });

  test("is read by its database and its name", async () => {
    const { url } = await startSimulated();
    const name = encodeURIComponent("CN=reports,OU=analytics,O=Example");
    const response = await call(url, `${USERS}/$external/${name}`, {}, READER);
    expect([response.status, await response.json()]).toMatchObject([
      200,
      { username: "CN=reports,OU=analytics,O=Example", x509Type: "MANAGED" },
    ]);
  });

  test.each(["admin/orders-api", "$external/unknown"])("is not found as %s", async (path) => {
    const { url } = await startSimulated();
    expect(await errorOf(await call(url, `${USERS}/${path}`))).toMatchObject({
      status: 404,
      body: { errorCode: "USERNAME_NOT_FOUND" },
    });
  });

  test("that is deleted and created again has none of its certificates", async () => {
    const { url } = await startSimulated();
    await createUser(url, MANAGED);
    await create(url, 3, certsPath("app"));
    const deleted = await call(url, `${USERS}/$external/app`, { method: "DELETE" });
    expect([deleted.status, await deleted.text(), deleted.headers.has("content-length")]).toEqual([204, "", false]);
    expect((await call(url, certsPath("app"))).status).toBe(404);
    await createUser(url, MANAGED);
    expect(await (await call(url, certsPath("app"))).json()).toMatchObject({ results: [], totalCount: 0 });
  });
});
