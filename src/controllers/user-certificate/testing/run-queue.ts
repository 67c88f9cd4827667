import type { Outcome } from "../../../kube/queue/work-queue.ts";
import type { ManualClock } from "../../../testing/manual-clock.ts";

export interface RunOptions {
  readonly forMs: number;
  /** Interval at which something happens, in milliseconds. @default never */
  readonly everyMs?: number;
  readonly happens?: () => void | Promise<void>;
  /** The resources, in the namespace of the scene. @default "orders-api" alone */
  readonly names?: readonly string[];
}

interface Reconciles {
  readonly clock: ManualClock;
  /** Keys of resources that were made due; they are taken out. */
  readonly woken: string[];
  readonly reconcile: (name: string) => Promise<Outcome>;
}

/** Works as the queue does for a time: each resource whenever it is due, was woken, or something happened. */
export async function runQueue({ clock, reconcile, woken }: Reconciles, options: RunOptions): Promise<void> {
  const { forMs, everyMs = forMs, happens, names = ["orders-api"] } = options;
  const end = clock.now() + forMs;
  const due = new Map(names.map((name) => [name, clock.now()]));
  let tickAt = clock.now() + everyMs;
  for (let count = 0; ; count++) {
    if (count > 10_000) throw new Error("it never rests");
    for (const key of woken.splice(0)) due.set(key.slice(key.indexOf("/") + 1), clock.now());
    const [name, at] = [...due].toSorted((left, right) => left[1] - right[1])[0] ?? ["", Number.POSITIVE_INFINITY];
    const nextMs = Math.min(at, tickAt, end);
    clock.advanceNow(Math.max(0, nextMs - clock.now()));
    if (nextMs === end) return;
    if (nextMs === tickAt) {
      tickAt += everyMs;
      await happens?.();
      for (const one of names) due.set(one, clock.now());
      continue;
    }
    due.delete(name);
    const outcome = await reconcile(name).catch(() => ({ kind: "again", at: clock.now() + 5000 }) as const);
    if (outcome.kind === "again" && !due.has(name)) due.set(name, outcome.at);
  }
}
