import { expect, onTestFinished, test } from "vitest";
import type { UserCertificate } from "../api/parse-user-certificate.ts";
import { MINUTE_MS } from "../clock.ts";
import { resource, SETTLED_STATUS } from "../controllers/user-certificate/testing/snapshots.ts";
import { silentLog } from "../kube/log.ts";
import { http } from "../testing/http.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { Instruments } from "./instruments.ts";

/** The servers of a process whose parts are in the state that the test puts them into. */
async function serve() {
  const clock = new ManualClock();
  const reflector = {
    isSynced: false,
    lastProgressAt: undefined as number | undefined,
    synced: Promise.resolve(),
    start: async () => {},
    statistics: { lists: 0, watches: 0, events: 0, failures: 0, handlerErrors: 0, skipped: 0 },
  };
  const queue = { depth: 0, delayed: 0, atWork: 0, stuck: 0, oldestWaitMs: 0, lastFinishedAt: 0 };
  const projects = { oldestWaitMs: 0, lastFinishedAt: 0 };
  const lease = { held: true, ageMs: 0 as number | undefined };
  const shutdown = new AbortController();
  const addresses: string[] = [];
  const log = {
    ...silentLog,
    info: (fields: object) => {
      const address: unknown = Reflect.get(fields, "address");
      if (typeof address === "string") addresses.push(address);
    },
  };
  const resources: UserCertificate[] = [];
  const skew = { ms: 0 };
  const instruments = new Instruments({ clock, log });
  onTestFinished(() => instruments.close());
  await instruments.serve(
    { health: { host: "127.0.0.1", port: 0 }, metrics: { host: "127.0.0.1", port: 0 } },
    {
      controller: {
        queue,
        resources: () => resources.values(),
        parked: 2,
        get skewMs() {
          return skew.ms;
        },
      },
      kinds: { projects: () => [], removals: () => [], queues: new Map([["atlasprojectx509s", projects]]) },
      watches: [{ name: "atlasusercertificates", namespace: "shop", reflector }],
      events: { sent: 0, dropped: 0, pending: 0 },
      pacer: { groupIds: () => [], tokensLeft: () => 0, unconfirmedTokensLeft: () => undefined },
      lease,
      leaseDurationMs: 15_000,
      shutdown: shutdown.signal,
    },
  );
  // Metrics are served before health.
  const [metricsAddress, healthAddress] = addresses;
  const get = async (path: string) => {
    const answer = await http(`http://${path === "/metrics" ? metricsAddress : healthAddress}${path}`);
    return [answer.status, await answer.text()] as const;
  };
  return { clock, reflector, queue, projects, lease, instruments, resources, skew, shutdown, get };
}

test("is ready from the first complete list on, and not while a watch is stale: no restart would help there", async () => {
  const { clock, reflector, get } = await serve();
  expect(await get("/readyz")).toEqual([
    500,
    "[-]caches-synced failed: not listed yet: atlasusercertificates in shop\n[+]watches-fresh ok\n[+]shutdown ok\n" +
      "readyz check failed\n",
  ]);
  reflector.isSynced = true;
  reflector.lastProgressAt = clock.monotonic();
  expect(await get("/readyz")).toEqual([200, "ok"]);
  await clock.advance(4 * MINUTE_MS);
  expect(await get("/readyz")).toEqual([
    500,
    "[+]caches-synced ok\n[-]watches-fresh failed: heard nothing from the API server of atlasusercertificates in shop " +
      "for 240 s\n[+]shutdown ok\nreadyz check failed\n",
  ]);
  expect(await get("/livez")).toEqual([200, "ok"]);
  reflector.lastProgressAt = clock.monotonic();
  expect(await get("/readyz?verbose")).toEqual([
    200,
    "[+]caches-synced ok\n[+]watches-fresh ok\n[+]shutdown ok\nreadyz check passed\n",
  ]);
});

test("is alive while a certificate waits in memory, and not while the queue stands still for nothing", async () => {
  const { clock, queue, instruments, get } = await serve();
  const working = new AbortController();
  instruments.working(working.signal);
  instruments.queueObserver.started?.("shop/orders-api", 0);
  instruments.creates("shop/orders-api");
  await clock.advance(20 * MINUTE_MS);
  queue.oldestWaitMs = 19 * MINUTE_MS;
  expect(await get("/livez")).toEqual([200, "ok"]);
  instruments.queueObserver.finished?.("shop/orders-api", 0, "done");
  expect((await get("/livez"))[1]).toContain(
    "[-]work-queue failed: one of the atlasusercertificates has been due for 1140 s, and no run has ended for 1200 s\n",
  );
  // No longer the leader: what waits is another's to do.
  working.abort();
  expect(await get("/livez")).toEqual([200, "ok"]);
});

test("is not alive while another queue stands still or one of its runs does not end, unless a certificate is at stake", async () => {
  const { clock, projects, instruments, get } = await serve();
  instruments.working(new AbortController().signal);
  const runs = instruments.runsOf("atlasprojectx509s");
  await clock.advance(6 * MINUTE_MS);
  projects.oldestWaitMs = 6 * MINUTE_MS;
  expect((await get("/livez"))[1]).toContain(
    "[-]work-queue failed: one of the atlasprojectx509s has been due for 360 s",
  );
  projects.oldestWaitMs = 0;
  runs.started?.("production", 0);
  await clock.advance(16 * MINUTE_MS);
  expect((await get("/livez"))[1]).toContain("[-]work-queue failed: a run has gone on for 960 s");
  instruments.queueObserver.started?.("production", 0);
  instruments.creates("production");
  expect(await get("/livez")).toEqual([200, "ok"]);
  instruments.queueObserver.finished?.("production", 0, "done");
  expect((await get("/livez"))[0]).toBe(500);
  runs.finished?.("production", 0, "done");
  expect(await get("/livez")).toEqual([200, "ok"]);
});

test("is not alive as a leader whose renewal is dead, and not ready once the shutdown has begun", async () => {
  const { reflector, lease, shutdown, get } = await serve();
  reflector.isSynced = true;
  lease.ageMs = 16_000;
  expect((await get("/livez"))[1]).toContain("[-]lease failed: the last renewal was 16 s ago");
  lease.ageMs = undefined;
  expect(await get("/livez")).toEqual([200, "ok"]);
  expect(await get("/readyz")).toEqual([200, "ok"]);
  shutdown.abort();
  expect((await get("/readyz"))[0]).toBe(500);
  expect(await get("/livez")).toEqual([200, "ok"]);
});

test("the metrics show parked certificates and the clock's skew", async () => {
  const { skew, get } = await serve();
  skew.ms = -90_000;
  const [, text] = await get("/metrics");
  expect(text).toMatch(/^atlascerts_parked_certificates 2$/m);
  expect(text).toMatch(/^atlascerts_clock_skew_seconds -90$/m);
});

test("a renewal is overdue by Atlas' clock, whatever the node's clock says", async () => {
  const { clock, resources, skew, get } = await serve();
  resources.push(resource({ status: SETTLED_STATUS }));
  const renewalMs = Date.parse(SETTLED_STATUS.renewalTime ?? "");
  skew.ms = renewalMs - clock.now() - 1;
  expect((await get("/metrics"))[1]).toMatch(/^atlascerts_renewals_overdue 0$/m);
  skew.ms += 1;
  expect((await get("/metrics"))[1]).toMatch(/^atlascerts_renewals_overdue 1$/m);
});
