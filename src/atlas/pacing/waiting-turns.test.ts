import fc from "fast-check";
import { expect, test } from "vitest";
import type { CallPriority } from "./turn-shares.ts";
import { type Waiting, WaitingTurns } from "./waiting-turns.ts";

const RANK: readonly CallPriority[] = ["renew", "issue", "verify"];

const waiter: fc.Arbitrary<Waiting> = fc.record({
  turn: fc.constantFrom("a", "b", "c", undefined),
  priority: fc.constantFrom(...RANK),
  expiresAt: fc.option(fc.date({ noInvalidDate: true }), { nil: undefined }),
});

function filled(waiters: readonly Waiting[]): WaitingTurns<Waiting> {
  const turns = new WaitingTurns<Waiting>();
  for (const one of waiters) turns.add(one);
  return turns;
}

test("each turn that waits is served before any other is served twice", () => {
  fc.assert(
    fc.property(fc.array(waiter), (waiters) => {
      const turns = filled(waiters);
      const left = [...waiters];
      while (left.length > 0) {
        const waitingTurns = new Set(left.map(({ turn }) => turn));
        const served = new Set<string | undefined>();
        for (let count = 0; count < waitingTurns.size; count += 1) {
          const next = turns.take(() => true);
          if (next === undefined) throw new Error("no one is left");
          left.splice(left.indexOf(next), 1);
          served.add(next.turn);
        }
        expect(served).toEqual(waitingTurns);
      }
      expect(turns.isEmpty).toBe(true);
    }),
  );
});

test("within a turn the more urgent goes first, then what expires first, then what came first", () => {
  fc.assert(
    fc.property(fc.array(waiter), (waiters) => {
      const turns = filled(waiters);
      const served = waiters.map(() => turns.take(() => true));
      for (const turn of ["a", "b", "c", undefined]) {
        const wanted = waiters
          .filter((one) => one.turn === turn)
          .toSorted(
            (one, other) =>
              RANK.indexOf(one.priority) - RANK.indexOf(other.priority) ||
              Math.sign((one.expiresAt?.getTime() ?? 1e18) - (other.expiresAt?.getTime() ?? 1e18)),
          );
        expect(served.filter((one) => one?.turn === turn)).toEqual(wanted);
      }
    }),
  );
});

test("a turn is served after at most one waiter of each turn that was there before it, whatever arrives meanwhile", () => {
  fc.assert(
    fc.property(
      fc.array(waiter),
      fc.array(fc.array(waiter, { maxLength: 5 }), { minLength: 1 }),
      (before, arrivals) => {
        const turns = filled(before);
        const victim: Waiting = { turn: "victim", priority: "verify" };
        turns.add(victim);
        const ahead = new Set(before.map(({ turn }) => turn)).size;
        for (let count = 0; count <= ahead; count += 1) {
          for (const one of arrivals[count % arrivals.length] ?? []) turns.add(one);
          if (turns.take(() => true) === victim) return;
        }
        throw new Error("the victim was not served");
      },
    ),
  );
});

test("whatever arrives and leaves, each waiter is served once, in its turn's order of urgency at that moment", () => {
  const step = fc.oneof({ weight: 2, arbitrary: waiter }, fc.constant("take" as const), fc.nat(20));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const turns = new WaitingTurns<Waiting>();
      const waiting: Waiting[] = [];
      for (const one of steps) {
        if (typeof one === "object") {
          // The same values may come twice, and are two waiters then.
          const copy = { ...one };
          turns.add(copy);
          waiting.push(copy);
        } else if (one === "take") {
          const next = turns.take(() => true);
          expect(next === undefined).toBe(waiting.length === 0);
          if (next === undefined) continue;
          const ofTurn = waiting.filter(({ turn }) => turn === next.turn);
          expect(RANK.indexOf(next.priority)).toBe(Math.min(...ofTurn.map((other) => RANK.indexOf(other.priority))));
          waiting.splice(waiting.indexOf(next), 1);
        } else if (waiting.length > 0) {
          for (const gone of waiting.splice(one % waiting.length, 1)) turns.remove(gone);
        }
        expect(new Set(turns)).toEqual(new Set(waiting));
        expect(turns.isEmpty).toBe(waiting.length === 0);
      }
    }),
  );
});

test("a waiter that may not go keeps its place and delays no one", () => {
  const [first, second, third] = ["a", "a", "b"].map((turn): Waiting => ({ turn, priority: "issue" }));
  const turns = filled([first, second, third].filter((one) => one !== undefined));
  expect(turns.take((one) => one !== first)).toBe(second);
  expect(turns.take((one) => one !== first)).toBe(third);
  expect(turns.take((one) => one !== first)).toBeUndefined();
  expect([...turns]).toEqual([first]);
});
