import { createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import type { AtlasExchange } from "../telemetry/metrics.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { MeasuredTransport, operationOf } from "./measured-transport.ts";

const GROUP = "/api/atlas/v2/groups/32b6e34b3d91647abb20e7b8";

test.each([
  ["POST", "/api/oauth/token", "authenticate"],
  ["POST", `${GROUP}/databaseUsers/CN%3Da%2Fb/certs`, "createDatabaseUserCertificate"],
  ["GET", `${GROUP}/databaseUsers/orders-api/certs?pageNum=2`, "listDatabaseUserCertificates"],
  ["GET", `${GROUP}/userSecurity`, "getUserSecurity"],
  ["DELETE", `${GROUP}/userSecurity/customerX509`, "disableCustomerManagedX509"],
  ["GET", "/api/atlas/v2/rateLimits?endpointPath=/x/certs", "listRateLimits"],
  ["GET", "/somewhere/else", "other"],
] as const)("%s %s is %s", (method, path, operation) => {
  expect(operationOf({ method, path })).toBe(operation);
});

async function measured(status: number | "reset") {
  const clock = new ManualClock();
  const server = createServer((request, response) => {
    clock.advanceNow(250);
    if (status === "reset") request.socket.destroy();
    else response.writeHead(status).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  const told: AtlasExchange[] = [];
  const transport = new MeasuredTransport({
    baseUrl: `http://127.0.0.1:${typeof bound === "object" ? bound?.port : 0}`,
    clock,
    env: {},
    onExchange: (exchange) => told.push(exchange),
  });
  onTestFinished(async () => {
    await transport.close();
    server.close();
  });
  const sent = transport.exchange({ method: "GET", path: `${GROUP}/userSecurity`, headers: {} });
  return { told, sent, transport };
}

test("reports an answer, whatever its status", async () => {
  const { told, sent } = await measured(403);
  expect((await sent).status).toBe(403);
  expect(told).toEqual([
    { operation: "getUserSecurity", projectId: "32b6e34b3d91647abb20e7b8", status: 403, durationMs: 250 },
  ]);
});

test("reports a request that got no answer, and leaves its error as it is", async () => {
  const { told, sent } = await measured("reset");
  await expect(sent).rejects.toMatchObject({ name: "TransportFailure" });
  expect(told).toEqual([
    { operation: "getUserSecurity", projectId: "32b6e34b3d91647abb20e7b8", status: undefined, durationMs: 250 },
  ]);
});

test("reports no project for a request that is about none", async () => {
  const { told, transport } = await measured(200);
  await transport.exchange({ method: "POST", path: "/api/oauth/token", headers: {} });
  expect(told.at(-1)).toMatchObject({ operation: "authenticate", projectId: undefined });
});
