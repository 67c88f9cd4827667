import { onTestFinished } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { Reflector, type ReflectorOptions } from "../../../src/kube/cache/reflector.ts";
import type { Stored, StoreEvent } from "../../../src/kube/cache/store.ts";
import type { KubeClient } from "../../../src/kube/client/kube-client.ts";
import { SECRETS } from "../../../src/kube/core-types.ts";
import { KubeError } from "../../../src/kube/kube-error.ts";
import { silentLog } from "../../../src/kube/log.ts";
import type { KubeObject } from "../../../src/kube/resource-type.ts";
import { rest } from "../../control-plane/control-plane.ts";
import type { Rest } from "../../control-plane/rest.ts";

const LABELS = { test: "reflector" };
const SELECTOR = "test=reflector";

/** Deletes a Secret, as another client would. */
export async function removeSecret(namespace: string, name: string, send: Rest = rest): Promise<void> {
  const { status } = await send("DELETE", `/api/v1/namespaces/${namespace}/secrets/${name}`);
  if (status !== 200) throw new Error(`Secret ${name} could not be deleted (${status})`);
}

/** Starts a reflector of the Secrets that `secret` makes; it ends with the running test. */
export function reflect(
  client: Pick<KubeClient, "list" | "watch">,
  options: Partial<ReflectorOptions<Stored, KubeObject>> = {},
) {
  const events: string[] = [];
  const failures: unknown[] = [];
  /** What there is if only the events are believed; an event that does not fit into that is a failure of the test. */
  const told = new Map<string, string>();
  const misfits: string[] = [];
  const believe = ({ kind, key, object }: StoreEvent<Stored>) => {
    const fits = kind === "added" ? !told.has(key) : told.get(key) === object.uid;
    if (!fits) misfits.push(`${kind} ${key} ${object.uid}, and there was ${told.get(key)}`);
    if (kind === "deleted") told.delete(key);
    else told.set(key, object.uid);
  };
  const note = (fields: object) => {
    const error: unknown = Reflect.get(fields, "err");
    if (error !== undefined) failures.push(KubeError.is(error) ? error.reason : error);
  };
  const reflector = new Reflector<Stored>({
    client,
    type: SECRETS,
    labelSelector: SELECTOR,
    metadataOnly: true,
    project: ({ metadata: { namespace, name, uid, resourceVersion } }) => ({ namespace, name, uid, resourceVersion }),
    onEvent: (event) => {
      events.push(`${event.kind} ${event.object.name}`);
      believe(event);
    },
    clock: systemClock,
    random: Math.random,
    log: { ...silentLog, debug: note, warn: note },
    ...options,
  });
  const stop = new AbortController();
  const running = reflector.start(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await running;
  });
  return {
    reflector,
    events,
    failures,
    misfits,
    uids: () => uidsOf(reflector.store.values()),
    toldUids: () => [...told].map(([key, uid]) => `${key.slice(key.indexOf("/") + 1)} ${uid}`).toSorted(),
  };
}

function uidsOf(objects: Iterable<Stored>): readonly string[] {
  return [...objects].map(({ name, uid }) => `${name} ${uid}`).toSorted();
}

/** The same of what the API server has. */
export async function listUids(client: KubeClient, namespace: string): Promise<readonly string[]> {
  const all: Stored[] = [];
  for await (const page of client.list(SECRETS, { namespace, labelSelector: SELECTOR, metadataOnly: true })) {
    all.push(...page.items.map((item) => item.metadata));
  }
  return uidsOf(all);
}

export function secret(namespace: string, name: string) {
  return { metadata: { namespace, name, labels: LABELS } };
}
