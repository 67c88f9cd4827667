import { describe, expect, test } from "vitest";
import type { AtlasErrorKind } from "../../atlas/errors/atlas-error.ts";
import { settle } from "../../testing/settle.ts";
import { EMPTY, GateScene, list, many, refusal, USER } from "./testing/gate-scene.ts";

describe("credentials that Atlas rejects", () => {
  test("cost one call, however many resources use them at the same time", async () => {
    const scene = new GateScene();
    const results = many(scene.holds("a"));
    await settle();
    expect(scene.calls).toBe(1);
    scene.open[0]?.reject(refusal("credentials"));
    for (const result of await Promise.all(results)) expect(result).toMatchObject({ kind: "credentials" });
    expect(scene.calls).toBe(1);
  });

  test("cost no call until the recheck is due, and the error says when that is", async () => {
    const scene = new GateScene().rejects();
    const api = scene.holds("a");
    await list(api);
    scene.clock.advanceNow(4000);
    expect(await list(api)).toMatchObject({ kind: "credentials", retryAfterMs: 6000, status: 401 });
    expect(scene.calls).toBe(1);
  });

  test("are reported without the user and the project of the call that found out", async () => {
    const scene = new GateScene().rejects();
    const api = scene.holds("a");
    await list(api);
    const problem = "Atlas rejected the credentials at 2026-01-01T00:00:00Z (401).";
    expect(await list(api)).toMatchObject({ problem });
  });

  test("are retried with one call when the recheck is due", async () => {
    const scene = new GateScene().rejects();
    const api = scene.holds("a");
    await list(api);
    scene.clock.advanceNow(10_000);
    await Promise.all(many(api));
    expect(scene.calls).toBe(2);
  });

  test("are rechecked less and less often, down to the recheck interval", async () => {
    const scene = new GateScene().rejects();
    const api = scene.holds("a");
    const waits: (number | undefined)[] = [];
    for (let index = 0; index < 8; index++) {
      await list(api);
      const error = await list(api);
      if (error === "ok") throw new Error("it was let pass");
      waits.push(error.retryAfterMs);
      scene.clock.advanceNow(error.retryAfterMs ?? 0);
    }
    expect(waits).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 600_000, 600_000]);
  });

  test("pass again once Atlas accepts them at a recheck", async () => {
    const scene = new GateScene().rejects();
    const api = scene.holds("a");
    await list(api);
    scene.clock.advanceNow(10_000);
    scene.accepts();
    expect(await Promise.all(many(api))).toEqual(Array(20).fill("ok"));
    expect(scene.calls).toBe(21);
  });

  test("are rejected too where Atlas accepted them before", async () => {
    const scene = new GateScene().accepts();
    const api = scene.holds("a");
    await list(api);
    scene.rejects();
    await list(api);
    await Promise.all(many(api));
    expect(scene.calls).toBe(2);
  });

  test("stop a create as well, before it is sent", async () => {
    const scene = new GateScene().rejects();
    const api = scene.holds("a");
    await list(api);
    const create = api.createDatabaseUserCertificate({ ...USER, userCert: { monthsUntilExpiration: 3 } });
    await expect(create).rejects.toMatchObject({ kind: "credentials", operation: "createDatabaseUserCertificate" });
    expect(scene.calls).toBe(1);
  });

  test.each(["getUserSecurity", "disableCustomerManagedX509"] as const)("stop %s as well", async (operation) => {
    const scene = new GateScene().rejects();
    const api = scene.holds("a");
    await list(api);
    await expect(api[operation]({ groupId: "p" })).rejects.toMatchObject({ kind: "credentials", operation });
    expect(scene.calls).toBe(1);
  });

  test("say nothing of those in another Secret", async () => {
    const scene = new GateScene().rejects();
    await list(scene.holds("a"));
    scene.accepts();
    expect(await list(scene.holds("a", "billing/atlas-api"))).toBe("ok");
  });
});

test.each<AtlasErrorKind>(["role", "accessList", "userNotFound", "projectNotFound", "customerManagedOn", "badRequest"])(
  "credentials pass although Atlas refuses one call with %s: others may be about another project",
  async (kind) => {
    const scene = new GateScene();
    const api = scene.holds("a");
    const results = many(api);
    await settle();
    scene.open[0]?.reject(refusal(kind));
    await settle();
    expect(scene.calls).toBe(20);
    for (const answer of scene.open) answer.resolve(EMPTY);
    expect(await results[1]).toBe("ok");
  },
);

describe("while the first call is under way", () => {
  test("the others wait, and go once Atlas accepts it", async () => {
    const scene = new GateScene();
    const results = many(scene.holds("a"));
    await settle();
    scene.accepts();
    scene.open[0]?.resolve(EMPTY);
    expect(await Promise.all(results)).toEqual(Array(20).fill("ok"));
    expect(scene.calls).toBe(20);
  });

  test.each<AtlasErrorKind>(["unavailable", "ambiguous", "badAnswer"])(
    "an outcome that says nothing of them (%s) is that of the others too, and no later call waits",
    async (kind) => {
      const scene = new GateScene();
      const api = scene.holds("a");
      const results = many(api);
      await settle();
      scene.open[0]?.reject(refusal(kind));
      const [first, ...others] = await Promise.all(results);
      expect(first).toMatchObject({ kind });
      for (const other of others) expect(other).toMatchObject({ kind: "unavailable" });
      expect(JSON.stringify(others.map(String))).not.toContain("someone-else");
      expect(scene.calls).toBe(1);
      void many(api);
      await settle();
      expect(scene.calls).toBe(21);
    },
  );

  test.each<AtlasErrorKind>(["rateLimited", "aborted"])(
    "one of the others takes over if it ends as %s",
    async (kind) => {
      const scene = new GateScene();
      const results = many(scene.holds("a"));
      await settle();
      scene.open[0]?.reject(refusal(kind));
      await settle();
      expect(scene.calls).toBe(2);
      scene.open[1]?.reject(refusal("credentials"));
      const [first, ...others] = await Promise.all(results);
      expect(first).toMatchObject({ kind });
      for (const other of others) expect(other).toMatchObject({ kind: "credentials" });
      expect(scene.calls).toBe(2);
    },
  );

  test("the others go after two seconds: it may be about a project that hangs", async () => {
    const scene = new GateScene();
    const results = many(scene.holds("a"));
    await scene.clock.advance(1999);
    expect(scene.calls).toBe(1);
    scene.accepts();
    await scene.clock.advance(1);
    expect(await Promise.all(results.slice(1))).toEqual(Array(19).fill("ok"));
  });

  test("one that is called off stops waiting at once", async () => {
    const scene = new GateScene();
    const api = scene.holds("a");
    void list(api);
    const stop = new AbortController();
    const waiting = list(api, stop.signal);
    stop.abort(new Error("the process stops"));
    await expect(waiting).rejects.toThrow("the process stops");
    expect(scene.clock.sleeping).toBe(0);
  });
});
