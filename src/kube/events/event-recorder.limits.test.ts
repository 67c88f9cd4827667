import { describe, expect, test } from "vitest";
import { settle } from "../../testing/settle.ts";
import { away, eventRig, report } from "../testing/event-rig.ts";

describe("many Events", () => {
  const of = (uid: string, note: string) => report({ regarding: { ...report().regarding, uid, name: uid }, note });
  const notes = (r: ReturnType<typeof eventRig>) => r.api.calls.map(({ body }) => (body as { note: string }).note);

  test("of many objects are written four at a time", async () => {
    const r = eventRig();
    r.api.fault = () => "hang";
    for (let object = 0; object < 10; object += 1) {
      r.recorder.record(of(`u${object}`, "issued"));
    }
    await settle();
    expect(r.api.calls.length).toBe(4);
  });

  test("of one object are written in order, and hold up no other object's", async () => {
    const r = eventRig();
    r.api.fault = ({ body }) =>
      JSON.stringify(body).includes("u1 first") && r.api.calls.length < 5 ? away : undefined;
    r.recorder.record(of("u1", "u1 first"));
    r.recorder.record(of("u1", "u1 second"));
    r.recorder.record(of("u2", "u2 first"));
    r.recorder.record(of("u3", "u3 first"));
    await settle();
    expect(notes(r)).toEqual(["u1 first", "u2 first", "u3 first"]);
    await r.clock.advance(60_000);
    expect(notes(r).slice(3)).toEqual(["u1 first", "u1 first", "u1 second"]);
  });

  test("of a burst of 10,000 certificates all arrive, however long the API server takes none", async () => {
    const r = eventRig();
    r.api.fault = () => "hang";
    for (let object = 0; object < 10_000; object += 1) {
      r.recorder.record(of(`u${object}`, "issued"));
    }
    await settle();
    r.stop.abort();
    await r.running;
    r.api.fault = () => undefined;
    await r.recorder.flush(new AbortController().signal);
    expect([r.recorder.sent, r.recorder.dropped, r.recorder.pending]).toEqual([10_000, 0, 0]);
  });
});

describe("an object that goes round in circles", () => {
  test("has only so many different Events", async () => {
    const r = eventRig();
    for (let serial = 0; serial < 100; serial += 1) {
      r.recorder.record(report({ note: `serial ${serial}` }));
    }
    await settle();
    expect([r.recorder.sent, r.recorder.dropped]).toEqual([25, 75]);
  });

  test("may have others again after a while", async () => {
    const r = eventRig({ burstPerObject: 1, refillPerObjectMs: 1000 });
    r.recorder.record(report({ note: "1" }));
    r.recorder.record(report({ note: "2" }));
    await r.clock.advance(1000);
    r.recorder.record(report({ note: "3" }));
    await settle();
    expect(r.recorder.sent).toBe(2);
  });

  test("takes nothing from other objects", async () => {
    const r = eventRig({ burstPerObject: 1 });
    r.recorder.record(report());
    r.recorder.record(report({ regarding: { ...report().regarding, uid: "u2" } }));
    await settle();
    expect(r.recorder.sent).toBe(2);
  });
});
