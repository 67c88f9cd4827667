import { once } from "node:events";
import { get } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { http } from "../testing/http.ts";
import { type Route, type RunningServer, startServer } from "./server.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

async function serving(routes: Readonly<Record<string, Route>>, errors: unknown[] = []): Promise<RunningServer> {
  const server = await startServer({
    address: LOOPBACK,
    what: "texts",
    routes,
    onError: (error) => errors.push(error),
  });
  onTestFinished(() => server.close());
  return server;
}

function ask({ address }: RunningServer, path: string, method = "GET"): Promise<Response> {
  return http(`http://127.0.0.1:${address.port}${path}`, { method });
}

const text = (body: string | Iterable<string>) => ({ status: 200, contentType: "text/plain", body });

test("gives what the route of the path gives, with the query", async () => {
  const server = await serving({ "/hello": (query) => text(`hello ${query.get("who")}`) });
  const response = await ask(server, "/hello?who=world");
  expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([
    200,
    "text/plain",
    "hello world",
  ]);
});

test("answers HEAD with the head alone", async () => {
  const server = await serving({ "/hello": () => text("hello") });
  const response = await ask(server, "/hello", "HEAD");
  expect([response.status, response.headers.get("content-length"), await response.text()]).toEqual([200, "5", ""]);
});

test.each(["POST", "PUT", "DELETE", "PATCH"])("refuses %s, and says what it takes", async (method) => {
  let asked = 0;
  const server = await serving({
    "/hello": () => {
      asked += 1;
      return text("hello");
    },
  });
  const response = await ask(server, "/hello", method);
  expect([response.status, response.headers.get("allow"), asked]).toEqual([405, "GET, HEAD", 0]);
});

test.each(["/", "/hello/", "//", "/toString", "/hello%20"])("has nothing at %s", async (path) => {
  const server = await serving({ "/hello": () => text("hello") });
  const response = await ask(server, path);
  expect([response.status, await response.text()]).toEqual([404, "there is nothing here; try /hello\n"]);
});

test("sends parts no faster than they are read, and makes no more of them for a client that is gone", async () => {
  let [made, isClosed] = [0, false];
  const errors: unknown[] = [];
  const parts = (function* () {
    try {
      for (; made < 2000; made++) yield "x".repeat(65_536);
    } finally {
      isClosed = true;
    }
  })();
  const server = await serving({ "/parts": () => text(parts) }, errors);
  const socket = connect(server.address.port, "127.0.0.1");
  socket.write("GET /parts HTTP/1.1\r\nHost: a\r\n\r\n");
  await once(socket, "data");
  socket.pause();
  await sleep(200);
  expect(isClosed).toBe(false);
  socket.destroy();
  await expect.poll(() => isClosed).toBe(true);
  expect(made).toBeLessThan(1000);
  expect(errors).toEqual([]);
});

test("a route that fails after its client is gone harms no one", async () => {
  const { promise, reject } = Promise.withResolvers<never>();
  const errors: unknown[] = [];
  const server = await serving({ "/late": () => promise, "/good": () => text("good") }, errors);
  const socket = connect(server.address.port, "127.0.0.1");
  socket.write("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
  await once(socket, "connect");
  await sleep(50);
  socket.destroy();
  await sleep(50);
  reject(new Error("the inside story"));
  await expect.poll(() => errors).toEqual([new Error("the inside story")]);
  expect(await (await ask(server, "/good")).text()).toBe("good");
});

test("gives parts as one text, and ends the connection where one cannot be made", async () => {
  const errors: unknown[] = [];
  const broken = function* () {
    yield "a";
    throw new Error("the inside story");
  };
  const server = await serving({ "/parts": () => text(["a", "b", "c"]), "/broken": () => text(broken()) }, errors);
  expect(await (await ask(server, "/parts")).text()).toBe("abc");
  await expect(ask(server, "/broken").then((response) => response.text())).rejects.toThrow();
  expect(errors).toEqual([new Error("the inside story")]);
});

test("reports a route that throws only in the log, and continues", async () => {
  const errors: unknown[] = [];
  const server = await serving(
    {
      "/bad": () => Promise.reject(new Error("the inside story")),
      "/good": () => text("good"),
    },
    errors,
  );
  const response = await ask(server, "/bad");
  expect([response.status, await response.text()]).toEqual([500, "internal error\n"]);
  expect(errors).toEqual([new Error("the inside story")]);
  expect((await ask(server, "/good")).status).toBe(200);
});

/** Connections that send the head of a request and never finish it. */
function slowClients({ address }: RunningServer, count: number): Promise<readonly Socket[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(address.port, "127.0.0.1").on("error", () => {});
      onTestFinished(() => void socket.destroy());
      await once(socket, "connect");
      socket.write("GET /hello HTTP/1.1\r\nHost: a\r\n");
      return socket;
    }),
  );
}

