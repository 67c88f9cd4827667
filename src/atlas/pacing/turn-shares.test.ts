import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CallPriority, TurnShares } from "./turn-shares.ts";
import { type Waiting, WaitingTurns } from "./waiting-turns.ts";

const PRIORITIES: readonly CallPriority[] = ["renew", "issue", "verify"];
const priority = fc.constantFrom(...PRIORITIES);

/** A bucket that holds a number of tokens, and the turns that take them. */
class Bucket {
  readonly shares = new TurnShares();
  readonly capacity: number;
  tokens: number;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.tokens = capacity;
  }

  take(turn: string, kind: CallPriority): boolean {
    if (!this.shares.mayTake(turn, kind, this.tokens)) return false;
    this.tokens -= 1;
    this.shares.take(turn);
    return true;
  }

  /** Takes as many tokens as the turn may. */
  flood(turn: string, kind: CallPriority): number {
    for (let count = 0; ; count += 1) if (!this.take(turn, kind)) return count;
  }

  refill(tokens: number): void {
    const added = Math.min(tokens, this.capacity - this.tokens);
    this.tokens += added;
    this.shares.refill(added);
  }
}

const capacity = fc.integer({ min: 30, max: 2000 });

/** Others take all they may, again and again. */
const disturbance = fc.oneof(
  fc.record({ turn: fc.constantFrom("b", "c", "d"), kind: priority }),
  fc.record({ refill: fc.integer({ min: 1, max: 500 }) }),
);

function disturb(bucket: Bucket, event: { turn: string; kind: CallPriority } | { refill: number }): void {
  if ("refill" in event) bucket.refill(event.refill);
  else bucket.flood(event.turn, event.kind);
}

describe("TurnShares", () => {
  test.each([
    ["renews", "renew", 5],
    ["issues", "issue", 3],
    ["verifies", "verify", 2],
  ] as const)("a turn that %s as much as it may leaves its part of the bucket", (_what, kind, part) => {
    fc.assert(
      fc.property(capacity, (size) => {
        const bucket = new Bucket(size);
        bucket.flood("many", kind);
        expect(bucket.tokens).toBe(Math.floor(size / part));
      }),
    );
  });

  test("three that take all they may, in any order, always leave a token for one that has taken none", () => {
    fc.assert(
      fc.property(fc.integer({ min: 700, max: 2000 }), fc.array(disturbance), priority, (size, events, kind) => {
        const bucket = new Bucket(size);
        for (const event of events) {
          disturb(bucket, event);
          expect(bucket.shares.mayTake("a", kind, bucket.tokens)).toBe(true);
        }
      }),
    );
  });

  test("one that has taken all it may can take again once the bucket was refilled, whatever the others take", () => {
    const size = 1200;
    fc.assert(
      fc.property(
        priority,
        fc.array(disturbance, { minLength: 10 }),
        fc.integer({ min: 10, max: 500 }),
        (kind, events, refill) => {
          const bucket = new Bucket(size);
          bucket.flood("a", kind);
          let refilled = 0;
          for (let index = 0; !bucket.shares.mayTake("a", kind, bucket.tokens); index += 1) {
            disturb(bucket, events[index % events.length] ?? { refill });
            bucket.refill(refill);
            refilled += refill;
            expect(refilled).toBeLessThanOrEqual(2 * size);
          }
        },
      ),
    );
  });

  test("tenants that all take their maximum get equal parts, in whichever order they began", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 50, max: 500 }), (tenants, refill) => {
        const bucket = new Bucket(1200);
        bucket.flood("tenant 0", "issue");
        const taken = new Map<string, number>();
        for (let period = 0; period < 200; period += 1) {
          bucket.refill(refill);
          for (let went = true; went; ) {
            went = false;
            for (let index = 0; index < tenants; index += 1) {
              if (!bucket.take(`tenant ${index}`, "issue")) continue;
              went = true;
              if (period >= 100) taken.set(`tenant ${index}`, (taken.get(`tenant ${index}`) ?? 0) + 1);
            }
          }
        }
        const counts = [...taken.values()];
        expect(counts).toHaveLength(tenants);
        expect(Math.max(...counts) / Math.min(...counts)).toBeLessThan(1.2);
      }),
      { numRuns: 20 },
    );
  });

  test("a turn alone goes at the full rate of the bucket", () => {
    fc.assert(
      fc.property(priority, fc.integer({ min: 1, max: 500 }), (kind, refill) => {
        const bucket = new Bucket(1200);
        bucket.flood("alone", kind);
        let taken = 0;
        for (let period = 0; period < 50; period += 1) {
          bucket.refill(refill);
          taken += bucket.flood("alone", kind);
        }
        expect(taken).toBeGreaterThanOrEqual(50 * refill - 1);
      }),
    );
  });

  test("within a turn, what is more urgent finds tokens where the less urgent finds none", () => {
    fc.assert(
      fc.property(capacity, (size) => {
        const bucket = new Bucket(size);
        expect(bucket.flood("shop", "verify")).toBeGreaterThan(0);
        expect(bucket.flood("shop", "issue")).toBeGreaterThan(0);
        expect(bucket.flood("shop", "renew")).toBeGreaterThan(0);
        expect(bucket.tokens).toBeGreaterThan(0);
      }),
    );
  });

  test("calls without a turn may take all tokens, but for verifying", () => {
    const shares = new TurnShares();
    for (let count = 0; count < 5; count += 1) shares.take(undefined);
    expect(PRIORITIES.map((kind) => shares.mayTake(undefined, kind, 5))).toEqual([true, true, false]);
    expect(PRIORITIES.map((kind) => shares.mayTake(undefined, kind, 0))).toEqual([false, false, false]);
  });
});

test("a turn that has taken nothing is served at the next refill at the latest, however many others flood the bucket", () => {
  const tenants = fc.array(priority, { minLength: 1, maxLength: 100 });
  const refills = fc.array(fc.integer({ min: 101, max: 500 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(capacity, tenants, refills, priority, (size, floods, before, kind) => {
      const bucket = new Bucket(Math.max(size, 500));
      const waiting = new WaitingTurns<Waiting>();
      const serve = () => {
        const served: Waiting[] = [];
        const next = () => waiting.take((one) => bucket.shares.mayTake(one.turn, one.priority, bucket.tokens));
        for (let one = next(); one !== undefined; one = next()) {
          bucket.take(one.turn ?? "", one.priority);
          served.push(one);
          // There is always another one behind it.
          if (one !== victim) waiting.add({ ...one });
        }
        return served;
      };
      const victim: Waiting = { turn: "victim", priority: kind };
      for (const [index, flood] of floods.entries()) waiting.add({ turn: `tenant ${index}`, priority: flood });
      for (const tokens of before) {
        serve();
        bucket.refill(tokens);
      }
      serve();
      waiting.add(victim);
      if (serve().includes(victim)) return;
      bucket.refill(101);
      expect(serve()).toContain(victim);
    }),
  );
});
