import { describe, expect, test } from "vitest";
import { startSimulator } from "./simulator.ts";
import { call, certsPath, create, errorOf, PRODUCTION, READER, STAGING, startSimulated, V1 } from "./testing.ts";

describe("what the operations have in common", () => {
  const unknownProject = "0".repeat(24);
  test.each([
    ["an unknown project", certsPath("orders-api", unknownProject), 404, "GROUP_NOT_FOUND", unknownProject],
    ["a project id that is none", certsPath("orders-api", "XYZ"), 400, "INVALID_GROUP_ID", "XYZ"],
    ["an unknown user", certsPath("unknown"), 404, "USERNAME_NOT_FOUND", "unknown"],
    ["an unknown resource", "/api/atlas/v2/clusters", 404, "RESOURCE_NOT_FOUND", "/api/atlas/v2/clusters"],
    ["a broken encoding", `${certsPath("%")}/../%`, 404, "RESOURCE_NOT_FOUND", undefined],
  ])("%s is an error of its own", async (_, path, status, errorCode, parameter) => {
    const { url } = await startSimulated();
    const expected = parameter === undefined ? {} : { parameters: [parameter] };
    expect(await errorOf(await call(url, path))).toMatchObject({
      status,
      body: { error: status, errorCode, ...expected },
    });
  });

  test("an error names its code in a header too", async () => {
    const { url } = await startSimulated();
    const { headers } = await call(url, certsPath("unknown"));
    expect([headers.get("x-error-code"), headers.get("vary")]).toEqual(["USERNAME_NOT_FOUND", "Accept-Encoding"]);
  });

  test("an answer is dated by the simulator's own clock", async () => {
    const { url } = await startSimulated();
    expect((await call(url, certsPath())).headers.get("date")).toBe("Thu, 15 Jan 2026 10:00:00 GMT");
  });

  test("a method that a resource does not have is refused", async () => {
    const { url } = await startSimulated();
    expect((await call(url, certsPath(), { method: "PUT", body: "{}" })).status).toBe(405);
  });

  test("an unknown version gets 406 and the code of the real API", async () => {
    const { url } = await startSimulated();
    const response = await call(url, certsPath(), { headers: { accept: "application/json" } });
    expect(await errorOf(response)).toMatchObject({
      status: 406,
      body: { errorCode: "INVALID_VERSION_DATE", detail: "Invalid accept header or version date." },
    });
  });

  test("a later version resolves to the one there is", async () => {
    const { url } = await startSimulated();
    const response = await call(url, certsPath(), { headers: { accept: "application/vnd.atlas.2025-03-12+json" } });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, `${V1};charset=utf-8`]);
  });

  test.each([
    ["create", "POST", certsPath()],
    ["disable", "DELETE", `/api/atlas/v2/groups/${PRODUCTION}/userSecurity/customerX509`],
    ["read the security settings", "GET", `/api/atlas/v2/groups/${PRODUCTION}/userSecurity`],
  ])("Project Read Only is not enough to %s", async (_, method, path) => {
    const { url } = await startSimulated();
    const body = method === "POST" ? { body: "{}" } : {};
    expect(await errorOf(await call(url, path, { method, ...body }, READER))).toMatchObject({
      status: 403,
      body: {
        errorCode: "USER_UNAUTHORIZED",
        detail: "Current user is not authorized to perform this action.",
        reason: "Forbidden",
      },
    });
  });

  test("a missing role gives 401 where the simulator is told so", async () => {
    const { url } = await startSimulated({ roleMissingStatus: 401 });
    const response = await call(url, certsPath(), { method: "POST", body: "{}" }, READER);
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, null]);
  });

  test("Project Read Only is enough to list", async () => {
    const { url } = await startSimulated();
    expect((await call(url, certsPath(), {}, READER)).status).toBe(200);
  });

  test("a member of the organisation without a role in the project may not even list", async () => {
    const { url, simulator } = await startSimulated();
    simulator.setRole("read-only-service-account", "ORG_MEMBER");
    expect((await call(url, certsPath(), {}, READER)).status).toBe(403);
  });

  test("a removed user is not found any more, and has its certificates when it returns", async () => {
    const { url, simulator } = await startSimulated();
    await create(url);
    simulator.removeUser(PRODUCTION, "orders-api");
    expect((await call(url, certsPath())).status).toBe(404);
    simulator.addUser(PRODUCTION, "orders-api");
    expect(await (await call(url, certsPath())).json()).toMatchObject({ totalCount: 1 });
  });

  test("a project that was added can be used at once", async () => {
    const { url, simulator } = await startSimulated();
    const added = await simulator.addProject({ id: "f".repeat(24), name: "new", users: ["app"] });
    expect((await create(url, 3, certsPath("app", added.id))).status).toBe(201);
    expect(simulator.projects.map(({ name }) => name)).toEqual(["production", "staging", "new"]);
  });
});

