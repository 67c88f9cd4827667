import { describe, expect, test } from "vitest";
import { ManualClock } from "../../testing/manual-clock.ts";
import { settle, until } from "../../testing/settle.ts";
import type { WatchOptions } from "../kube-api.ts";
import { KubeError } from "../kube-error.ts";
import { sendStatus } from "../testing/local-server.ts";
import { WIDGETS, WidgetServer } from "../testing/widget-server.ts";
import { KubeClient } from "./kube-client.ts";

async function rig(options: Partial<WatchOptions> = {}) {
  const server = await WidgetServer.start();
  const clock = new ManualClock();
  const client = new KubeClient({ kubeConfig: server.http.kubeConfig, userAgent: "test", clock });
  const seen: string[] = [];
  const watch = async () => {
    try {
      for await (const event of client.watch(WIDGETS, { resourceVersion: "100", ...options })) {
        seen.push(event.type);
      }
      seen.push("end");
    } catch (error: unknown) {
      seen.push(KubeError.is(error) ? error.message : String(error));
    }
  };
  return {
    server,
    clock,
    client,
    seen,
    watch,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

describe("a watch", () => {
  test("tells that it is open, then the changes, and ends when the API server ends it", async () => {
    await using r = await rig();
    const watching = r.watch();
    await until(() => r.server.watching === 1, "it is open");
    r.server.put("a");
    r.server.put("a", 2);
    r.server.remove("a");
    r.server.bookmark();
    await settle();
    r.server.endWatches();
    await watching;
    expect(r.seen).toEqual(["OPENED", "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "end"]);
  });

  test("that ends in the middle of a line is cut off, not ended", async () => {
    await using r = await rig();
    const watching = r.watch();
    await until(() => r.server.watching === 1, "it is open");
    r.server.writeRaw('{"type":"ADDED"');
    r.server.endWatches();
    await watching;
    expect(r.seen.at(-1)).toBe("watch widgets.example.org: Network: the watch was cut in the middle of a line");
  });

  test("outlives the deadline of ordinary calls", async () => {
    await using r = await rig();
    void r.watch();
    await until(() => r.seen.length === 1, "it is open");
    await r.clock.advance(60_000);
    r.server.put("a");
    await until(() => r.seen.length === 2, "the change arrived");
    expect(r.seen).toEqual(["OPENED", "ADDED"]);
  });

  test("is fed by whatever arrives", async () => {
    await using r = await rig({ silenceTimeoutMs: 1000 });
    void r.watch();
    await until(() => r.seen.length === 1, "it is open");
    for (let round = 0; round < 5; round += 1) {
      await r.clock.advance(900);
      r.server.put("a", round);
      await until(() => r.seen.length === round + 2, "the change arrived");
    }
    expect(r.seen.length).toBe(6);
  });

  test("that falls silent is a timeout", async () => {
    await using r = await rig({ silenceTimeoutMs: 1000 });
    const watching = r.watch();
    await until(() => r.seen.length === 1, "it is open");
    await r.clock.advance(1000);
    await watching;
    expect(r.seen.at(-1)).toBe("watch widgets.example.org: Timeout: the watch fell silent");
  });

  test("that is refused throws what the API server says", async () => {
    await using r = await rig();
    r.server.failNext("watch", (response) => sendStatus(response, 403, "Forbidden", "no"));
    await r.watch();
    expect(r.seen).toEqual(["watch widgets.example.org: Forbidden (403): no"]);
  });

  test("that no one reads any more closes its connection and leaves no timer", async () => {
    await using r = await rig();
    for await (const event of r.client.watch(WIDGETS, { resourceVersion: "100" })) {
      expect(event.type).toBe("OPENED");
      break;
    }
    await until(() => r.server.http.openConnections === 0, "the connection is closed");
    expect(r.clock.sleeping).toBe(0);
  });

  test("rejects with the reason of its signal", async () => {
    const controller = new AbortController();
    await using r = await rig({ signal: controller.signal });
    const watching = r.watch();
    await until(() => r.seen.length === 1, "it is open");
    controller.abort(new Error("enough"));
    await watching;
    expect(r.seen).toEqual(["OPENED", "Error: enough"]);
  });

  test("needs no connection of those for calls", async () => {
    await using r = await rig();
    const client = new KubeClient({ kubeConfig: r.server.http.kubeConfig, userAgent: "test", maxConnections: 1 });
    const watches = [1, 2, 3].map(() => client.watch(WIDGETS, { resourceVersion: "100" }));
    for (const watch of watches) {
      await watch.next();
    }
    for await (const page of client.list(WIDGETS)) {
      expect(page.items).toEqual([]);
    }
    await client.close();
  });
});
