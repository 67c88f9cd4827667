import { expect, test } from "vitest";
import { SECRETS } from "../../../src/kube/core-types.ts";
import { freshNamespace } from "../../control-plane/control-plane.ts";
import { apiServerUrl, connect } from "./connect.ts";
import { DELAY_MS, FaultProxy } from "./fault-proxy.ts";
import { listUids, reflect, removeSecret, secret } from "./reflecting.ts";

/** A reflector of the real API server, and a network between the two that does what networks do. */

const RECOVERED = { timeout: 30_000 };

test("comes back from resets and refused connections", async () => {
  const admin = await connect();
  const namespace = await freshNamespace();
  await using proxy = await FaultProxy.start(await apiServerUrl());
  const r = reflect(await connect({ through: proxy.url }), { namespace });
  await r.reflector.synced;
  await admin.create(SECRETS, secret(namespace, "a"));
  await expect.poll(() => r.events, RECOVERED).toEqual(["added a"]);
  proxy.weather = "refuse";
  proxy.reset();
  await admin.create(SECRETS, secret(namespace, "b"));
  await removeSecret(namespace, "a");
  await expect.poll(() => r.failures.length, RECOVERED).toBeGreaterThan(2);
  expect(r.events, "nothing is known of what happens meanwhile").toEqual(["added a"]);
  proxy.weather = "fair";
  await expect.poll(() => r.uids(), RECOVERED).toEqual(await listUids(admin, namespace));
  expect([r.events.toSorted(), new Set(r.failures)]).toEqual([
    ["added a", "added b", "deleted a"],
    new Set(["Network"]),
  ]);
});

/** Of these bytes TLS makes several records: what of them arrives is the beginning of a line, and no more. */
const LINE_BYTES = 100_000;
const CUT_AFTER_BYTES = 40_000;

test("a watch that is cut in the middle of a line believes nothing of it, and gets it whole from the next", async () => {
  const admin = await connect();
  const namespace = await freshNamespace();
  await using proxy = await FaultProxy.start(await apiServerUrl());
  const sizes: number[] = [];
  const r = reflect(await connect({ through: proxy.url }), {
    namespace,
    metadataOnly: false,
    project: (object) => {
      sizes.push(JSON.stringify(object).length);
      const { name, uid, resourceVersion } = object.metadata;
      return { namespace, name, uid, resourceVersion };
    },
  });
  await r.reflector.synced;
  await expect.poll(() => r.reflector.statistics.watches, RECOVERED).toBe(1);
  proxy.cutAfter(CUT_AFTER_BYTES);
  await admin.create(SECRETS, { ...secret(namespace, "a"), data: { key: "A".repeat(LINE_BYTES) } });
  await expect.poll(() => r.failures, RECOVERED).toEqual(["Network"]);
  expect(r.events).toEqual([]);
  await expect.poll(() => r.events, RECOVERED).toEqual(["added a"]);
  expect([sizes.length, r.reflector.statistics.lists]).toEqual([1, 1]);
  expect(sizes[0]).toBeGreaterThan(LINE_BYTES);
});

test("notices a connection that is only half there", async () => {
  const admin = await connect();
  const namespace = await freshNamespace();
  await using proxy = await FaultProxy.start(await apiServerUrl());
  const client = await connect({ through: proxy.url, timeoutMs: 2000 });
  const r = reflect(client, { namespace, silenceTimeoutMs: 2000 });
  await r.reflector.synced;
  await expect.poll(() => r.reflector.statistics.watches, RECOVERED).toBeGreaterThan(0);
  proxy.weather = "blackhole";
  await admin.create(SECRETS, secret(namespace, "a"));
  await expect.poll(() => r.failures, RECOVERED).toContain("Timeout");
  proxy.weather = "fair";
  await expect.poll(() => r.uids(), RECOVERED).toEqual(await listUids(admin, namespace));
});

test("a slow network loses nothing and is no failure", async () => {
  const admin = await connect();
  const namespace = await freshNamespace();
  await using proxy = await FaultProxy.start(await apiServerUrl());
  proxy.weather = "slow";
  const startedAt = performance.now();
  const r = reflect(await connect({ through: proxy.url }), { namespace });
  await r.reflector.synced;
  expect(performance.now() - startedAt, "each way is delayed").toBeGreaterThan(2 * DELAY_MS);
  for (const name of ["a", "b", "c"]) await admin.create(SECRETS, secret(namespace, name));
  await removeSecret(namespace, "b");
  await expect.poll(() => r.events, RECOVERED).toEqual(["added a", "added b", "added c", "deleted b"]);
  expect([r.failures, r.uids()]).toEqual([[], await listUids(admin, namespace)]);
});

/** What befalls the network, in turns. All but a slow one end the watch. */
const FAULTS: readonly ((proxy: FaultProxy) => void)[] = [
  (proxy) => proxy.reset(),
  (proxy) => proxy.cutAfter(300),
  (proxy) => {
    proxy.weather = "blackhole";
  },
  (proxy) => {
    proxy.weather = "refuse";
    proxy.reset();
  },
  (proxy) => {
    proxy.weather = "slow";
  },
];
const STEPS = 1000;
const STEPS_A_FAULT = 50;

test("after 1,000 creates and deletes in all weathers it has what the API server has, uid by uid", {
  timeout: 180_000,
}, async () => {
  const admin = await connect({ requestsPerSecond: 2000, burst: 2000 });
  const namespace = await freshNamespace();
  await using proxy = await FaultProxy.start(await apiServerUrl());
  const client = await connect({ through: proxy.url, timeoutMs: 2500 });
  const r = reflect(client, { namespace, silenceTimeoutMs: 1500, pageSize: 20, random: () => 0 });
  const { statistics } = r.reflector;
  await expect.poll(() => statistics.watches, RECOVERED).toBe(1);
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const present = new Set<string>();
  const createOrDelete = async (name: string) => {
    if (present.delete(name)) {
      await removeSecret(namespace, name);
    } else {
      await admin.create(SECRETS, secret(namespace, name));
      present.add(name);
    }
  };
  for (let fault = 0; fault < STEPS / STEPS_A_FAULT; fault += 1) {
    const before = { ...statistics };
    FAULTS[fault % FAULTS.length]?.(proxy);
    for (let step = 0; step < STEPS_A_FAULT; step += 1) await createOrDelete(`object-${random(60)}`);
    if (proxy.weather !== "slow") {
      await expect.poll(() => statistics.failures, RECOVERED).toBeGreaterThan(before.failures);
    }
    proxy.weather = "fair";
    // It watches again, or the next fault would meet nothing.
    if (statistics.failures > before.failures) {
      await expect.poll(() => statistics.watches, RECOVERED).toBeGreaterThan(before.watches);
    }
  }
  const expected = await listUids(admin, namespace);
  expect(expected.length).toBe(present.size);
  await expect.poll(() => r.uids(), { timeout: 60_000 }).toEqual(expected);
  expect(proxy.delayed).toBeGreaterThan(0);
  // Whoever has only listened to the events knows the same, and was never told nonsense.
  expect([r.toldUids(), r.misfits]).toEqual([expected, []]);
});
