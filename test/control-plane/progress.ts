import type { Clock } from "../../src/clock.ts";

/** How often a step that takes long says that it still works, where lines can't be written over. */
const HEARTBEAT_MS = 10_000;
/** How often the elapsed time in a terminal moves. */
const TICK_MS = 1_000;

/** Says how far a step is, such as `312 of 1000`. */
export type Report = (state: string) => void;

/** Where code that may take minutes says what it is doing. */
export interface Progress {
  /** One line of information. */
  line(text: string): void;
  /**
   * Runs `work` and shows `text` with the elapsed time and what it last reported; gives what `work` gives and throws what it
   * throws.
   */
  step<T>(text: string, work: (report: Report) => Promise<T>): Promise<T>;
}

/** The part of a `tty.WriteStream` that progress is written to. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/**
 * Progress for a person: in a terminal the line of a step is written over every second with the elapsed time, in a
 * log it stands once at the start, every 10 s, and once at the end.
 */
export function streamProgress(stream: ProgressStream, clock: Clock): Progress {
  return {
    line: (text) => stream.write(`${text}\n`),
    step: async (text, work) => {
      const startedMs = clock.monotonic();
      const elapsed = () => formatElapsed(clock.monotonic() - startedMs);
      let state = "";
      const over = (line: string) => stream.write(`\r\x1b[2K${line.slice(0, stream.columns ?? 80)}`);
      stream.write(stream.isTTY ? `${text} …` : `${text} …\n`);
      const ended = new AbortController();
      const ticking = repeat(clock, stream.isTTY ? TICK_MS : HEARTBEAT_MS, ended.signal, () =>
        stream.isTTY ? over(`${text} … ${elapsed()}${state}`) : stream.write(`${text} … ${elapsed()} so far${state}\n`),
      );
      const end = (outcome: string) => stream.write(`${stream.isTTY ? "\r\x1b[2K" : ""}${text} … ${outcome}\n`);
      try {
        const result = await work((reported) => {
          state = `, ${reported}`;
        });
        end(elapsed());
        return result;
      } catch (error: unknown) {
        end(`failed after ${elapsed()}`);
        throw error;
      } finally {
        ended.abort();
        await ticking;
      }
    },
  };
}

/** Says nothing. */
export const silentProgress: Progress = { line: () => {}, step: (_text, work) => work(() => {}) };

/** `850 ms`, `12 s` or `4 min 51 s`. */
export function formatElapsed(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  const seconds = Math.round(milliseconds / 1_000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

async function repeat(clock: Clock, everyMs: number, signal: AbortSignal, action: () => void): Promise<void> {
  while (!signal.aborted) {
    try {
      await clock.sleep(everyMs, signal);
    } catch (error: unknown) {
      if (signal.aborted) return;
      throw error;
    }
    action();
  }
}
