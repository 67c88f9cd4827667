import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { SECRETS } from "../../../src/kube/core-types.ts";
import { EVENTS, type EventObject } from "../../../src/kube/events/event-object.ts";
import { EventRecorder } from "../../../src/kube/events/event-recorder.ts";
import { silentLog } from "../../../src/kube/log.ts";
import { freshNamespace } from "../../control-plane/control-plane.ts";
import { connect } from "./connect.ts";

test("the API server takes an Event and its repetitions", async () => {
  const client = await connect();
  const namespace = await freshNamespace();
  const { metadata } = await client.create(SECRETS, { metadata: { namespace, name: "a" } });
  const recorder = new EventRecorder({
    client,
    controller: "example.org/operator",
    instance: "pod-1",
    clock: systemClock,
    random: Math.random,
    log: silentLog,
    seriesIntervalMs: 50,
  });
  const stop = new AbortController();
  const running = recorder.start(stop.signal);
  onTestFinished(() => stop.abort());
  const report = {
    regarding: { apiVersion: "v1", kind: "Secret", namespace, name: "a", uid: metadata.uid },
    type: "Warning" as const,
    reason: "SecretForeign",
    action: "Issue",
    note: `it belongs to somebody else ${"ü".repeat(1000)}`,
  };
  recorder.record(report);
  await expect.poll(() => recorder.sent).toBe(1);
  recorder.record(report);
  recorder.record(report);
  stop.abort();
  await running;
  await recorder.flush(AbortSignal.timeout(5000));
  const events: EventObject[] = [];
  for await (const page of client.list(EVENTS, { namespace })) {
    events.push(...page.items);
  }
  expect([recorder.dropped, events.map((event) => [event.reason, event.series?.count])]).toEqual([
    0,
    [["SecretForeign", 3]],
  ]);
});
