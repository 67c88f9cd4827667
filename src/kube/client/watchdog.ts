import type { Clock } from "../../clock.ts";

/** Barks once when it has not been fed for a time. One timer, however often it is fed. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #stop = new AbortController();
  #fedAt = 0;
  #barked = false;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  get barked(): boolean {
    return this.#barked;
  }

  /** @param bark called at most once */
  start(bark: () => void): void {
    this.feed();
    this.#watch(bark).catch(() => {
      // Stopped: the only way a sleep can fail.
    });
  }

  feed(): void {
    this.#fedAt = this.#clock.monotonic();
  }

  stop(): void {
    this.#stop.abort();
  }

  async #watch(bark: () => void): Promise<void> {
    for (;;) {
      const left = this.#fedAt + this.#timeoutMs - this.#clock.monotonic();
      if (left <= 0) {
        this.#barked = true;
        bark();
        return;
      }
      await this.#clock.sleep(left, this.#stop.signal);
    }
  }
}
