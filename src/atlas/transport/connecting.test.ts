import { createServer, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { ManualClock } from "../../testing/manual-clock.ts";
import { transportFailureOf } from "../testing/transport-failure-of.ts";
import { AtlasTransport, type AtlasTransportOptions } from "./transport.ts";
import type { TransportFailure } from "./transport-failure.ts";

const POST = { method: "POST", path: "/x", headers: {}, body: "{}" } as const;

/** A server that takes connections, reads what comes and never says a word. */
async function startSilence(): Promise<{ readonly port: number; readonly spokenTo: Promise<void> }> {
  const { promise: spokenTo, resolve } = Promise.withResolvers<void>();
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => undefined).on("data", () => resolve());
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { port: address.port, spokenTo };
}

async function failureOf(options: AtlasTransportOptions, meanwhile?: () => void): Promise<TransportFailure> {
  await using transport = new AtlasTransport({ env: {}, ...options });
  const exchange = transport.exchange(POST);
  meanwhile?.();
  return await transportFailureOf(exchange);
}

// The time for connecting is measured by undici, whose timers no clock of ours can move: it is kept short here.
describe("a connection that does not come about is given up, and nothing was sent:", () => {
  test("a TLS handshake without a response, after the time for connecting", async () => {
    const { port } = await startSilence();
    const failure = await failureOf({ baseUrl: `https://127.0.0.1:${port}`, connectTimeoutMs: 30 });
    expect([failure.reason, failure.sent]).toEqual(["timeout", false]);
  });

  test("a proxy that never opens the tunnel, after the time for connecting", async () => {
    const { port } = await startSilence();
    const env = { HTTPS_PROXY: `http://127.0.0.1:${port}` };
    const failure = await failureOf({ baseUrl: "https://atlas.test", connectTimeoutMs: 30, env });
    expect([failure.reason, failure.sent]).toEqual(["timeout", false]);
  });

  test.each([
    ["a TLS handshake", (port: number) => ({ baseUrl: `https://127.0.0.1:${port}` })],
    [
      "a tunnel through a proxy",
      (port: number) => ({ baseUrl: "https://atlas.test", env: { HTTPS_PROXY: `http://127.0.0.1:${port}` } }),
    ],
  ])("%s, after the time for the whole exchange", async (_, where) => {
    const { port, spokenTo } = await startSilence();
    const clock = new ManualClock();
    const failure = await failureOf({ ...where(port), clock, exchangeTimeoutMs: 5_000 }, () => {
      spokenTo.then(() => clock.advanceNow(5_000));
    });
    expect([failure.reason, failure.sent]).toEqual(["timeout", false]);
  });
});