describe("rate limits", () => {
  const rateLimit = { capacity: 2, refill: 1, refillDurationSeconds: 60 };

  test("are told in the headers of every answer", async () => {
    const { url } = await startSimulated({ rateLimit });
    const { headers } = await call(url, certsPath());
    expect([headers.get("RateLimit-Limit"), headers.get("RateLimit-Remaining")]).toEqual(["2", "1"]);
  });

  test("refuse with 429 and the wait, in the words of the real API", async () => {
    const { url } = await startSimulated({ rateLimit });
    await call(url, certsPath());
    await call(url, certsPath());
    const response = await call(url, certsPath());
    expect(response.headers.get("Retry-After")).toBe("60");
    const path = "api/atlas/v2/groups/{groupId}/databaseUsers/{username}/certs";
    expect(await errorOf(response)).toEqual({
      status: 429,
      body: {
        detail: `Rate limit exceeded for ${path}. Please retry after 60 seconds. Request capacity: 2. Refill rate: 1 per 60 seconds.`,
        error: 429,
        errorCode: "RATE_LIMITED_TOKEN_BUCKET",
        parameters: [path, 60, 2, 1, 60],
        reason: "Too Many Requests",
      },
    });
  });

  test("let requests pass again after the interval", async () => {
    const { url, clock } = await startSimulated({ rateLimit: { ...rateLimit, capacity: 1 } });
    await call(url, certsPath());
    clock.advanceNow(60_000);
    expect((await call(url, certsPath())).status).toBe(200);
  });

  test("are counted for each project separately", async () => {
    const { url } = await startSimulated({ rateLimit: { ...rateLimit, capacity: 1 } });
    await call(url, certsPath());
    expect((await call(url, certsPath("orders-api", STAGING))).status).toBe(200);
  });

  test("say nothing where there are none", async () => {
    const { url } = await startSimulated({ rateLimit: "unlimited" });
    expect((await call(url, certsPath())).headers.has("RateLimit-Limit")).toBe(false);
  });

  test("can be asked for, under the version that has them", async () => {
    const { url } = await startSimulated({ rateLimit });
    const accept = "application/vnd.atlas.2025-03-12+json";
    const path = `/api/atlas/v2/rateLimits?groupId=${PRODUCTION}`;
    const old = await call(url, path, {}, READER);
    const response = await call(url, path, { headers: { accept } }, READER);
    expect([old.status, response.status]).toEqual([406, 200]);
    expect(await response.json()).toMatchObject({
      results: [
        { capacity: { value: 2 }, refillRate: { value: 1 }, refillDurationSeconds: { value: 60 }, scope: "GROUP" },
      ],
      totalCount: 1,
    });
  });
});

describe("the filters of the rate limits", () => {
  const certs = "/api/atlas/v2/groups/{groupId}/databaseUsers/{username}/certs";
  test.each([
    ["a path of the set", { endpointPath: certs }, 1],
    ["a path of no set", { endpointPath: "/api/atlas/v2/clusters" }, 0],
    ["the name of the set", { name: "Database User Security" }, 1],
    ["the name of no set", { name: "Clusters" }, 0],
  ])("leave what fits %s", async (_, filter, count) => {
    const { url } = await startSimulated();
    const query = new URLSearchParams({ groupId: PRODUCTION, ...filter });
    const accept = "application/vnd.atlas.2025-03-12+json";
    const response = await call(url, `/api/atlas/v2/rateLimits?${query}`, { headers: { accept } });
    expect(await response.json()).toMatchObject({ totalCount: count });
  });
});

test("the log tells what was asked and answered, and holds no key material", async () => {
  const { url, simulator } = await startSimulated();
  await create(url);
  const entries = simulator.log.entries();
  expect(entries).toEqual([
    {
      time: Date.parse("2026-01-15T10:00:00Z"),
      method: "POST",
      path: "/api/oauth/token",
      operation: "createAccessToken",
      credentialsId: "owner-service-account",
      status: 200,
    },
    {
      time: Date.parse("2026-01-15T10:00:00Z"),
      method: "POST",
      path: certsPath(),
      operation: "createDatabaseUserCertificate",
      projectId: PRODUCTION,
      username: "orders-api",
      credentialsId: "owner-service-account",
      status: 201,
    },
  ]);
});

test("a port that is taken is an error, and leaves nothing behind", async () => {
  const { simulator } = await startSimulated();
  const port = Number(new URL(simulator.url).port);
  await expect(startSimulator({ keyAlgorithm: "ec-p256", port })).rejects.toMatchObject({ code: "EADDRINUSE" });
});
