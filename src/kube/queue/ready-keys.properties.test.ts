import fc from "fast-check";
import { expect, test } from "vitest";
import { ReadyKeys, type Share } from "./ready-keys.ts";

/** Keys `namespace/project/number`: 2 at most of a namespace, and 1 of a project. */
function sharesOf(key: string): readonly Share[] {
  const [namespace = "", project = ""] = key.split("/");
  return [
    { id: `namespace ${namespace}`, most: 2 },
    { id: `project ${project}`, most: 1 },
  ];
}

const key = fc
  .tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 9 }))
  .map((parts) => parts.join("/"));
const step = fc.oneof(
  fc.record({ do: fc.constant("add" as const), key, priority: fc.nat(3) }),
  fc.record({ do: fc.constant("take" as const) }),
  fc.record({ do: fc.constant("release" as const), which: fc.nat(9) }),
);

function counts(atWork: readonly string[]): ReadonlyMap<string, number> {
  const result = new Map<string, number>();
  for (const one of atWork) for (const { id } of sharesOf(one)) result.set(id, (result.get(id) ?? 0) + 1);
  return result;
}

test("no share ever has more keys at work than it may, and a key that may be taken is taken", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const ready = new ReadyKeys(sharesOf);
      const atWork: string[] = [];
      const waiting = new Set<string>();
      for (const [now, one] of steps.entries()) {
        if (one.do === "add") {
          if (atWork.includes(one.key)) continue;
          ready.add(one.key, one.priority, now);
          waiting.add(one.key);
        } else if (one.do === "release" && atWork.length > 0) {
          const [done = ""] = atWork.splice(one.which % atWork.length, 1);
          ready.release(done);
        } else if (one.do === "take") {
          const before = counts(atWork);
          const isFree = (each: string) => sharesOf(each).every(({ id, most }) => (before.get(id) ?? 0) < most);
          const taken = ready.take();
          expect(taken !== undefined).toBe([...waiting].some(isFree));
          if (taken === undefined) continue;
          expect(isFree(taken.key)).toBe(true);
          waiting.delete(taken.key);
          atWork.push(taken.key);
        }
        expect(ready.size).toBe(waiting.size);
      }
    }),
    { numRuns: 500 },
  );
});

test("a key waits for about one turn of each other lane, however many keys those have", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 8 }), (flood, lanes) => {
      const ready = new ReadyKeys((one) => [{ id: one.split("/")[0] ?? "", most: 1 }]);
      for (let lane = 0; lane < lanes; lane++) {
        for (let number = 0; number < flood; number++) ready.add(`attacker-${lane}/${number}`, 0, 0);
      }
      ready.add("victim/1", 9, 1);
      // One pick in eight is no turn: it goes to the key that has waited longest.
      const mostPicks = Math.ceil(((lanes + 1) * 8) / 7);
      for (let pick = 0; pick < mostPicks; pick++) {
        const taken = ready.take();
        if (taken === undefined) throw new Error("nothing was taken");
        ready.release(taken.key);
        if (taken.key === "victim/1") return;
      }
      throw new Error("the victim had to wait for more than one turn of each lane");
    }),
  );
});

test("within a lane the most urgent key goes first, and among equals the one that came first", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 7 }), (priorities) => {
      const ready = new ReadyKeys();
      for (const [index, priority] of priorities.entries()) ready.add(`k${index}`, priority, index);
      const wanted = priorities
        .map((priority, index) => ({ priority, index }))
        .toSorted((a, b) => a.priority - b.priority || a.index - b.index)
        .map(({ index }) => `k${index}`);
      expect(wanted.map(() => ready.take()?.key)).toEqual(wanted);
    }),
  );
});

test("a key of low priority is taken within some rounds, although more urgent ones of its lane keep coming", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 3 }), (ahead, arrivals) => {
      const ready = new ReadyKeys(() => [{ id: "namespace", most: 1 }]);
      for (let number = 0; number < ahead; number++) ready.add(`early-${number}`, 0, 0);
      ready.add("patient", 9, 1);
      // The eighth pick of each round goes to the key that has waited longest.
      const mostPicks = 8 * (ahead + 1);
      for (let pick = 0; pick < mostPicks; pick++) {
        for (let number = 0; number < arrivals; number++) ready.add(`urgent-${pick}-${number}`, 0, 2 + pick);
        const taken = ready.take();
        if (taken === undefined) throw new Error("nothing was taken");
        ready.release(taken.key);
        if (taken.key === "patient") return;
      }
      throw new Error("the patient key starved");
    }),
  );
});

test("a lane gets its turn although lanes that overlap with it in one share keep that share full", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 4 }), (lanes, most) => {
      // All of one namespace, each with a project of its own.
      const ready = new ReadyKeys((one) => [
        { id: "namespace", most },
        { id: one.split("/")[0] ?? "", most: 1 },
      ]);
      const atWork: string[] = [];
      const fill = (round: number) => {
        for (let lane = 0; lane < lanes; lane++) ready.add(`flood-${lane}/${round}`, 0, round);
      };
      fill(0);
      for (let count = 0; count < most; count++) atWork.push(ready.take()?.key ?? "");
      ready.add("victim/1", 9, 1);
      for (let round = 1; round <= 8 * (lanes + 1); round++) {
        fill(round);
        ready.release(atWork.shift() ?? "");
        const taken = ready.take()?.key ?? "";
        if (taken === "victim/1") return;
        atWork.push(taken);
      }
      throw new Error("the victim got no turn");
    }),
  );
});

test("a key that waits already keeps its place among equals when it becomes more urgent", () => {
  const ready = new ReadyKeys();
  ready.add("first", 5, 0);
  ready.add("second", 1, 1);
  ready.add("first", 1, 2);
  expect([ready.take()?.key, ready.take()?.key, ready.take()]).toEqual(["first", "second", undefined]);
});
