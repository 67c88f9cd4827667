import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/clock.ts";
import { formatElapsed, streamProgress } from "./progress.ts";

/** A clock whose sleepers wake when a test moves it. */
class HandClock implements Clock {
  #nowMs = 0;
  #sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sleepers.push({ atMs: this.#nowMs + ms, wake: resolve });
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  async move(ms: number): Promise<void> {
    this.#nowMs += ms;
    const due = this.#sleepers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#sleepers = this.#sleepers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { wake } of due) wake();
    await new Promise(setImmediate);
  }
}

function recorder(isTTY: boolean, columns = 80) {
  const clock = new HandClock();
  const written: string[] = [];
  const progress = streamProgress({ isTTY, columns, write: (text) => written.push(text) }, clock);
  return { clock, written, progress };
}

describe("a step in a log", () => {
  it("stands at its start, every 10 s and at its end", async () => {
    const { clock, written, progress } = recorder(false);
    const work = Promise.withResolvers<void>();
    const step = progress.step("building etcd", () => work.promise);
    await clock.move(10_000);
    await clock.move(50_000);
    await clock.move(2_000);
    work.resolve();
    await step;
    expect(written).toEqual([
      "building etcd …\n",
      "building etcd … 10 s so far\n",
      "building etcd … 1 min 0 s so far\n",
      "building etcd … 1 min 2 s\n",
    ]);
  });

  it("says how far it is", async () => {
    const { clock, written, progress } = recorder(false);
    const work = Promise.withResolvers<void>();
    const step = progress.step("building etcd", (report) => {
      report("311 packages");
      report("312 packages");
      return work.promise;
    });
    await clock.move(10_000);
    work.resolve();
    await step;
    expect(written.slice(1)).toEqual(["building etcd … 10 s so far, 312 packages\n", "building etcd … 10 s\n"]);
  });

  it("says nothing more after its end", async () => {
    const { clock, written, progress } = recorder(false);
    await progress.step("building etcd", async () => {});
    const count = written.length;
    await clock.move(60_000);
    expect(written).toHaveLength(count);
  });

  it("says that it failed, and throws what the work threw", async () => {
    const { written, progress } = recorder(false);
    const step = progress.step("building etcd", () => Promise.reject(new Error("no space left")));
    await expect(step).rejects.toThrow("no space left");
    expect(written.at(-1)).toBe("building etcd … failed after 0 ms\n");
  });

  it("gives what the work gives", async () => {
    const { progress } = recorder(false);
    expect(await progress.step("adding", async () => 2)).toBe(2);
  });
});

describe("a step in a terminal", () => {
  it("is written over every second", async () => {
    const { clock, written, progress } = recorder(true);
    const work = Promise.withResolvers<void>();
    const step = progress.step("building etcd", () => work.promise);
    await clock.move(1_000);
    work.resolve();
    await step;
    expect(written).toEqual(["building etcd …", "\r\x1b[2Kbuilding etcd … 1 s", "\r\x1b[2Kbuilding etcd … 1 s\n"]);
  });

  it("says how far it is", async () => {
    const { clock, written, progress } = recorder(true);
    const work = Promise.withResolvers<void>();
    const step = progress.step("building etcd", (report) => {
      report("312 packages");
      return work.promise;
    });
    await clock.move(1_000);
    work.resolve();
    await step;
    expect(written[1]).toBe("\r\x1b[2Kbuilding etcd … 1 s, 312 packages");
  });

  it("is cut to the width of the terminal, so that it can be written over", async () => {
    const { clock, written, progress } = recorder(true, 10);
    const work = Promise.withResolvers<void>();
    const step = progress.step("building etcd", () => work.promise);
    await clock.move(1_000);
    work.resolve();
    await step;
    expect(written[1]).toBe("\r\x1b[2Kbuilding e");
  });
});

describe("formatElapsed", () => {
  it.each([
    [850, "850 ms"],
    [12_400, "12 s"],
    [59_600, "1 min 0 s"],
    [291_000, "4 min 51 s"],
  ])("writes %i ms as %s", (milliseconds, text) => {
    expect(formatElapsed(milliseconds)).toBe(text);
  });
});
