import { ManualClock } from "../../testing/manual-clock.ts";
import { EVENTS, type EventReport } from "../events/event-object.ts";
import { EventRecorder, type EventRecorderOptions } from "../events/event-recorder.ts";
import { KubeError } from "../kube-error.ts";
import { silentLog } from "../log.ts";
import { MemoryApi } from "./memory-api.ts";

/** The answer of an API server that cannot be reached. */
export const away = new KubeError({ reason: "Network", operation: "create" });

/** An Event to record, with the fields that matter to the test. */
export function report(more: Partial<EventReport> = {}): EventReport {
  return {
    regarding: { apiVersion: "example.org/v1", kind: "Widget", namespace: "n", name: "a", uid: "u1" },
    type: "Normal",
    reason: "Issued",
    action: "Issue",
    note: "issued serial 1",
    ...more,
  };
}

/** A recorder that runs, over an API server in memory. `events` gives what it created there. */
export function eventRig(options: Partial<EventRecorderOptions> = {}) {
  const clock = new ManualClock();
  const api = new MemoryApi();
  let number = 0;
  const recorder = new EventRecorder({
    client: api,
    controller: "example.org/operator",
    instance: "pod-1",
    clock,
    random: () => {
      number += 1;
      return number / 1e6;
    },
    log: silentLog,
    ...options,
  });
  const stop = new AbortController();
  const running = recorder.start(stop.signal);
  const events = () =>
    api.calls.filter((call) => call.verb === "create").map((call) => api.stored(EVENTS, refOf(call.key)));
  return { clock, api, recorder, stop, running, events };
}

/** The object of a call, from its key. */
export function refOf(key: string) {
  const [namespace = "", name = ""] = key.slice(key.indexOf(" ") + 1).split("/");
  return { namespace, name };
}
