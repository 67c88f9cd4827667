import { describe, expect, test } from "vitest";
import { settle } from "../../testing/settle.ts";
import { GateScene, list, many, refusal, SECRET } from "./testing/gate-scene.ts";

describe("a Secret whose credentials change", () => {
  test("is tried at once after the first change, by one call", async () => {
    const scene = new GateScene().rejects();
    await list(scene.holds("a"));
    await Promise.all(many(scene.holds("b")));
    expect(scene.calls).toBe(2);
  });

  test("is tried once in 10 s, however often it changes", async () => {
    const scene = new GateScene().rejects();
    for (let second = 0; second <= 20; second++) {
      const api = scene.holds(`content ${second}`);
      await Promise.all(many(api));
      scene.clock.advanceNow(1000);
    }
    // The first content, then the changes at 1 s and 11 s.
    expect(scene.calls).toBe(3);
  });

  test("says when changed credentials are tried, and tries them then", async () => {
    const scene = new GateScene().rejects();
    await list(scene.holds("a"));
    await list(scene.holds("b"));
    scene.clock.advanceNow(3000);
    scene.accepts();
    const api = scene.holds("c");
    expect(await list(api)).toMatchObject({ kind: "rateLimited", retryAfterMs: 7000 });
    scene.clock.advanceNow(7000);
    expect(await list(api)).toBe("ok");
  });

  test("does not start from zero when it is deleted and created again", async () => {
    const scene = new GateScene().rejects();
    for (let second = 0; second < 9; second++) {
      await list(scene.holds(`content ${second}`));
      scene.gate.forget(SECRET);
      scene.gate.forget("shop/another");
      scene.clock.advanceNow(1000);
    }
    expect(scene.calls).toBe(2);
  });

  test("is forgotten some time after it was deleted", async () => {
    const scene = new GateScene().rejects();
    await list(scene.holds("a"));
    scene.gate.forget(SECRET);
    scene.clock.advanceNow(10_000);
    scene.gate.forget("shop/another");
    await list(scene.holds("a"));
    expect(scene.calls).toBe(2);
  });

  test("keeps what is known of its credentials if only something else in it changes", async () => {
    const scene = new GateScene().rejects();
    for (let second = 0; second < 9; second++) {
      await list(scene.holds("a"));
      scene.clock.advanceNow(1000);
    }
    expect(scene.calls).toBe(1);
  });

  test("lets a call go that had been let pass with the credentials of before", async () => {
    const scene = new GateScene().accepts();
    const before = scene.holds("a");
    await list(before);
    scene.holds("b");
    expect(await list(before)).toBe("ok");
  });

  test("stops a call with credentials of before that were never tried", async () => {
    const scene = new GateScene().accepts();
    const before = scene.holds("a");
    scene.holds("b");
    expect(await list(before)).toMatchObject({ kind: "unavailable" });
    expect(scene.calls).toBe(0);
  });

  test("does not put the outcome of the old credentials on the new ones", async () => {
    const scene = new GateScene();
    const old = list(scene.holds("a"));
    await settle();
    const api = scene.holds("b");
    scene.open[0]?.reject(refusal("credentials"));
    await old;
    scene.accepts();
    expect(await list(api)).toBe("ok");
  });
});
