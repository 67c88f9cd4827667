import { describe, expect, test } from "vitest";
import { settle } from "../../testing/settle.ts";
import { KubeError } from "../kube-error.ts";
import { silentLog } from "../log.ts";
import { away, eventRig, refOf, report } from "../testing/event-rig.ts";
import { cutToBytes, EVENTS } from "./event-object.ts";

describe("one Event", () => {
  test("is written as events.k8s.io/v1 wants it", async () => {
    const r = eventRig();
    r.recorder.record(report());
    await settle();
    expect(r.events()).toEqual([
      {
        metadata: expect.objectContaining({ namespace: "n", name: expect.stringMatching(/^a\.[0-9a-f]+$/) }),
        eventTime: "2026-01-01T00:00:00.000000Z",
        reportingController: "example.org/operator",
        reportingInstance: "pod-1",
        action: "Issue",
        reason: "Issued",
        type: "Normal",
        note: "issued serial 1",
        regarding: report().regarding,
      },
    ]);
  });

  test("about a cluster-scoped object goes to the namespace default", async () => {
    const r = eventRig();
    r.recorder.record(report({ regarding: { apiVersion: "v1", kind: "Node", name: "a", uid: "u" } }));
    await settle();
    expect(r.events()[0]?.metadata.namespace).toBe("default");
  });

  test("has a valid name even if its object's name is as long as can be", async () => {
    const r = eventRig();
    r.recorder.record(report({ regarding: { ...report().regarding, name: `${"a".repeat(219)}.${"b".repeat(33)}` } }));
    await settle();
    expect(r.events()[0]?.metadata.name).toMatch(/^a{219}\.[0-9a-f]+$/);
  });

  const notes: [string, string, string][] = [
    ["a short note stays", "ü", "ü"],
    ["a long note is cut", "x".repeat(2000), `${"x".repeat(1021)}…`],
    ["no character is cut in two", "ü".repeat(1000), `${"ü".repeat(510)}…`],
  ];
  test.each(notes)("%s", (_name, note, expected) => {
    const cut = cutToBytes(note);
    expect([cut, Buffer.byteLength(cut) <= 1024]).toEqual([expected, true]);
  });
});

describe("repetition", () => {
  test("before the Event is written makes one write with the count", async () => {
    const r = eventRig();
    for (let time = 0; time < 5; time += 1) {
      r.recorder.record(report());
    }
    await settle();
    expect([r.api.calls.length, r.events()[0]?.series?.count]).toEqual([1, 5]);
  });

  test("after it is written is counted in the Event that is there, at most once a minute", async () => {
    const r = eventRig();
    r.recorder.record(report());
    await settle();
    for (let second = 0; second < 59; second += 1) {
      r.recorder.record(report());
      await r.clock.advance(1000);
    }
    expect(r.api.calls.length).toBe(1);
    await r.clock.advance(1000);
    expect([r.api.calls.length, r.events()[0]?.series]).toEqual([
      2,
      { count: 60, lastObservedTime: "2026-01-01T00:00:58.000000Z" },
    ]);
  });

  test("with another note is another Event", async () => {
    const r = eventRig();
    r.recorder.record(report());
    r.recorder.record(report({ note: "issued serial 2" }));
    await settle();
    expect(r.events().length).toBe(2);
  });

  test("after a long pause is a new Event", async () => {
    const r = eventRig();
    r.recorder.record(report());
    await r.clock.advance(400_000);
    r.recorder.record(report());
    await settle();
    expect(r.events().length).toBe(2);
  });

  test("of an Event that the API server has forgotten makes it again with its count", async () => {
    const r = eventRig();
    r.recorder.record(report());
    await settle();
    await r.api.delete(EVENTS, refOf(r.api.calls[0]?.key ?? ""));
    r.recorder.record(report());
    await r.clock.advance(60_000);
    expect(r.events().at(-1)?.series?.count).toBe(2);
  });
});

