import { type Clock, MINUTE_MS } from "../../../clock.ts";

/** A difference smaller than this is the rounding of Atlas' whole seconds and the way of its answer. */
const TOLERANCE_MS = 2000;

/** A skew that changes by more than this makes every time that was computed before wrong. */
const MOVED_MS = 30_000;

/** A clock that is further off than this is announced. */
const NOTABLE_MS = 5 * MINUTE_MS;

/**
 * Now by Atlas' clock. Certificates are dated by Atlas, so what is due is judged by its clock: the clock of this machine,
 * corrected by the difference that the last answer showed. Nothing else has to know that a clock may be wrong.
 */
export class AtlasClock {
  readonly #clock: Pick<Clock, "now">;
  readonly #onMoved: () => void;
  #skewMs = 0;
  /** The skew when times were last computed anew. */
  #settledMs = 0;

  /** @param onMoved called when times that were computed before no longer hold */
  constructor(clock: Pick<Clock, "now">, onMoved: () => void = () => {}) {
    this.#clock = clock;
    this.#onMoved = onMoved;
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#clock.now() + this.#skewMs;
  }

  /** How far Atlas' clock is ahead of this machine's, in milliseconds. */
  get skewMs(): number {
    return this.#skewMs;
  }

  /** A time by Atlas' clock as this machine's clock will show it. */
  toLocal(atlasMs: number): number {
    return atlasMs - this.#skewMs;
  }

  /**
   * @param answeredAt the `Date` of an answer that has just arrived
   * @returns the skew in milliseconds, if it has just become notable: more than five minutes
   */
  measure(answeredAt: Date | undefined): number | undefined {
    if (answeredAt === undefined) return undefined;
    const differenceMs = answeredAt.getTime() - this.#clock.now();
    const skewMs = Math.abs(differenceMs) < TOLERANCE_MS ? 0 : differenceMs;
    const isNews = Math.abs(skewMs) > NOTABLE_MS && Math.abs(this.#skewMs) <= NOTABLE_MS;
    this.#skewMs = skewMs;
    if (Math.abs(skewMs - this.#settledMs) > MOVED_MS) {
      this.#settledMs = skewMs;
      this.#onMoved();
    }
    return isNews ? skewMs : undefined;
  }
}
