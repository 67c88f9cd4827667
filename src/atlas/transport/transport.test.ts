import type { Socket } from "node:net";
import { inspect } from "node:util";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { ManualClock } from "../../testing/manual-clock.ts";
import { answer, RecordingServer } from "../testing/recording-server.ts";
import { PEM } from "../testing/samples.ts";
import { transportFailureOf } from "../testing/transport-failure-of.ts";
import { AtlasTransport, type AtlasTransportOptions } from "./transport.ts";

const GET = { method: "GET", path: "/x", headers: {} } as const;
const POST = { method: "POST", path: "/x", headers: {}, body: "{}" } as const;

describe("AtlasTransport over plain HTTP", () => {
  async function start(
    react: ConstructorParameters<typeof RecordingServer>[0],
    options: AtlasTransportOptions = {},
  ): Promise<{ server: RecordingServer; transport: AtlasTransport } & AsyncDisposable> {
    const server = await RecordingServer.start(react);
    const transport = new AtlasTransport({ baseUrl: server.url, ...options });
    const dispose = async () => {
      await transport.close();
      await server[Symbol.asyncDispose]();
    };
    return { server, transport, [Symbol.asyncDispose]: dispose };
  }

  test("keeps connections for requests that read", async () => {
    await using under = await start(() => answer(200, "ok"));
    for (let count = 0; count < 10; count += 1) await under.transport.exchange(GET);
    // A request right after an answer may meet the connection before it is free again.
    expect(under.server.connections).toBeLessThanOrEqual(2);
  });

  test("opens a connection of its own for each request that changes something", async () => {
    await using under = await start(() => answer(200, "ok"));
    await under.transport.exchange(GET);
    for (let count = 0; count < 2; count += 1) await under.transport.exchange(POST);
    expect(under.server.connections).toBe(3);
  });

  test("gives the whole answer with every value of a repeated header", async () => {
    await using under = await start(() => answer(418, "täxt", { "X-A": ["1", "2"] }));
    const got = await under.transport.exchange(GET);
    expect(got.status).toBe(418);
    expect(got.headers.get("x-a")).toEqual(["1", "2"]);
    expect(got.body.reveal()).toBe("täxt");
  });

  test("passes over announcements before the answer", async () => {
    await using under = await start(() => `HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${answer(200, "ok")}`);
    expect((await under.transport.exchange(GET)).body.reveal()).toBe("ok");
  });

  test("follows no redirect", async () => {
    await using under = await start(() => answer(302, "", { location: "/elsewhere" }));
    expect((await under.transport.exchange(GET)).status).toBe(302);
    expect(under.server.requests).toHaveLength(1);
  });

  test("refuses an answer over the size limit, and takes one just below it", async () => {
    await using under = await start((_request, index) => answer(200, "x".repeat(index === 0 ? 100 : 101)), {
      maxAnswerBytes: 100,
    });
    expect((await under.transport.exchange(GET)).body.length).toBe(100);
    expect(await transportFailureOf(under.transport.exchange(GET))).toMatchObject({
      reason: "tooLarge",
      sent: true,
      status: 200,
    });
  });

  test("gives an exchange up after its time", async () => {
    const clock = new ManualClock();
    await using under = await start(() => () => clock.advanceNow(5_000), { clock, exchangeTimeoutMs: 5_000 });
    expect(await transportFailureOf(under.transport.exchange(POST))).toMatchObject({ reason: "timeout", sent: true });
  });

  test("gives an exchange up in the middle of an answer", async () => {
    const clock = new ManualClock();
    const half = answer(200, "0123456789").slice(0, -5);
    await using under = await start(
      () => (socket: Socket) => {
        socket.write(half);
        // Once the head has arrived at the client, nothing else will.
        setImmediate(() => clock.advanceNow(5_000));
      },
      { clock, exchangeTimeoutMs: 5_000 },
    );
    expect(await transportFailureOf(under.transport.exchange(GET))).toMatchObject({ reason: "timeout", sent: true });
  });

  test("does not send what its caller has given up", async () => {
    await using under = await start(() => answer(200));
    const failure = await transportFailureOf(under.transport.exchange({ ...POST, signal: AbortSignal.abort() }));
    expect(failure).toMatchObject({ reason: "aborted", sent: false });
    expect(under.server.requests).toEqual([]);
  });

  test("does not send later what its caller gave up while it waited for a free connection", async () => {
    const { promise: free, resolve } = Promise.withResolvers<void>();
    await using under = await start(
      async () => {
        await free;
        return answer(200);
      },
      { maxConnections: 1 },
    );
    const first = under.transport.exchange(POST);
    const leave = new AbortController();
    const second = transportFailureOf(under.transport.exchange({ ...POST, signal: leave.signal }));
    leave.abort();
    expect(await second).toMatchObject({ reason: "aborted", sent: false });
    resolve();
    await first;
    await under.transport.exchange(POST);
    expect(under.server.requests).toHaveLength(2);
  });

  test("keeps nothing of an answer that is no HTTP", async () => {
    await using under = await start(() => (socket: Socket) => socket.end(`HTTP/1.1 200 OK\r\nbroken ${PEM}\r\n\r\n`));
    const failure = await transportFailureOf(under.transport.exchange(GET));
    expect(failure.reason).toBe("protocol");
    expect(inspect(failure, { depth: 10 })).not.toContain("PRIVATE KEY");
  });

  test("sends nothing after it was closed", async () => {
    await using under = await start(() => answer(200));
    await under.transport[Symbol.asyncDispose]();
    expect(await transportFailureOf(under.transport.exchange(POST))).toMatchObject({ reason: "closed", sent: false });
  });

  test("says that a host could not be reached, and that nothing was sent", async () => {
    const under = await start(() => answer(200));
    await under.server[Symbol.asyncDispose]();
    expect(await transportFailureOf(under.transport.exchange(POST))).toMatchObject({
      reason: "network",
      sent: false,
      code: "ECONNREFUSED",
    });
    await under.transport.close();
  });

  test("names itself as it is told", async () => {
    await using under = await start(() => answer(200), { userAgent: "mine/1" });
    await under.transport.exchange(GET);
    expect(under.server.requests[0]?.headers["user-agent"]).toBe("mine/1");
  });

  test("goes past the proxy to this machine, because plain HTTP must not leave it", async () => {
    await using proxy = await RecordingServer.start(() => answer(200, "proxy"));
    // undici reads these on its own, unless an option says otherwise.
    for (const name of ["http_proxy", "HTTP_PROXY"]) vi.stubEnv(name, proxy.url);
    onTestFinished(() => void vi.unstubAllEnvs());
    await using under = await start(() => answer(200, "direct"), { env: { HTTPS_PROXY: proxy.url } });
    expect((await under.transport.exchange(GET)).body.reveal()).toBe("direct");
    expect(proxy.connections).toBe(0);
  });
});
