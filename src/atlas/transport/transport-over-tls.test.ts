import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { failureOf } from "../testing/api-under-test.ts";
import { makeAuthority, type TestAuthority } from "../testing/certificates.ts";
import { GROUP_ID, SERVICE_ACCOUNT, USERNAME } from "../testing/samples.ts";
import { transportFailureOf } from "../testing/transport-failure-of.ts";
import { X509AuthenticationApi } from "../x509-authentication-api.ts";
import { AtlasTransport } from "./transport.ts";

const GET = { method: "GET", path: "/x", headers: {} } as const;
const POST = { method: "POST", path: "/x", headers: {}, body: "{}" } as const;

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
    // Speaks HTTP/2 to any client that offers it.
    const server = createSecureServer(
      { allowHTTP1: true, key: authority.serverKey, cert: authority.serverCertificate },
      (request, response) => {
        received.push(`${request.method} ${request.url} HTTP/${request.httpVersion}`);
        if (request.url === "/continue") response.writeContinue();
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

  test("trusts no other CA, and says so before anything is sent", async () => {
    await using transport = new AtlasTransport({ baseUrl: `https://localhost:${port}`, env: {} });
    const count = received.length;
    expect(await transportFailureOf(transport.exchange(POST))).toMatchObject({ reason: "untrusted", sent: false });
    expect(received).toHaveLength(count);
  });

  test.each([
    ["directly", "localhost", () => ({})],
    ["through a proxy", "atlas.test", () => ({ HTTPS_PROXY: `http://localhost:${proxyPort}` })],
  ])("passes over 100 Continue before an answer, %s", async (_how, host, env) => {
    await using transport = new AtlasTransport({
      baseUrl: `https://${host}:${port}`,
      extraCa: authority.ca,
      env: env(),
    });
    for (const request of [GET, POST]) {
      expect((await transport.exchange({ ...request, path: "/continue" })).body.reveal()).toBe("secure");
    }
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
      reason: "proxyCredentials",
      message: "the proxy answered 407 to CONNECT",
    });
  });

  test.each(["listDatabaseUserCertificates", "createDatabaseUserCertificate"] as const)(
    "asks a proxy that wants other credentials once for %s, and says where they stand",
    async (operation) => {
      const env = { HTTPS_PROXY: `http://localhost:${proxyPort}` };
      await using transport = new AtlasTransport({ baseUrl: `https://refused.test:${port}`, env });
      const api = new X509AuthenticationApi({ credentials: SERVICE_ACCOUNT, transport });
      const count = tunnels.length;
      const error = await failureOf(api[operation]({ groupId: GROUP_ID, username: USERNAME }));
      expect(error).toMatchObject({
        kind: "unavailable",
        problem: expect.stringContaining("the proxy in HTTPS_PROXY rejects the credentials"),
      });
      expect(tunnels.slice(count)).toEqual([`refused.test:${port} -`]);
    },
  );

  test("says in one line without OpenSSL's words that a handshake failed", async () => {
    await using transport = new AtlasTransport({ baseUrl: `https://localhost:${proxyPort}`, env: {} });
    const { message } = await transportFailureOf(transport.exchange(POST));
    expect(message).toMatch(/^the TLS handshake failed \([A-Z0-9_]+\)$/);
  });

  test("says that a certificate is for another host", async () => {
    await using transport = new AtlasTransport({
      baseUrl: `https://127.0.0.1:${port}`,
      extraCa: authority.ca,
      env: {},
    });
    expect(await transportFailureOf(transport.exchange(POST))).toMatchObject({
      reason: "untrusted",
      message: "it is for another host name",
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
});
