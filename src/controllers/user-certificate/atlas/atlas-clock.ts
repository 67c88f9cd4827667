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
  readonly #clock: Pick<Clock, "now" | "monotonic">;
  readonly #onMoved: () => void;
  #skewMs = 0;
  /** This machine's clocks at the last measurement. */
  #measured: { readonly now: number; readonly monotonic: number } | undefined;
  /** The skew when times were last recomputed. */
  #settledMs = 0;

  /** @param onMoved called when times that were computed before no longer hold */
  constructor(clock: Pick<Clock, "now" | "monotonic">, onMoved: () => void = () => {}) {
    this.#clock = clock;
    this.#onMoved = onMoved;
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#clock.now() + this.#skewMs;
  }

  /** Whether an answer of Atlas has told the time, and this machine's clock was not set since. */
  get isMeasured(): boolean {
    if (this.#measured === undefined) return false;
    const { now, monotonic } = this.#measured;
    return Math.abs(this.#clock.now() - now - (this.#clock.monotonic() - monotonic)) < MOVED_MS;
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
   * @param askedMs when it was asked for, by this machine's clock: an answer may have been long on its way, or the process
   * may have been stopped before it could read it
   * @returns the skew in milliseconds, if it has just become notable: more than five minutes
   */
  measure(answeredAt: Date | undefined, askedMs: number): number | undefined {
    if (answeredAt === undefined) return undefined;
    const nowMs = this.#clock.now();
    this.#measured = { now: nowMs, monotonic: this.#clock.monotonic() };
    const answeredMs = answeredAt.getTime();
    // Of what the answer leaves possible, the skew that is nearest to the one known before.
    const differenceMs = Math.max(answeredMs - nowMs, Math.min(this.#skewMs, answeredMs - askedMs));
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
