import { describe, expect, test } from "vitest";
import { settle, until } from "../../testing/settle.ts";
import { clientRig, failure, WIDGETS, widget } from "../testing/client-rig.ts";
import { type LocalServer, sendJson, sendStatus } from "../testing/local-server.ts";
import { KubeClient } from "./kube-client.ts";

describe("time", () => {
  test("a call that gets no answer ends at its deadline", async () => {
    await using r = await clientRig();
    r.server.answer = () => {};
    const error = failure(r.client.get(WIDGETS, { namespace: "n", name: "a" }));
    await until(() => r.server.requests.length === 1, "the request arrived");
    await r.clock.advance(30_000);
    expect((await error).reason).toBe("Timeout");
  });

  test("a deadline closes the idle connections too, for they may be as dead", async () => {
    await using r = await clientRig();
    await Promise.all([1, 2].map(() => r.client.get(WIDGETS, { namespace: "n", name: "a" })));
    r.server.answer = () => {};
    const error = failure(r.client.get(WIDGETS, { namespace: "n", name: "a" }));
    await until(() => r.server.requests.length === 3, "the request arrived");
    await r.clock.advance(30_000);
    await error;
    await until(() => r.server.openConnections === 0, "all connections are closed");
  });

  test("a call rejects with the reason of its signal", async () => {
    await using r = await clientRig();
    r.server.answer = () => {};
    const controller = new AbortController();
    const call = r.client.get(WIDGETS, { namespace: "n", name: "a" }, { signal: controller.signal });
    await until(() => r.server.requests.length === 1, "the request arrived");
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
  });

  test("deadline and signal reach a call that waits for a connection, and it takes none later", async () => {
    await using r = await clientRig({ maxConnections: 1 });
    const answers: (() => void)[] = [];
    r.server.answer = (_request, response) => answers.push(() => sendJson(response, 200, widget));
    const get = (name: string, options = {}) => r.client.get(WIDGETS, { namespace: "n", name }, options);
    const first = get("first");
    await until(() => answers.length === 1, "the request arrived");
    const controller = new AbortController();
    const aborted = get("aborted", { signal: controller.signal });
    const late = failure(get("late", { timeoutMs: 1000 }));
    await settle();
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await r.clock.advance(1000);
    expect((await late).reason).toBe("Timeout");
    answers[0]?.();
    await first;
    const next = get("next");
    await until(() => answers.length === 2, "the next request arrived");
    answers[1]?.();
    await expect(next).resolves.toMatchObject(widget);
    expect(r.server.requests.map(({ url }) => url.split("/").at(-1))).toEqual(["first", "next"]);
    expect(r.server.connections).toBe(1);
  });

  test("a call that was aborted while it waited stays silent when the connection that it waited for is lost", async () => {
    await using r = await clientRig({ maxConnections: 1 });
    r.server.answer = () => {};
    const first = failure(r.client.create(WIDGETS, { metadata: { name: "first", namespace: "n" } }));
    await until(() => r.server.requests.length === 1, "the request arrived");
    const controller = new AbortController();
    const aborted = r.client.get(WIDGETS, { namespace: "n", name: "aborted" }, { signal: controller.signal });
    await settle();
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    r.server.cutAll();
    await first;
    r.server.answer = (_request, response) => sendJson(response, 200, widget);
    await expect(r.client.get(WIDGETS, { namespace: "n", name: "a" })).resolves.toMatchObject(widget);
    expect(r.server.requests).toHaveLength(2);
  });

  test("a signal that aborts in the middle of an answer ends its reading", async () => {
    await using r = await clientRig();
    r.server.answer = (_request, response) => response.writeHead(200, { "content-length": "100" }).write("{");
    const controller = new AbortController();
    const call = r.client.get(WIDGETS, { namespace: "n", name: "a" }, { signal: controller.signal });
    await until(() => r.server.requests.length === 1, "the request arrived");
    await settle();
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    await until(() => r.server.openConnections === 0, "the connection is closed");
  });

  test("a finished call leaves no timer behind", async () => {
    await using r = await clientRig();
    await r.client.get(WIDGETS, { namespace: "n", name: "a" });
    await settle();
    expect(r.clock.sleeping).toBe(0);
  });

  test("requests beyond burst wait for the budget", async () => {
    await using r = await clientRig({ requestsPerSecond: 10, burst: 2 });
    const calls = Promise.all([1, 2, 3, 4].map(() => r.client.get(WIDGETS, { namespace: "n", name: "a" })));
    await until(() => r.server.requests.length === 2, "the burst arrived");
    await r.clock.advance(100);
    await until(() => r.server.requests.length === 3, "the third arrived");
    await r.clock.advance(100);
    await calls;
    expect(r.server.requests.length).toBe(4);
  });

  test("an urgent call goes past the budget", async () => {
    await using r = await clientRig({ requestsPerSecond: 1, burst: 1 });
    await r.client.get(WIDGETS, { namespace: "n", name: "a" });
    await r.client.get(WIDGETS, { namespace: "n", name: "a" }, { urgent: true });
    expect(r.server.requests.length).toBe(2);
  });

  test("429 with a short Retry-After is waited for and sent again", async () => {
    await using r = await clientRig();
    r.server.answer = (_request, response) => {
      if (r.server.requests.length === 1) {
        sendStatus(response, 429, "TooManyRequests", "wait", { "retry-after": "2" });
      } else {
        sendJson(response, 200, widget);
      }
    };
    const call = r.client.create(WIDGETS, { metadata: { name: "a", namespace: "n" } });
    await until(() => r.clock.nextWakeMs === 2000, "the client waits as asked");
    await r.clock.advance(2000);
    await expect(call).resolves.toMatchObject(widget);
  });

  test("429 with a long Retry-After is the caller's to wait", async () => {
    await using r = await clientRig();
    r.server.answer = (_request, response) =>
      sendStatus(response, 429, "TooManyRequests", "wait", { "retry-after": "60" });
    const error = await failure(r.client.get(WIDGETS, { namespace: "n", name: "a" }));
    expect([error.reason, error.retryAfterMs]).toEqual(["TooManyRequests", 60_000]);
  });

  test("503 is never sent again by the client: it may have been done", async () => {
    await using r = await clientRig();
    r.server.answer = (_request, response) =>
      sendStatus(response, 503, "ServiceUnavailable", "x", { "retry-after": "1" });
    await failure(r.client.create(WIDGETS, { metadata: { name: "a", namespace: "n" } }));
    expect(r.server.requests.length).toBe(1);
  });
});

