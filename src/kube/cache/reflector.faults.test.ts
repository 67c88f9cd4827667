import { describe, expect, test } from "vitest";
import { ManualClock } from "../../testing/manual-clock.ts";
import { settle, until } from "../../testing/settle.ts";
import { KubeClient } from "../client/kube-client.ts";
import { silentLog } from "../log.ts";
import { sendJson } from "../testing/local-server.ts";
import { type Kept, project, reflectorRig } from "../testing/reflector-rig.ts";
import { type Fault, refusal, WIDGETS, type Widget, WidgetServer } from "../testing/widget-server.ts";
import { Reflector } from "./reflector.ts";

describe("in bad weather", () => {
  const html: Fault = (response) =>
    response.writeHead(200, { "content-type": "text/html" }).end("<html>sign in</html>");
  const cut: Fault = (response) => response.destroy();
  const emptyObject: Fault = (response) => sendJson(response, 200, {});

  const faults: [string, Fault][] = [
    ["a 500", refusal(500, "InternalError")],
    ["a 503 while the API server restarts", refusal(503, "ServiceUnavailable")],
    ["a 429", refusal(429, "TooManyRequests")],
    ["a 403 while RBAC is not there yet", refusal(403, "Forbidden")],
    ["a 200 with an HTML page", html],
    ["a 200 with an object that is no list", emptyObject],
    ["a connection cut before the answer", cut],
  ];

  test.each(faults)("%s on the first list is retried until it works", async (_name, fault) => {
    const server = await WidgetServer.start();
    server.failNext("list", fault, fault, fault);
    server.put("a");
    const clock = new ManualClock();
    const client = new KubeClient({ kubeConfig: server.http.kubeConfig, userAgent: "test", clock: new ManualClock() });
    const reflector = new Reflector<Kept, Widget>({
      client,
      type: WIDGETS,
      project,
      clock,
      random: () => 0,
      log: silentLog,
    });
    const stop = new AbortController();
    const running = reflector.start(stop.signal);
    for (const waitMs of [500, 1000, 2000]) {
      await until(() => clock.sleeping === 1, "it backs off");
      expect(clock.nextWakeMs).toBe(waitMs);
      await clock.advance(waitMs);
    }
    await reflector.synced;
    expect(reflector.store.size).toBe(1);
    stop.abort();
    await running;
    await client.close();
    await server[Symbol.asyncDispose]();
  });

  test.each(faults)("%s on a watch loses and invents nothing", async (_name, fault) => {
    await using r = await reflectorRig();
    await r.watching();
    r.server.failNext("watch", fault);
    r.server.put("c");
    await until(() => r.events.length === 1, "the event arrived");
    r.server.cutWatches();
    r.server.remove("a");
    await r.backOff();
    await r.backOff();
    await until(() => r.events.length === 2, "the gap is closed");
    expect([r.events, r.names()]).toEqual([
      ["added n/c uid-3", "deleted n/a uid-1"],
      ["b", "c"],
    ]);
  });

  test.each(faults)("%s on the list after a 410 empties nothing", async (_name, fault) => {
    await using r = await reflectorRig();
    await r.watching();
    r.server.failNext("list", fault);
    r.server.put("c");
    await until(() => r.events.length === 1, "the event arrived");
    r.events.length = 0;
    r.server.put("d");
    r.server.compact();
    r.server.cutWatches();
    await r.backOff();
    await until(() => r.clock.sleeping === 1, "it failed again");
    expect(r.names().slice(0, 3)).toEqual(["a", "b", "c"]);
    expect(r.events.filter((event) => event.startsWith("deleted"))).toEqual([]);
  });

  test("a watch that is cut goes on from the last event", async () => {
    await using r = await reflectorRig();
    await r.watching();
    r.server.put("c");
    await until(() => r.events.length === 1, "the event arrived");
    r.server.cutWatches();
    await r.backOff();
    await until(() => r.server.watching === 1, "it watches again");
    expect([r.server.watches()[1]?.url.includes("resourceVersion=103&"), r.server.lists().length]).toEqual([true, 1]);
  });

  test("Retry-After on a watch is obeyed", async () => {
    await using r = await reflectorRig();
    await r.watching();
    r.server.failNext("watch", refusal(429, "TooManyRequests", { "retry-after": "20" }));
    r.server.cutWatches();
    await r.backOff();
    expect(await r.backOff()).toBe(20_000);
  });

  test("a line that is cut in the middle is not half believed", async () => {
    await using r = await reflectorRig();
    await r.watching();
    const line = JSON.stringify({
      type: "DELETED",
      object: { metadata: { name: "a", namespace: "n", uid: "uid-1", resourceVersion: "103" } },
    });
    r.server.writeRaw(line.slice(0, 60));
    await settle();
    r.server.endWatches();
    await r.backOff();
    await until(() => r.server.watching === 1, "it watches again");
    expect([r.events, r.names()]).toEqual([[], ["a", "b"]]);
  });

  const badLines: [string, string][] = [
    ["that is not JSON", "<html>\n"],
    ["of an unknown type", '{"type":"SURPRISE","object":{}}\n'],
    ["with an object without metadata", '{"type":"ADDED","object":{}}\n'],
    ["with a bookmark without a resourceVersion", '{"type":"BOOKMARK","object":{"metadata":{}}}\n'],
  ];
  test.each(badLines)("a line %s causes a new list", async (_name, line) => {
    await using r = await reflectorRig();
    await r.watching();
    r.server.writeRaw(line);
    await r.backOff();
    await until(() => r.server.watching === 1, "it watches again");
    expect([r.events, r.names(), r.server.lists().length]).toEqual([[], ["a", "b"], 2]);
  });

  test("a watch that falls silent is cut and started again", async () => {
    await using r = await reflectorRig();
    await r.watching();
    await r.netClock.advance(89_999);
    expect([r.server.watches().length, r.clock.sleeping]).toEqual([1, 0]);
    await r.netClock.advance(1);
    await r.backOff();
    await until(() => r.server.watches().length === 2, "the second watch came");
    expect(r.server.lists().length).toBe(1);
  });

  test("a second watch in a row that is accepted and stays silent causes a new list", async () => {
    await using r = await reflectorRig();
    await r.watching();
    await r.netClock.advance(90_000);
    await r.backOff();
    await until(() => r.server.watching === 1, "it watches again");
    await until(() => r.reflector.statistics.watches === 2, "the second watch is accepted");
    await r.netClock.advance(90_000);
    await r.backOff();
    await until(() => r.server.watches().length === 3, "the third watch came");
    expect(r.server.lists().length).toBe(2);
  });

  test("a watch without a response is given up at the deadline", async () => {
    await using r = await reflectorRig();
    await r.watching();
    r.server.failNext("watch", () => {});
    r.server.cutWatches();
    await r.backOff();
    await until(() => r.server.watches().length === 2, "the second watch came");
    await r.netClock.advance(30_000);
    await r.backOff();
    await until(() => r.server.watches().length === 3, "the third watch came");
  });

  test("a server that is away for ten minutes is met again with everything that happened", async () => {
    await using r = await reflectorRig();
    await r.watching();
    await r.server.http.stop();
    r.server.remove("a");
    r.server.put("c");
    let awayMs = 0;
    while (awayMs < 600_000) {
      awayMs += await r.backOff();
    }
    await r.server.http.listen();
    await r.backOff();
    await until(() => r.events.length === 2, "the gap is closed");
    expect([r.events.toSorted(), r.names()]).toEqual([
      ["added n/c uid-3", "deleted n/a uid-1"],
      ["b", "c"],
    ]);
  });

  test("waits grow to at most half a minute", async () => {
    await using r = await reflectorRig();
    await r.watching();
    await r.server.http.stop();
    const waits: number[] = [];
    for (let failure = 0; failure < 8; failure += 1) {
      waits.push(await r.backOff());
    }
    await r.server.http.listen();
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  test("a server that ends every watch at once is not hammered", async () => {
    await using r = await reflectorRig();
    const endAtOnce: Fault = (response) => response.writeHead(200, { "content-type": "application/json" }).end();
    r.server.failNext("watch", endAtOnce, endAtOnce, endAtOnce);
    const waits = [await r.backOff(), await r.backOff(), await r.backOff()];
    expect(waits).toEqual([500, 1000, 2000]);
  });

  test("synced rejects when it is stopped before the first list", async () => {
    const server = await WidgetServer.start();
    server.failNext("list", () => {});
    const client = new KubeClient({ kubeConfig: server.http.kubeConfig, userAgent: "test" });
    const reflector = new Reflector<Kept, Widget>({
      client,
      type: WIDGETS,
      project,
      clock: new ManualClock(),
      random: () => 0,
      log: silentLog,
    });
    const stop = new AbortController();
    const running = reflector.start(stop.signal);
    await until(() => server.lists().length === 1, "the list came");
    const reason = new Error("stop");
    stop.abort(reason);
    await running;
    await expect(reflector.synced).rejects.toBe(reason);
    await client.close();
    await server[Symbol.asyncDispose]();
  });
});
