import { describe, expect, test } from "vitest";
import { settle, until } from "../../testing/settle.ts";
import { silentLog } from "../log.ts";
import { project, reflectorRig } from "../testing/reflector-rig.ts";

describe("in good weather", () => {
  test("the first list fills the store, page by page", async () => {
    await using r = await reflectorRig({ objects: ["a", "b", "c", "d", "e"], pageSize: 2 });
    await r.reflector.synced;
    expect([r.names(), r.server.lists().length]).toEqual([["a", "b", "c", "d", "e"], 3]);
  });

  test("the watch goes on from the state that the list showed", async () => {
    await using r = await reflectorRig();
    await r.watching();
    expect(r.server.watches()[0]?.url).toBe(
      "/apis/example.org/v1/widgets?watch=1&allowWatchBookmarks=true&resourceVersion=102&timeoutSeconds=300",
    );
  });

  test("changes arrive as events and change the store", async () => {
    await using r = await reflectorRig();
    await r.watching();
    r.server.put("c");
    r.server.put("a", 7);
    r.server.remove("b");
    await until(() => r.events.length === 3, "three events arrived");
    expect([r.events, r.names(), r.reflector.store.get("n/a")?.size]).toEqual([
      ["added n/c uid-3", "modified n/a uid-1", "deleted n/b uid-2"],
      ["a", "c"],
      7,
    ]);
  });

  test("only the projection is kept", async () => {
    await using r = await reflectorRig({ objects: ["a"] });
    await r.reflector.synced;
    expect(Object.keys(r.reflector.store.get("n/a") ?? {})).toEqual([
      "namespace",
      "name",
      "uid",
      "resourceVersion",
      "size",
    ]);
  });

  test("the selection goes into list and watch", async () => {
    await using r = await reflectorRig({
      namespace: "n",
      labelSelector: "a=b",
      fieldSelector: "c=d",
      metadataOnly: true,
      project: ({ metadata }) => ({ ...metadata, size: 0 }),
    });
    await r.watching();
    expect(
      r.server.http.requests.map((request) => [
        request.url.replace(/watch=1.*?&label/, "label"),
        request.headers.accept,
      ]),
    ).toEqual([
      [
        "/apis/example.org/v1/namespaces/n/widgets?labelSelector=a%3Db&fieldSelector=c%3Dd&limit=100",
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
      ],
      [
        "/apis/example.org/v1/namespaces/n/widgets?labelSelector=a%3Db&fieldSelector=c%3Dd",
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
      ],
    ]);
  });

  test("a watch that the API server ends is followed by the next without a list or a wait", async () => {
    await using r = await reflectorRig();
    await r.watching();
    r.server.put("c");
    await until(() => r.events.length === 1, "the event arrived");
    r.server.endWatches();
    await until(() => r.server.watches().length === 2, "the second watch came");
    expect([r.server.watches()[1]?.url.includes("resourceVersion=103&"), r.server.lists().length]).toEqual([true, 1]);
  });

  test("a bookmark moves the place from which the next watch goes on", async () => {
    await using r = await reflectorRig();
    await r.watching();
    r.server.bookmark();
    r.server.bookmark();
    const { version } = r.server;
    await until(() => r.reflector.lastProgressAt !== undefined, "progress");
    await settle();
    r.server.endWatches();
    await until(() => r.server.watches().length === 2, "the second watch came");
    expect(r.server.watches()[1]?.url).toContain(`resourceVersion=${version}&`);
  });

  test("each answer of the API server is progress", async () => {
    await using r = await reflectorRig();
    await r.watching();
    await r.clock.advance(60_000);
    r.server.bookmark();
    await until(() => r.reflector.lastProgressAt === 60_000, "the bookmark counted");
  });

  test("a stop ends the watch and resolves", async () => {
    await using r = await reflectorRig();
    await r.watching();
    r.stop.abort();
    await r.running;
    await until(() => r.server.watching === 0, "the watch is closed");
  });
});

describe("defects in the caller's functions", () => {
  test("a handler that throws is logged and counted, and the next change arrives", async () => {
    const logged: string[] = [];
    const seen: string[] = [];
    await using r = await reflectorRig({
      log: { ...silentLog, error: (fields, message) => logged.push(`${Reflect.get(fields, "key")} ${message}`) },
      onEvent: (event) => {
        seen.push(event.key);
        if (event.key === "n/a") {
          throw new Error("defect");
        }
      },
    });
    await r.reflector.synced;
    expect([seen, logged, r.reflector.statistics.handlerErrors]).toEqual([
      ["n/a", "n/b"],
      ["n/a the handler of a change threw"],
      1,
    ]);
  });

  test("an object that can't be projected keeps its last state and does not affect others", async () => {
    await using r = await reflectorRig({
      project: (object) => {
        if (object.spec.size === 13) {
          throw new Error("defect");
        }
        return project(object);
      },
    });
    await r.watching();
    r.server.put("a", 13);
    r.server.put("b", 2);
    await until(() => r.events.length === 1, "the event arrived");
    r.server.cutWatches();
    await until(() => r.clock.sleeping === 1, "the cut is seen");
    r.server.put("c");
    r.server.compact();
    await r.backOff();
    await r.backOff();
    await until(() => r.server.watching === 1, "it watches again");
    expect([r.events, r.reflector.store.get("n/a")?.size, r.reflector.statistics.handlerErrors]).toEqual([
      ["modified n/b uid-2", "added n/c uid-3"],
      1,
      2,
    ]);
  });
});

test("watches end at times between five and ten minutes that chance spreads", async () => {
  await using r = await reflectorRig({ random: () => 0.5 });
  await r.watching();
  expect(r.server.watches()[0]?.url).toContain("timeoutSeconds=450");
});
