import type { Clock } from "../clock.ts";

interface Run {
  readonly startedAt: number;
  holdsCertificate: boolean;
}

/** The runs that are going on, how long they have, and which of them a restart would cost a certificate. */
export class RunsUnderWay {
  readonly #clock: Clock;
  readonly #runs = new Map<string, Run>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  started(key: string): void {
    this.#runs.set(key, { startedAt: this.#clock.monotonic(), holdsCertificate: false });
  }

  finished(key: string): void {
    this.#runs.delete(key);
  }

  /** From now on the run asks for a certificate, or holds one that is in no Secret yet. */
  creates(key: string): void {
    const run = this.#runs.get(key);
    if (run !== undefined) run.holdsCertificate = true;
  }

  /** Whether the end of the process would lose a certificate. */
  get holdCertificate(): boolean {
    return [...this.#runs.values()].some((run) => run.holdsCertificate);
  }

  /** For how long the longest has gone on, in milliseconds; 0 if there is none. */
  get longestMs(): number {
    const starts = [...this.#runs.values()].map(({ startedAt }) => startedAt);
    return starts.length === 0 ? 0 : this.#clock.monotonic() - Math.min(...starts);
  }
}
