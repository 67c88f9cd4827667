import { describe, expect, test } from "vitest";
import { http } from "../testing/http.ts";
import { call, certsPath, create, PRODUCTION, READER, startSimulated } from "./testing.ts";

async function start() {
  const { simulator, url } = await startSimulated();
  const admin = (method: string, path: string, body?: unknown) =>
    http(simulator.adminUrl + path, { method, json: body });
  return { simulator, url, admin };
}

const user = (name: string) => `/projects/${PRODUCTION}/users/${encodeURIComponent(name)}`;

describe("the admin port", () => {
  test("says that it runs", async () => {
    const { admin } = await start();
    expect(await (await admin("GET", "/healthz")).json()).toEqual({ status: "ok" });
  });

  test("lists what it can do", async () => {
    const { admin } = await start();
    expect(await (await admin("GET", "/")).json()).toContainEqual({
      request: "DELETE /faults",
      about: "Forgets all faults.",
    });
  });

  test("lists the kinds of fault", async () => {
    const { admin } = await start();
    expect(await (await admin("GET", "/")).text()).toMatch(
      /The kinds: status, rateLimited, html, [\w, ]+, wrongSubject\./,
    );
  });

  test("adds a fault that acts", async () => {
    const { admin, url } = await start();
    const fault = { operation: "createDatabaseUserCertificate", effect: { kind: "status", status: 503 }, times: 2 };
    expect(await (await admin("POST", "/faults", fault)).json()).toEqual({ pending: [fault] });
    expect((await create(url)).status).toBe(503);
  });

  test("forgets the faults", async () => {
    const { admin, url } = await start();
    await admin("POST", "/faults", { operation: "any", effect: { kind: "reset" }, times: "always" });
    expect((await admin("DELETE", "/faults")).status).toBe(204);
    expect((await create(url)).status).toBe(201);
  });

  test("shows the requests of one operation", async () => {
    const { admin, url } = await start();
    await create(url);
    const response = await admin("GET", "/requests?operation=createDatabaseUserCertificate");
    expect(await response.json()).toMatchObject({
      requests: [{ method: "POST", status: 201, username: "orders-api" }],
    });
  });

  test("empties the list of requests", async () => {
    const { admin, url } = await start();
    await create(url);
    await admin("DELETE", "/requests");
    expect(await (await admin("GET", "/requests")).json()).toEqual({ requests: [] });
  });

  test("adds and removes a user, whatever its name", async () => {
    const { admin, simulator } = await start();
    await admin("PUT", user("a/b, c"));
    expect(simulator.projects[0]?.users).toContain("a/b, c");
    await admin("DELETE", user("a/b, c"));
    expect(simulator.projects[0]?.users).not.toContain("a/b, c");
  });

  test("adds a user for whom Atlas issues no certificates", async () => {
    const { admin, url } = await start();
    await admin("PUT", user("self-managed"), { x509Type: "CUSTOMER" });
    expect((await create(url, 3, certsPath("self-managed"))).status).toBe(400);
  });

  test("shows the certificates of a user, and forgets one", async () => {
    const { admin, url, simulator } = await start();
    await create(url);
    const serial = simulator.certificates(PRODUCTION, "orders-api")[0]?.serialNumber;
    const path = `${user("orders-api")}/certificates`;
    expect(await (await admin("GET", path)).json()).toMatchObject({
      certificates: [{ serialNumber: serial, subject: "CN=orders-api", notAfter: "2026-04-15T10:00:00.000Z" }],
    });
    await admin("DELETE", `/projects/${PRODUCTION}/certificates/${serial}`);
    expect(await (await admin("GET", path)).json()).toEqual({ certificates: [] });
  });

  test("turns customer-managed X.509 on and off", async () => {
    const { admin, url } = await start();
    const path = `/projects/${PRODUCTION}/customerX509`;
    await admin("PUT", path, { cas: "-----BEGIN CERTIFICATE-----" });
    const refused = await create(url);
    await admin("DELETE", path);
    expect([refused.status, (await create(url)).status]).toEqual([400, 201]);
  });

  test("adds a project", async () => {
    const { admin, simulator } = await start();
    await admin("POST", "/projects", { id: "f".repeat(24), name: "new" });
    expect(simulator.projects.at(-1)).toEqual({ id: "f".repeat(24), name: "new", users: [] });
  });

  test("changes a role", async () => {
    const { admin, url } = await start();
    await admin("PUT", "/credentials/read-only-service-account/role", { role: "GROUP_OWNER" });
    expect((await call(url, certsPath(), { method: "POST", body: "{}" }, READER)).status).toBe(201);
  });

  test("rotates a secret and shows the new one", async () => {
    const { admin, url } = await start();
    const rotated: unknown = await (await admin("POST", "/credentials/owner-service-account/rotate")).json();
    const { clientId, clientSecret } = rotated as { clientId: string; clientSecret: string };
    await expect(create(url)).rejects.toThrow("no token: 401");
    expect((await call(url, certsPath(), {}, [clientId, clientSecret])).status).toBe(200);
  });

  test("keeps the client's address out", async () => {
    const { admin, url } = await start();
    await admin("PUT", "/ipAccess", { allowed: false });
    expect((await create(url)).status).toBe(403);
  });

  test("serves the certificates of the authorities", async () => {
    const { admin, simulator } = await start();
    expect(await (await admin("GET", "/ca.pem")).text()).toBe(simulator.caPem);
  });

  test.each([
    ["an unknown path", "GET", "/x", undefined, 404, "GET / lists"],
    ["a fault that is none", "POST", "/faults", { operation: "x" }, 400, "operation"],
    ["a role that is none", "PUT", "/credentials/owner-api-key/role", { role: "x" }, 400, "role"],
    ["a project that is none", "POST", "/projects", { id: "x" }, 400, "24 lower-case hex digits"],
    ["a project that is there", "POST", "/projects", { id: PRODUCTION, name: "x" }, 400, "is there already"],
    ["unknown credentials", "POST", "/credentials/x/rotate", undefined, 404, "no credentials x"],
    ["an unknown project", "PUT", "/projects/x/users/y", undefined, 404, "no project x"],
    ["an X.509 type that is none", "PUT", user("x"), { x509Type: "MINE" }, 400, "x509Type"],
    ["an unknown certificate", "DELETE", `/projects/${PRODUCTION}/certificates/1`, undefined, 404, "no certificate 1"],
    ["a broken encoding", "PUT", "/projects/%/users/y", undefined, 400, "encoded"],
    ["an unknown operation", "GET", "/requests?operation=x", undefined, 400, "expected one of"],
  ])("refuses %s with a sentence", async (_, method, path, body, status, message) => {
    const { admin } = await start();
    const response = await admin(method, path, body);
    expect([response.status, await response.json()]).toEqual([status, { error: expect.stringContaining(message) }]);
  });

  test("refuses a body that is not JSON", async () => {
    const { simulator } = await start();
    const response = await http(`${simulator.adminUrl}/faults`, { method: "POST", body: "{" });
    expect([response.status, await response.json()]).toEqual([400, { error: "the body is not JSON" }]);
  });
});
