import { describe, expect, test } from "vitest";
import { until } from "../../testing/settle.ts";
import { sendJson } from "../testing/local-server.ts";
import { project, reflectorRig } from "../testing/reflector-rig.ts";
import { refusal } from "../testing/widget-server.ts";

describe("when a watch cannot go on from where it was", () => {
  test("410 as an event causes a new list, which deletes and adds what has changed meanwhile", async () => {
    await using r = await reflectorRig();
    await r.watching();
    r.server.cutWatches();
    await until(() => r.clock.sleeping === 1, "the cut is seen");
    r.server.remove("a");
    r.server.put("c");
    r.server.failNext("watch", (response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(`${JSON.stringify({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } })}\n`);
    });
    await r.backOff();
    await r.backOff();
    await until(() => r.events.length === 2, "the list is compared");
    expect([r.events.toSorted(), r.server.lists().length]).toEqual([["added n/c uid-3", "deleted n/a uid-1"], 2]);
  });

  test("410 as an answer causes a new list", async () => {
    await using r = await reflectorRig();
    await r.watching();
    r.server.cutWatches();
    await until(() => r.clock.sleeping === 1, "the cut is seen");
    r.server.remove("a");
    r.server.compact();
    await r.backOff();
    await r.backOff();
    await until(() => r.events.length === 1, "the list is compared");
    expect(r.events).toEqual(["deleted n/a uid-1"]);
  });

  test("an object that was deleted and created again in a gap is a delete and an add", async () => {
    await using r = await reflectorRig({ objects: ["a"] });
    await r.watching();
    r.server.cutWatches();
    await until(() => r.clock.sleeping === 1, "the cut is seen");
    r.server.remove("a");
    r.server.put("a");
    r.server.compact();
    await r.backOff();
    await r.backOff();
    await until(() => r.events.length === 2, "the list is compared");
    expect(r.events).toEqual(["deleted n/a uid-1", "added n/a uid-2"]);
  });

  test("a page token that grew too old makes the next list one page", async () => {
    await using r = await reflectorRig({ objects: ["a", "b", "c"], pageSize: 2 });
    await r.watching();
    r.server.remove("b");
    r.server.put("d");
    await until(() => r.events.length === 2, "the events arrived");
    r.server.cutWatches();
    await until(() => r.clock.sleeping === 1, "the cut is seen");
    r.server.put("e");
    r.server.compact();
    r.server.failNext("list", (response, request) => {
      r.server.failNext("list", refusal(410, "Expired"));
      sendJson(response, 200, {
        kind: "WidgetList",
        metadata: { resourceVersion: r.server.version, continue: "2" },
        items: [{ metadata: { name: "a", namespace: "n", uid: "uid-1", resourceVersion: "101" }, spec: { size: 1 } }],
        request: request.url.length,
      });
    });
    await r.backOff();
    await r.backOff();
    await r.backOff();
    await until(() => r.server.watching === 1, "it watches again");
    expect([r.names(), r.server.lists().at(-1)?.url]).toEqual([["a", "c", "d", "e"], "/apis/example.org/v1/widgets"]);
  });

  test("a list in one page that fails is in pages the next time: it may be too large for one answer", async () => {
    await using r = await reflectorRig({ objects: ["a", "b"] });
    await r.watching();
    r.server.failNext("list", refusal(410, "Expired"), refusal(504, "Timeout"));
    r.server.compact();
    r.server.put("c");
    r.server.compact();
    r.server.cutWatches();
    for (let wait = 0; wait < 4; wait++) await r.backOff();
    await until(() => r.server.watching === 1, "it watches again");
    const [, ...lists] = r.server.lists();
    expect(lists.map(({ url }) => url.includes("limit=100"))).toEqual([true, false, true]);
  });

  test("a history that goes back, as after a restore from a backup, is believed: nothing of the lost one stays", async () => {
    await using r = await reflectorRig({ objects: [] });
    const changed = r.server.put("a");
    const version = r.server.version;
    await r.watching();
    r.server.put("a", 2);
    r.server.put("b");
    await until(() => r.events.length === 2, "the events arrived");
    r.events.length = 0;
    r.server.restore(version, [changed]);
    r.server.failNext("watch", refusal(410, "Expired"));
    r.server.cutWatches();
    await r.backOff();
    await r.backOff();
    await until(() => r.server.watching === 1, "it watches again");
    expect([r.events, r.reflector.store.get("n/a")?.size]).toEqual([["modified n/a uid-1", "deleted n/b uid-2"], 1]);
    r.server.put("c");
    await until(() => r.events.length === 3, "the event arrived");
    expect(r.names()).toEqual(["a", "c"]);
  });

  test("a restore from a backup that raises the revision takes lost states back, and lost objects away", async () => {
    await using r = await reflectorRig({ objects: ["a", "b"] });
    const kept = r.server.put("a", 2);
    await r.watching();
    r.server.put("a", 3);
    r.server.put("c");
    await until(() => r.events.length === 2, "the events arrived");
    r.events.length = 0;
    r.server.cutWatches();
    await until(() => r.clock.sleeping === 1, "the cut is seen");
    r.server.restore("1000000104", [kept]);
    r.server.compact();
    await r.backOff();
    await r.backOff();
    await until(() => r.server.watching === 1, "it watches again");
    expect([r.events, r.reflector.store.get("n/a")]).toEqual([
      ["modified n/a uid-1", "deleted n/b uid-2", "deleted n/c uid-3"],
      project(kept),
    ]);
  });

  test("the eighth failure in a row lists everything again instead of watching from the same place", async () => {
    await using r = await reflectorRig();
    await r.watching();
    r.server.failNext("watch", ...Array.from({ length: 8 }, () => refusal(500, "InternalError")));
    r.server.endWatches();
    r.server.put("c");
    for (let failures = 1; failures <= 8; failures++) {
      expect(r.server.lists()).toHaveLength(1);
      await r.backOff();
    }
    await until(() => r.server.lists().length === 2, "everything was listed again");
  });
});
