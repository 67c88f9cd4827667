import { connect } from "node:net";
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

const text = (body: string) => ({ status: 200, contentType: "text/plain", body });

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

test("tells nobody but the log of a route that throws, and goes on", async () => {
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
