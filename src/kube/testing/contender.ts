import { ManualClock } from "../../testing/manual-clock.ts";
import { Lease, type LeaseOptions } from "../lease/lease.ts";
import { LEASES } from "../lease/lease-object.ts";
import { silentLog } from "../log.ts";
import { MemoryApi, type SeenCall } from "./memory-api.ts";

export const REF = { namespace: "system", name: "operator" };

/** One process that contends, with its own connection to the API server. */
export class Contender {
  readonly lease: Lease;
  readonly stop = new AbortController();
  leading: AbortSignal | undefined;
  /** Lets `lead` finish; otherwise it does so as soon as its signal aborts. */
  lingering = false;
  finish = () => {};
  outcome: Promise<unknown> = Promise.resolve();
  fault: MemoryApi["fault"] = () => undefined;
  readonly clock: ManualClock;

  constructor(api: MemoryApi, clock: ManualClock, identity: string, options: Partial<LeaseOptions> = {}) {
    this.clock = clock;
    const client = {
      get: this.#through(api, api.get),
      create: this.#through(api, api.create),
      mergePatch: this.#through(api, api.mergePatch),
    };
    this.lease = new Lease({ client, ...REF, identity, clock, random: () => 0, log: silentLog, ...options });
  }

  start(): this {
    this.outcome = this.lease
      .run({
        signal: this.stop.signal,
        lead: async (signal) => {
          this.leading = signal;
          await new Promise<void>((resolve) => {
            this.finish = resolve;
            if (!this.lingering) {
              signal.addEventListener("abort", () => resolve());
            }
          });
          this.leading = undefined;
        },
      })
      .then(
        () => "ended",
        (error: unknown) => error,
      );
    return this;
  }

  /** Calls of this contender meet its own faults. */
  #through<A extends unknown[], R>(api: MemoryApi, method: (...args: A) => Promise<R>) {
    return (...args: A): Promise<R> => {
      api.fault = (call: SeenCall) => this.fault(call);
      return method.apply(api, args);
    };
  }
}

/** A clock and an API server for contenders, and what the Lease says. */
export function stage() {
  const clock = new ManualClock();
  const api = new MemoryApi();
  return { clock, api, spec: () => api.stored(LEASES, REF)?.spec };
}

/** Advances by tenths of a second until the condition holds; gives how many milliseconds that took. */
export async function timeUntil(clock: ManualClock, condition: () => boolean): Promise<number> {
  const from = clock.monotonic();
  while (!condition()) {
    if (clock.monotonic() - from > 60_000) {
      throw new Error("waited in vain for a minute");
    }
    await clock.advance(100);
  }
  return clock.monotonic() - from;
}
