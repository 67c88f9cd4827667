import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { settle } from "../../testing/settle.ts";
import { DONE, held, queueRig } from "../testing/queue-rig.ts";
import { Heap } from "./heap.ts";

describe("for all histories", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("add" as const), key: fc.integer({ min: 0, max: 4 }), priority: fc.nat(3) }),
    fc.record({ do: fc.constant("addAfter" as const), key: fc.integer({ min: 0, max: 4 }), inMs: fc.nat(5000) }),
    fc.record({ do: fc.constant("finish" as const), which: fc.nat(3), how: fc.constantFrom("done", "again", "fail") }),
    fc.record({ do: fc.constant("pass" as const), ms: fc.nat(3000) }),
  );

  test("no key runs twice at a time, limits hold, and after the last add of a key there is a run", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, concurrency) => {
          const h = held();
          const atWork = new Set<string>();
          const owed = new Set<string>();
          const violations: string[] = [];
          const r = queueRig(
            async (key, signal) => {
              expect(atWork.has(key)).toBe(false);
              atWork.add(key);
              expect(atWork.size).toBeLessThanOrEqual(concurrency);
              owed.delete(key);
              try {
                return await h.worker(key, signal);
              } finally {
                atWork.delete(key);
              }
            },
            { concurrency, itemTimeoutMs: 1e9 },
          );
          const running = r.start();
          for (const s of steps) {
            if (s.do === "add") {
              owed.add(`k${s.key}`);
              r.queue.add(`k${s.key}`, { priority: s.priority });
            } else if (s.do === "addAfter") {
              owed.add(`k${s.key}`);
              r.queue.addAfter(`k${s.key}`, r.clock.now() + s.inMs);
            } else if (s.do === "pass") {
              await r.clock.advance(s.ms);
            } else if (h.open.length > 0) {
              const [run] = h.open.splice(s.which % h.open.length, 1);
              if (s.how === "fail") {
                owed.add(run?.key ?? "");
                run?.fail(new Error("no"));
              } else {
                run?.finish(s.how === "done" ? DONE : { kind: "again", at: r.clock.now() + 10 });
              }
            }
            await settle();
          }
          for (let round = 0; round < 200 && (h.open.length > 0 || owed.size > 0); round += 1) {
            h.open.shift()?.finish(DONE);
            await r.clock.advance(2000);
          }
          expect([[...owed], violations]).toEqual([[], []]);
          r.stop.abort();
          await running;
        },
      ),
      { numRuns: 150 },
    );
  });

  test("a heap gives its items in order, without those thrown out", () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer(), (items, limit) => {
        const heap = new Heap<number>((a, b) => a < b);
        for (const item of items) {
          heap.push(item);
        }
        heap.retain((item) => item < limit);
        const sorted = Array.from({ length: heap.size }, () => heap.pop());
        expect(sorted).toEqual(items.filter((item) => item < limit).toSorted((a, b) => a - b));
      }),
    );
  });
});