describe("connections and credentials", () => {
  test("an idle connection that the server closes at the moment of its reuse costs a read nothing", async () => {
    await using r = await clientRig();
    await r.client.get(WIDGETS, { namespace: "n", name: "a" });
    r.server.answer = (request, response) => {
      if (request.connection === 1) {
        response.socket?.destroy();
      } else {
        sendJson(response, 200, widget);
      }
    };
    await expect(r.client.get(WIDGETS, { namespace: "n", name: "a" })).resolves.toMatchObject(widget);
  });

  test("a write over such a connection is not sent again", async () => {
    await using r = await clientRig();
    await r.client.get(WIDGETS, { namespace: "n", name: "a" });
    r.server.answer = (_request, response) => response.socket?.destroy();
    const error = await failure(r.client.create(WIDGETS, { metadata: { name: "a", namespace: "n" } }));
    expect([error.reason, r.server.requests.length]).toEqual(["Network", 2]);
  });

  function withToken(token: () => string) {
    let reads = 0;
    return {
      reads: () => reads,
      wrap: (server: LocalServer) => ({
        ...server.kubeConfig,
        authenticate: async () => {
          reads += 1;
          return { headers: { authorization: `Bearer ${token()}` }, tls: {} };
        },
      }),
    };
  }

  async function tokenRig(token: () => string) {
    const r = await clientRig();
    const source = withToken(token);
    const client = new KubeClient({ kubeConfig: source.wrap(r.server), userAgent: "p", clock: r.clock });
    return { ...r, client, reads: source.reads };
  }

  test("the token is read once for many calls and again after a while", async () => {
    let token = "one";
    await using r = await tokenRig(() => token);
    await r.client.get(WIDGETS, { namespace: "n", name: "a" });
    token = "two";
    await r.client.get(WIDGETS, { namespace: "n", name: "a" });
    await r.clock.advance(10_000);
    await r.client.get(WIDGETS, { namespace: "n", name: "a" });
    expect(r.server.requests.map((request) => request.headers.authorization)).toEqual([
      "Bearer one",
      "Bearer one",
      "Bearer two",
    ]);
  });

  test("a 401 makes the client read the token again and send once more", async () => {
    let token = "old";
    await using r = await tokenRig(() => token);
    r.server.answer = (request, response) => {
      if (request.headers.authorization === "Bearer new") {
        sendJson(response, 200, widget);
      } else {
        token = "new";
        sendStatus(response, 401, "Unauthorized");
      }
    };
    await expect(r.client.get(WIDGETS, { namespace: "n", name: "a" })).resolves.toMatchObject(widget);
  });

  test("a 401 for good is an error after the second try", async () => {
    await using r = await tokenRig(() => "wrong");
    r.server.answer = (_request, response) => sendStatus(response, 401, "Unauthorized");
    const error = await failure(r.client.get(WIDGETS, { namespace: "n", name: "a" }));
    expect([error.reason, r.server.requests.length]).toEqual(["Unauthorized", 2]);
  });

  test("credentials that can't be read fail the call and are read again for the next", async () => {
    let readable = false;
    await using r = await clientRig();
    const client = new KubeClient({
      kubeConfig: {
        ...r.server.kubeConfig,
        authenticate: async () => {
          if (!readable) {
            throw new Error("no such file");
          }
          return { headers: {}, tls: {} };
        },
      },
      userAgent: "p",
    });
    await failure(client.get(WIDGETS, { namespace: "n", name: "a" }));
    readable = true;
    await expect(client.get(WIDGETS, { namespace: "n", name: "a" })).resolves.toMatchObject(widget);
    await client.close();
  });

  test("after close every call fails", async () => {
    await using r = await clientRig();
    await r.client.close();
    await expect(r.client.get(WIDGETS, { namespace: "n", name: "a" })).rejects.toThrow(/closed/);
  });
});
