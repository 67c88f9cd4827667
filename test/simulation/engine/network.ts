import type { Machine } from "./machine.ts";
import type { Random } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";

/** One call of a process to a server. */
export interface Call {
  readonly service: "kube" | "atlas";
  readonly verb: "get" | "list" | "watch" | "create" | "patch" | "patch status" | "POST" | "GET";
  /** `secrets shop/orders-mongodb`, or `orders of project …`. */
  readonly what: string;
  /** Namespace or project that it concerns; "" for none. */
  readonly scope: string;
  readonly dryRun: boolean;
  /** The errors that stand for no answer: the request was refused on the way, or nobody knows. */
  readonly unanswered: () => Error;
}

/** What goes wrong with a call. */
export type Effect =
  | { readonly kind: "none" }
  /** Nothing happens, and the caller is told why. */
  | { readonly kind: "refused"; readonly error: Error }
  /** It happens, and the caller hears of no answer. */
  | { readonly kind: "answerLost" }
  /** The caller gives up on it, and it happens all the same, later. */
  | { readonly kind: "late"; readonly byMs: number }
  /** The process dies: before it arrives, or after it was carried out. */
  | { readonly kind: "crash"; readonly isCarriedOut: boolean };

export interface Interceptor {
  /** Asked once for each call, when it is sent. */
  effect(call: Call, machine: Machine): Effect;
  /** How much longer than usual calls take now. */
  readonly slowness: number;
}

const UNANSWERED_AFTER_MS = 30_000;

/** Carries calls and answers. Each takes its time, so that whatever runs at once comes in every order. */
export class Network {
  interceptor: Interceptor | undefined;
  /** Told of each call when it is sent. */
  onCall: (call: Call, machine: Machine, effect: Effect) => void = () => {};
  /** Calls of leases that are under way: while there are any, leases are no quiet matter. */
  leaseCalls = 0;
  readonly #scheduler: Scheduler;
  readonly #random: Random;

  constructor(scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler;
    this.#random = random;
  }

  /** How long one way takes. */
  delayMs(): number {
    const slowness = this.interceptor?.slowness ?? 1;
    return this.#random.whole(1, 20 * slowness);
  }

  /** @param execute what the server does with it; what it throws is the answer too */
  call<T>(machine: Machine, call: Call, execute: () => T, signal: AbortSignal | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!machine.isAlive) return;
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const isOfLease = call.what.startsWith("leases");
      if (isOfLease) this.leaseCalls += 1;
      const settle = (finish: () => void) => {
        signal?.removeEventListener("abort", onAbort);
        finish();
      };
      const onAbort = () => reject(signal?.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      const effect = this.interceptor?.effect(call, machine) ?? { kind: "none" };
      this.onCall(call, machine, effect);
      const answer = (afterMs: number, finish: () => void) =>
        this.#scheduler.after(afterMs, () => {
          if (isOfLease) this.leaseCalls -= 1;
          machine.run(() => settle(finish));
        });
      this.#scheduler.after(this.delayMs(), () => {
        if (effect.kind === "crash" && !effect.isCarriedOut) {
          machine.kill();
          if (isOfLease) this.leaseCalls -= 1;
          return;
        }
        if (effect.kind === "refused") {
          answer(this.delayMs(), () => reject(effect.error));
          return;
        }
        // Of a process that has died since, half of the requests were still on their way.
        const isLost = !machine.isAlive && this.#random.chance(0.5);
        if (effect.kind === "late") {
          this.#scheduler.after(UNANSWERED_AFTER_MS + effect.byMs, () => outcome(execute));
          answer(UNANSWERED_AFTER_MS, () => reject(call.unanswered()));
          return;
        }
        const result = isLost ? undefined : outcome(execute);
        if (effect.kind === "crash") machine.kill();
        if (effect.kind === "answerLost") answer(UNANSWERED_AFTER_MS, () => reject(call.unanswered()));
        else {
          answer(this.delayMs(), () => {
            if (result?.ok) resolve(result.value);
            else reject(result?.error);
          });
        }
      });
    });
  }
}

type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

function outcome<T>(execute: () => T): Outcome<T> {
  try {
    return { ok: true, value: execute() };
  } catch (error: unknown) {
    return { ok: false, error };
  }
}