describe("when the API server does not take it", () => {
  test("record does not wait and does not throw", () => {
    const r = eventRig();
    r.api.fault = () => "hang";
    expect(r.recorder.record(report())).toBeUndefined();
  });

  test("it is tried a few times", async () => {
    const r = eventRig();
    r.api.fault = () => (r.api.calls.length < 3 ? away : undefined);
    r.recorder.record(report());
    await r.clock.advance(10_000);
    expect([r.events().filter(Boolean).length > 0, r.recorder.dropped]).toEqual([true, 0]);
  });

  test("it is dropped and counted in the end, and the next one is sent", async () => {
    const r = eventRig();
    r.api.fault = (call) => (JSON.stringify(call.body).includes("unlucky") ? away : undefined);
    r.recorder.record(report({ note: "unlucky" }));
    r.recorder.record(report({ note: "lucky" }));
    await r.clock.advance(60_000);
    expect([r.recorder.dropped, r.recorder.sent, r.recorder.pending]).toEqual([1, 1, 0]);
  });

  test("a refusal is not retried", async () => {
    const r = eventRig();
    r.api.fault = () => new KubeError({ reason: "Forbidden", operation: "create" });
    r.recorder.record(report());
    await r.clock.advance(60_000);
    expect([r.api.calls.length, r.recorder.dropped]).toEqual([1, 1]);
  });

  test("an answer that got lost does not make a second Event", async () => {
    const r = eventRig();
    r.api.fault = () => (r.api.calls.length === 1 ? "answer lost" : undefined);
    r.recorder.record(report());
    await r.clock.advance(10_000);
    expect([new Set(r.api.calls.map((call) => call.key)).size, r.recorder.dropped]).toEqual([1, 0]);
  });

  test("the log reports dropped Events once a minute, with their number and the last reason", async () => {
    const lines: object[] = [];
    const r = eventRig({ log: { ...silentLog, warn: (fields) => lines.push(fields) } });
    r.api.fault = () => new KubeError({ reason: "Forbidden", operation: "create" });
    for (let second = 0; second < 90; second += 1) {
      r.recorder.record(report({ regarding: { ...report().regarding, uid: `u${second}` } }));
      await r.clock.advance(1000);
    }
    await r.clock.advance(60_000);
    const last = { reason: "Issued", namespace: "n", name: "a", why: "it could not be written" };
    const err = expect.objectContaining({ reason: "Forbidden" });
    expect(lines).toEqual([
      { dropped: 1, droppedSinceStart: 1, last, err },
      { dropped: 59, droppedSinceStart: 60, last, err },
      { dropped: 30, droppedSinceStart: 90, last, err },
    ]);
  });

  test("no more wait than allowed", async () => {
    const r = eventRig({ queueLimit: 3, burstPerObject: 100 });
    r.api.fault = () => "hang";
    for (let serial = 0; serial < 10; serial += 1) {
      r.recorder.record(report({ note: `serial ${serial}` }));
    }
    expect([r.recorder.pending, r.recorder.dropped]).toEqual([3, 7]);
  });
});

describe("ending", () => {
  test("flush sends what waits and the counts that are not written yet", async () => {
    const r = eventRig();
    r.recorder.record(report());
    await settle();
    r.recorder.record(report());
    r.stop.abort();
    await r.running;
    r.recorder.record(report({ note: "last" }));
    await r.recorder.flush(new AbortController().signal);
    expect(r.events().map((event) => [event?.note, event?.series?.count])).toEqual([
      ["issued serial 1", 2],
      ["last", undefined],
    ]);
  });

  test("a stop in the middle of a write leaves the Event to flush", async () => {
    const r = eventRig();
    r.api.fault = () => "hang";
    r.recorder.record(report());
    await settle();
    r.stop.abort();
    await r.running;
    r.api.fault = () => undefined;
    await r.recorder.flush(new AbortController().signal);
    expect(r.recorder.sent).toBe(1);
  });

  test("flush ends when its signal aborts and counts what is lost", async () => {
    const r = eventRig();
    r.stop.abort();
    await r.running;
    r.api.fault = () => "hang";
    r.recorder.record(report());
    r.recorder.record(report({ note: "second" }));
    const limit = new AbortController();
    const flushed = r.recorder.flush(limit.signal);
    await settle();
    limit.abort();
    await flushed;
    expect(r.recorder.dropped).toBe(2);
  });
});
