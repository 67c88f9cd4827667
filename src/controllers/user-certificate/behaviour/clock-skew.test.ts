import { describe, expect, test } from "vitest";
import { USER_CERTIFICATE } from "../../../api/user-certificate.ts";
import { DAY_MS, HOUR_MS } from "../../../clock.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import { atlasError, MemoryAtlas } from "../testing/memory-atlas.ts";
import { NAMESPACE, Scene, SECRET } from "../testing/scene.ts";

/** The operator's clock is wrong: certificates are judged by Atlas' clock, so it costs none and hides no expiry. */

/** A good certificate, and an Atlas whose clock stays right while the operator's is turned. */
async function settled() {
  const scene = new Scene();
  let offMs = 0;
  const right = { now: () => scene.clock.now() - offMs, monotonic: () => 0, sleep: () => Promise.resolve() };
  const atlas = new MemoryAtlas(right);
  scene.apply();
  const process = scene.start({ atlas });
  await scene.settle(process);
  scene.events.length = 0;
  const turnClock = (ms: number) => {
    offMs += ms;
    scene.clock.jumpWall(ms);
  };
  const notAfterMs = Number(atlas.issued[0]?.notAfter);
  return { scene, process, atlas, turnClock, right, notAfterMs };
}

describe.each([
  ["40 days ahead", 40 * DAY_MS],
  ["40 days behind", -40 * DAY_MS],
  ["a year ahead", 365 * DAY_MS],
])("a clock that is %s", (_what, byMs) => {
  test("costs no certificate and leaves Ready True, in the running process", async () => {
    const { scene, process, atlas, turnClock } = await settled();
    await scene.run(process, { forMs: 10 * DAY_MS });
    turnClock(byMs);
    await scene.run(process, { forMs: 2 * DAY_MS });
    expect([atlas.creates, scene.ready()]).toEqual([1, "True Issued"]);
    turnClock(-byMs);
    await scene.run(process, { forMs: 2 * DAY_MS });
    expect([atlas.creates, scene.ready()]).toEqual([1, "True Issued"]);
  });

  test("costs no certificate in a process that starts with it", async () => {
    const { scene, process: before, atlas, turnClock } = await settled();
    scene.stop(before);
    scene.clock.advanceNow(10 * DAY_MS);
    turnClock(byMs);
    await scene.run(scene.start({ atlas }), { forMs: DAY_MS });
    expect([atlas.creates, scene.ready()]).toEqual([1, "True Issued"]);
  });

  test("lets a first certificate be issued, stored and believed", async () => {
    const { scene, process, atlas, turnClock } = await settled();
    turnClock(byMs);
    scene.apply({ secretName: "second" }, { name: "second" });
    await scene.run(process, { forMs: DAY_MS, names: ["second"] });
    expect([atlas.creates, scene.ready("second")]).toEqual([2, "True Issued"]);
    expect(scene.status("second").notAfter).toBe(`${atlas.issued[1]?.notAfter.toISOString().slice(0, 19)}Z`);
  });

  test("forgets nothing that a deleted resource has issued", async () => {
    const { scene, process, atlas, turnClock, right } = await settled();
    // Atlas' lists lag behind.
    atlas.listAllDatabaseUserCertificates = async () => ({ certificates: [], answeredAt: new Date(right.now()) });
    const recreate = () => {
      scene.cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" });
      scene.cluster.remove(SECRETS, SECRET);
      scene.apply();
    };
    recreate();
    await scene.settle(process);
    turnClock(byMs);
    for (let count = 0; count < 4; count++) {
      if (scene.secret() !== undefined) recreate();
      await scene.settle(process);
    }
    expect([atlas.creates, scene.ready()]).toEqual([4, "False IssuanceBudgetSpent"]);
  });

  test("does not put a renewal off, nor bring it forward", async () => {
    const { scene, process, atlas, turnClock, right } = await settled();
    turnClock(byMs);
    const renewalMs = Date.parse(scene.status().renewalTime ?? "");
    await scene.run(process, { forMs: DAY_MS });
    scene.clock.advanceNow(renewalMs - HOUR_MS - right.now());
    await scene.run(process, { forMs: HOUR_MS - 2000 });
    expect(atlas.creates).toBe(1);
    await scene.run(process, { forMs: 4000 });
    expect([atlas.creates, scene.ready()]).toEqual([2, "True Issued"]);
  });

  test("does not hide the expiry, nor bring it forward", async () => {
    const { scene, process, atlas, turnClock, right, notAfterMs } = await settled();
    turnClock(byMs);
    await scene.run(process, { forMs: DAY_MS });
    scene.apply({ suspend: true });
    scene.clock.advanceNow(notAfterMs - HOUR_MS - right.now());
    await scene.run(process, { forMs: HOUR_MS - 2000 });
    expect(scene.ready()).toBe("True Suspended");
    await scene.run(process, { forMs: 4000 });
    expect([scene.ready(), atlas.creates]).toEqual(["False Suspended", 1]);
  });

  test("does not weaken the daily limit", async () => {
    const { scene, process, atlas, turnClock } = await settled();
    turnClock(byMs);
    let request = 0;
    await scene.run(process, {
      forMs: 6 * HOUR_MS,
      everyMs: HOUR_MS / 2,
      happens: () => scene.apply({}, { renewRequest: String(request++) }),
    });
    expect(atlas.creates).toBe(4);
  });

  test("is announced once, with the direction", async () => {
    const { scene, process, turnClock } = await settled();
    turnClock(byMs);
    await scene.run(process, { forMs: DAY_MS });
    expect(scene.events).toMatchObject([
      {
        type: "Warning",
        reason: "ClockSkewed",
        note: expect.stringContaining(byMs > 0 ? "ahead of Atlas' clock" : "behind Atlas' clock"),
      },
    ]);
  });
});

test("two processes whose clocks are 25 hours apart take turns without passing the daily limit", async () => {
  const { scene, process: first, atlas, turnClock } = await settled();
  scene.stop(first);
  let request = 0;
  for (let turn = 0; turn < 12; turn++) {
    turnClock(turn % 2 === 0 ? 25 * HOUR_MS : -25 * HOUR_MS);
    const process = scene.start({ atlas });
    scene.apply({}, { renewRequest: String(request++) });
    await scene.run(process, { forMs: HOUR_MS });
    scene.stop(process);
  }
  expect(atlas.creates).toBe(4);
});

test("a backoff that a clock a year ahead has written does not outlast the certificate", async () => {
  const { scene, process, atlas, turnClock } = await settled();
  await scene.run(process, { forMs: 58 * DAY_MS });
  turnClock(365 * DAY_MS);
  scene.stop(process);
  atlas.listFault = () => atlasError("unavailable");
  const skewed = scene.start({ atlas });
  await scene.settle(skewed);
  scene.stop(skewed);
  atlas.listFault = () => undefined;
  turnClock(-365 * DAY_MS);
  const later = scene.start({ atlas });
  await scene.run(later, { forMs: 5 * DAY_MS });
  expect([scene.ready(), atlas.creates]).toEqual(["True Issued", 2]);
});

test("a verification that a clock months ahead has dated does not put off the next one", async () => {
  const { scene, process, atlas, turnClock } = await settled();
  scene.putStatus({ ...scene.status(), lastVerifiedTime: "2030-04-01T00:00:00Z" });
  const before = atlas.lists;
  turnClock(0);
  await scene.settle(process);
  expect(atlas.lists).toBe(before + 1);
  expect(Date.parse(scene.status().lastVerifiedTime ?? "")).toBeLessThanOrEqual(scene.clock.now());
});
