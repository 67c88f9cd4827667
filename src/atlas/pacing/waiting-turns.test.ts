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

test("a waiter that may not go keeps its place and delays no one", () => {
  const [first, second, third] = ["a", "a", "b"].map((turn): Waiting => ({ turn, priority: "issue" }));
  const turns = filled([first, second, third].filter((one) => one !== undefined));
  expect(turns.take((one) => one !== first)).toBe(second);
  expect(turns.take((one) => one !== first)).toBe(third);
  expect(turns.take((one) => one !== first)).toBeUndefined();
  expect([...turns]).toEqual([first]);
});
