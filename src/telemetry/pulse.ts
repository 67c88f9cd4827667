import type { Clock } from "../clock.ts";

const BEAT_MS = 1_000;

/** Beats once a second as long as the event loop turns. */
export class Pulse {
  readonly #clock: Clock;
  #lastBeatAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastBeatAt = clock.monotonic();
  }

  /** How long ago it last beat, in milliseconds. */
  get ageMs(): number {
    return this.#clock.monotonic() - this.#lastBeatAt;
  }

  /** Beats until the signal aborts, then resolves. */
  async start(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#lastBeatAt = this.#clock.monotonic();
      await this.#clock.sleep(BEAT_MS, signal).catch(() => {
        // Aborted: the only way a sleep can fail.
      });
    }
  }
}
