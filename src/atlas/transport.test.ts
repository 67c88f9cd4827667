import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { ManualClock } from "../testing/manual-clock.ts";
import { readExtraCaFile } from "./extra-ca.ts";
import { makeAuthority, type TestAuthority } from "./testing/certificates.ts";
import { answer, RecordingServer } from "./testing/recording-server.ts";
import { PEM } from "./testing/samples.ts";
import { transportFailureOf } from "./testing/transport-failure-of.ts";
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
    // undici reads these by itself, unless it is told otherwise.
    for (const name of ["http_proxy", "HTTP_PROXY"]) vi.stubEnv(name, proxy.url);
    onTestFinished(() => void vi.unstubAllEnvs());
    await using under = await start(() => answer(200, "direct"), { env: { HTTPS_PROXY: proxy.url } });
    expect((await under.transport.exchange(GET)).body.reveal()).toBe("direct");
    expect(proxy.connections).toBe(0);
  });
});

describe("AtlasTransport over TLS", () => {
  let authority: TestAuthority;
  let port: number;
  let proxyPort: number;
  let secureProxyPort: number;
  const tunnels: string[] = [];
  const received: string[] = [];
  let closeAll: () => void;

  beforeAll(async () => {
    authority = await makeAuthority(["localhost", "atlas.test"]);
    // Speaks HTTP/2 to whoever offers it.
    const server = createSecureServer(
      { allowHTTP1: true, key: authority.serverKey, cert: authority.serverCertificate },
      (request, response) => {
        received.push(`${request.method} ${request.url} HTTP/${request.httpVersion}`);
        response.end("secure");
      },
    );
    const pair = { key: authority.serverKey, cert: authority.serverCertificate };
    const proxy = createHttpServer((_request, response) => response.writeHead(400).end());
    const secureProxy = createHttpsServer(pair, (_request, response) => response.writeHead(400).end());
    const sockets = new Set<Socket>();
    const listeners = [server, proxy, secureProxy];
    for (const listener of listeners) listener.on("connection", (socket: Socket) => void sockets.add(socket));
    const openTunnel = (request: IncomingMessage, client: Duplex) => {
      tunnels.push(`${request.url} ${request.headers["proxy-authorization"] ?? "-"}`);
      if (request.url?.startsWith("refused.test")) {
        client.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
        return;
      }
      const upstream = connect(port, "localhost", () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        upstream.pipe(client).pipe(upstream);
      });
      sockets.add(upstream);
      for (const socket of [upstream, client]) socket.on("error", () => undefined);
    };
    for (const each of [proxy, secureProxy]) each.on("connect", openTunnel);
    for (const listener of listeners) await new Promise<void>((resolve) => listener.listen(0, "localhost", resolve));
    port = (server.address() as AddressInfo).port;
    proxyPort = (proxy.address() as AddressInfo).port;
    secureProxyPort = (secureProxy.address() as AddressInfo).port;
    closeAll = () => {
      for (const socket of sockets) socket.destroy();
      for (const listener of listeners) listener.close();
    };
  });
  afterAll(() => closeAll());

  test("trusts an extra CA", async () => {
    await using transport = new AtlasTransport({
      baseUrl: `https://localhost:${port}`,
      extraCa: authority.ca,
      env: {},
    });
    expect((await transport.exchange(GET)).body.reveal()).toBe("secure");
    expect(received.at(-1)).toBe("GET /x HTTP/1.1");
  });

  test("trusts whom it trusted before, beside an extra CA", async () => {
    const usual = getCACertificates("default");
    onTestFinished(() => setDefaultCACertificates(usual));
    setDefaultCACertificates([authority.ca]);
    const { ca: extraCa } = await makeAuthority(["elsewhere.test"]);
    await using transport = new AtlasTransport({ baseUrl: `https://localhost:${port}`, extraCa, env: {} });
    expect((await transport.exchange(GET)).body.reveal()).toBe("secure");
  });

  test("trusts nobody else, and says so before anything is sent", async () => {
    await using transport = new AtlasTransport({ baseUrl: `https://localhost:${port}`, env: {} });
    const count = received.length;
    expect(await transportFailureOf(transport.exchange(POST))).toMatchObject({ reason: "untrusted", sent: false });
    expect(received).toHaveLength(count);
  });

  test.each(["HTTPS_PROXY", "https_proxy"])("goes through the proxy of %s, in a tunnel", async (name) => {
    const env = { [name]: `http://user:pass@localhost:${proxyPort}` };
    await using transport = new AtlasTransport({ baseUrl: `https://atlas.test:${port}`, extraCa: authority.ca, env });
    expect((await transport.exchange(POST)).body.reveal()).toBe("secure");
    expect(tunnels.at(-1)).toBe(`atlas.test:${port} Basic ${Buffer.from("user:pass").toString("base64")}`);
    expect(received.at(-1)).toBe("POST /x HTTP/1.1");
  });

  test("goes through a proxy that is reached over TLS and vouched for by the extra CA", async () => {
    const env = { HTTPS_PROXY: `https://localhost:${secureProxyPort}` };
    await using transport = new AtlasTransport({ baseUrl: `https://atlas.test:${port}`, extraCa: authority.ca, env });
    const count = tunnels.length;
    expect((await transport.exchange(POST)).body.reveal()).toBe("secure");
    expect(tunnels.slice(count)).toEqual([`atlas.test:${port} -`]);
  });

  test("goes past the proxy to a host in NO_PROXY", async () => {
    const env = { HTTPS_PROXY: `http://localhost:${proxyPort}`, NO_PROXY: "example.com,localhost" };
    await using transport = new AtlasTransport({ baseUrl: `https://localhost:${port}`, extraCa: authority.ca, env });
    const count = tunnels.length;
    expect((await transport.exchange(GET)).body.reveal()).toBe("secure");
    expect(tunnels).toHaveLength(count);
  });

  test("knows that nothing was sent when the proxy refuses", async () => {
    const env = { HTTPS_PROXY: `http://localhost:${proxyPort}` };
    await using transport = new AtlasTransport({ baseUrl: `https://refused.test:${port}`, env });
    expect(await transportFailureOf(transport.exchange(POST))).toMatchObject({
      sent: false,
      message: expect.stringContaining("407"),
    });
  });

  test.each(["proxy.example:3128", "not a url", "socks5://proxy:1080"])(
    "refuses the proxy %j without quoting it",
    (httpsProxy) => {
      expect(() => new AtlasTransport({ env: { HTTPS_PROXY: httpsProxy } })).toThrow(
        new TypeError("HTTPS_PROXY is not a URL that starts with http:// or https://."),
      );
    },
  );

  describe("readExtraCaFile", () => {
    async function withFile<T>(content: string, use: (path: string) => Promise<T>): Promise<T> {
      const folder = await mkdtemp(join(tmpdir(), "extra-ca-"));
      try {
        const path = join(folder, "ca.pem");
        await writeFile(path, content);
        return await use(path);
      } finally {
        await rm(folder, { recursive: true });
      }
    }

    test("reads a file with several certificates", async () => {
      const content = `# ours\n${authority.ca}\n${authority.ca}`;
      expect(await withFile(content, readExtraCaFile)).toBe(content);
    });

    test.each([
      ["no certificate", "hello", "no PEM certificate"],
      ["a certificate that is none", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----", "number 1"],
    ])("refuses a file with %s", async (_name, content, words) => {
      await expect(withFile(content, readExtraCaFile)).rejects.toThrow(words);
    });

    test("names a file that is not there", async () => {
      await expect(readExtraCaFile("/nowhere/ca.pem")).rejects.toThrow("/nowhere/ca.pem");
    });
  });
});

test("an extra CA that is none is refused when the transport is made", () => {
  expect(() => new AtlasTransport({ extraCa: "hello" })).toThrow(TypeError);
});
