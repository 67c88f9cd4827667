import { ManualClock } from "../../testing/manual-clock.ts";
import { until } from "../../testing/settle.ts";
import { Reflector, type ReflectorOptions } from "../cache/reflector.ts";
import type { Stored, StoreEvent } from "../cache/store.ts";
import { KubeClient } from "../client/kube-client.ts";
import { silentLog } from "../log.ts";
import { WIDGETS, type Widget, WidgetServer } from "./widget-server.ts";

export interface Kept extends Stored {
  readonly size: number;
}

export const project = ({ metadata, spec }: Widget): Kept => ({
  namespace: metadata.namespace,
  name: metadata.name,
  uid: metadata.uid,
  resourceVersion: metadata.resourceVersion,
  size: spec.size,
});

/** A reflector over real connections. Its waits are on `clock`; those of the connections on `netClock`. */
export async function reflectorRig(
  options: Partial<ReflectorOptions<Kept, Widget>> & { objects?: readonly string[] } = {},
) {
  const server = await WidgetServer.start();
  for (const name of options.objects ?? ["a", "b"]) {
    server.put(name);
  }
  const clock = new ManualClock();
  const netClock = new ManualClock();
  const client = new KubeClient({ kubeConfig: server.http.kubeConfig, userAgent: "test", clock: netClock });
  const events: string[] = [];
  const reflector = new Reflector<Kept, Widget>({
    client,
    type: WIDGETS,
    project,
    onEvent: (event) => events.push(describeEvent(event)),
    clock,
    random: () => 0,
    log: silentLog,
    ...options,
  });
  const stop = new AbortController();
  const running = reflector.start(stop.signal);
  return {
    server,
    clock,
    netClock,
    reflector,
    events,
    stop,
    running,
    names: () => [...reflector.store.values()].map((object) => object.name).toSorted(),
    /** Waits until the reflector watches, and forgets the events so far. */
    watching: async () => {
      await until(() => server.watching === 1, "the reflector watches");
      await reflector.synced;
      events.length = 0;
    },
    /** Waits until the reflector has failed and waits, and lets it go on. Gives how long it waited. */
    backOff: async () => {
      await until(() => clock.sleeping === 1, "the reflector backs off");
      const waitMs = clock.nextWakeMs ?? 0;
      await clock.advance(waitMs);
      return waitMs;
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
      await client.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

function describeEvent(event: StoreEvent<Kept>): string {
  return `${event.kind} ${event.key} ${event.object.uid}`;
}
