import type { Clock } from "../clock.ts";
import { CLEARED, whenAborted } from "../deadline.ts";

/** A sleep that can be cut short: by `ring()`, because there is something to do, or by a signal, because it is over. */
export class Alarm {
  readonly #clock: Clock;
  #ringing = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the sleep in progress, or the next one if there is none. */
  ring(): void {
    this.#ringing = true;
    this.#wake?.();
  }

  /** Resolves after `ms` milliseconds or when rung; rejects with the signal's reason. One sleeper at a time. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#ringing) {
      const woken = new AbortController();
      const wake = () => woken.abort(CLEARED);
      this.#wake = wake;
      const unlink = whenAborted(signal, wake);
      try {
        await this.#clock.sleep(ms, woken.signal);
      } catch (error) {
        if (!woken.signal.aborted) throw error;
      } finally {
        // The next sleep may have begun before this one has ended.
        if (this.#wake === wake) this.#wake = undefined;
        unlink();
      }
      signal.throwIfAborted();
    }
    this.#ringing = false;
  }
}