/** A request on a connection of its own, as a kubelet's probe. */
function probe({ address }: RunningServer): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = get({ port: address.port, host: "127.0.0.1", path: "/hello", agent: false });
    request.on("error", reject).on("response", (response) => resolve(response.resume().statusCode));
  });
}

test("answers each of 30 probes within a second while 128 clients send their requests slowly", async () => {
  const server = await serving({ "/hello": () => text("hello") });
  const slow = slowClients(server, 128);
  for (let count = 0; count < 30; count++) {
    const startedAt = performance.now();
    expect(await probe(server)).toBe(200);
    expect(performance.now() - startedAt).toBeLessThan(1000);
    if (count % 10 === 0) await slowClients(server, 32);
  }
  await slow;
});

test("closes the oldest idle connection of an address for a new one, and none that is being answered", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const server = await serving({ "/hello": () => text("hello"), "/late": () => promise.then(() => text("late")) });
  const late = ask(server, "/late");
  await new Promise((settled) => setTimeout(settled, 100));
  const [first, second] = await slowClients(server, 2);
  const firstEnded = first && once(first, "close");
  await slowClients(server, 14);
  await firstEnded;
  expect(second?.closed).toBe(false);
  resolve();
  expect(await (await late).text()).toBe("late");
});

/** A probe on a connection that it keeps, from this address. Gives the connection once the answer is there. */
async function keptProbe({ address }: RunningServer, localAddress: string): Promise<Socket> {
  const socket = connect({ port: address.port, host: "127.0.0.1", localAddress }).on("error", () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  socket.write("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  const [answer] = await once(socket, "data");
  expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /);
  return socket;
}

test("keeps 16 idle connections of an address, answers each probe of that address, and closes none of another one", async () => {
  const server = await serving({ "/hello": () => text("hello") });
  const other = await keptProbe(server, "127.0.0.2");
  const kept: Socket[] = [];
  for (let count = 0; count < 40; count++) kept.push(await keptProbe(server, "127.0.0.1"));
  const isOpen = () => kept.filter(({ closed }) => !closed);
  await expect.poll(() => isOpen().length).toBe(16);
  expect(isOpen()).toEqual(kept.slice(-16));
  expect(await probe(server)).toBe(200);
  expect(other.closed).toBe(false);
});

test("ends a connection whose headers are not there within seconds", async () => {
  const server = await serving({ "/hello": () => text("hello") });
  const [slow] = await slowClients(server, 1);
  const startedAt = performance.now();
  if (slow !== undefined) await once(slow.resume(), "close");
  expect(performance.now() - startedAt).toBeLessThan(3000);
});

test("closes without waiting for those who say nothing", async () => {
  const server = await serving({ "/hello": () => text("hello") });
  const idle = connect(server.address.port, "127.0.0.1");
  const ended = new Promise((resolve) => idle.once("close", resolve));
  idle.on("error", () => {});
  await new Promise((resolve) => idle.once("connect", resolve));
  await server.close();
  await ended;
});

test.each([
  ["a port in use", "127.0.0.1", "the port is in use"],
  ["an address of another machine", "192.0.2.1", "this machine has no such address"],
])("says in a sentence what is wrong with %s", async (_, host, reason) => {
  const { port } = (await serving({})).address;
  const started = startServer({ address: { host, port }, what: "metrics", routes: {}, onError: () => {} });
  await expect(started).rejects.toMatchObject({
    name: "ListenError",
    message: `can't serve metrics on ${host}:${port}: ${reason}`,
  });
});
