import { expect, test } from "vitest";
import { SimulatorClient } from "./client.ts";
import { call, certsPath, create, PRODUCTION, startSimulated } from "./testing.ts";

async function start() {
  const { simulator, url } = await startSimulated();
  return { simulator, url, client: new SimulatorClient(simulator.adminUrl) };
}

test("adds a fault, shows that it waits, and removes it", async () => {
  const { client } = await start();
  await client.addFault({ operation: "createDatabaseUserCertificate", effect: { kind: "reset" } });
  expect(await client.pendingFaults()).toMatchObject([{ effect: { kind: "reset" }, times: 1 }]);
  await client.clearFaults();
  expect(await client.pendingFaults()).toEqual([]);
});

test("shows the requests to the API, of one operation or of all, until they are forgotten", async () => {
  const { client, url } = await start();
  await create(url);
  const operations = (await client.requests()).map(({ operation }) => operation);
  expect(operations).toEqual(["createAccessToken", "createDatabaseUserCertificate"]);
  expect(await client.requests("createDatabaseUserCertificate")).toMatchObject([{ status: 201 }]);
  await client.forgetRequests();
  expect(await client.requests()).toEqual([]);
});

test("moves the simulator's clock past the end of a certificate, which then leaves the list", async () => {
  const { client, url } = await start();
  await create(url, 1);
  expect(await client.now()).toEqual(new Date("2026-01-15T10:00:00Z"));
  const month = 32 * 86_400_000;
  expect(await client.advanceClock(month)).toEqual(new Date(Date.parse("2026-01-15T10:00:00Z") + month));
  expect(await (await call(url, certsPath())).json()).toMatchObject({ results: [] });
});

test("shows every certificate of a user with its dates", async () => {
  const { client, simulator, url } = await start();
  await create(url);
  expect(await client.certificates(PRODUCTION, "orders-api")).toEqual(simulator.certificates(PRODUCTION, "orders-api"));
});

test("adds and removes a user whose name must be encoded", async () => {
  const { client, simulator } = await start();
  await client.addUser(PRODUCTION, "CN=a/b, c");
  expect(simulator.projects[0]?.users).toContain("CN=a/b, c");
  await client.removeUser(PRODUCTION, "CN=a/b, c");
  expect(simulator.projects[0]?.users).not.toContain("CN=a/b, c");
});

test("reads the credentials and the authorities' certificates", async () => {
  const { client, simulator } = await start();
  expect(await client.credentials()).toEqual(simulator.credentials);
  expect(await client.caPem()).toBe(simulator.caPem);
});

test("uses any other control by its method and path", async () => {
  const { client, url } = await start();
  expect(await client.control("PUT", "/ipAccess", { allowed: false })).toBeUndefined();
  expect((await create(url)).status).toBe(403);
});

test("says what the simulator says of a request that it refuses", async () => {
  const { client } = await start();
  await expect(client.addUser("x", "orders-api")).rejects.toThrow(
    "PUT /projects/x/users/orders-api: 404 there is no project x",
  );
});

test.each([-1, 0.5, Number.NaN])("refuses to move the clock by %s ms", async (ms) => {
  const { client } = await start();
  await expect(client.advanceClock(ms)).rejects.toThrow(/POST \/clock: 400/);
});
