import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HOUR_MS } from "../../clock.ts";
import type { Urgency } from "./core/decide/urgency.ts";
import { IssuingTurns } from "./issuing-turns.ts";
import type { Process } from "./testing/process.ts";
import { Scene, SECRET } from "./testing/scene.ts";
import { OTHER_PROJECT, PROJECT } from "./testing/snapshots.ts";

const USER = { projectId: PROJECT, username: "orders-api" };

function rig(parkedIn: (namespace: string) => number = () => 0) {
  const woken: string[] = [];
  const turns = new IssuingTurns({ wake: (key) => void woken.push(key), parkedIn });
  /** A turn of the resource `namespace/name`. */
  const take = (user: typeof USER, key: string, urgency: Partial<Urgency> = {}) =>
    turns.take(user, key, { priority: "issue", turn: key.split("/")[0] ?? "", ...urgency });
  return { turns: { take, leave: (key: string) => turns.leave(key) }, woken };
}

describe("a turn for a user", () => {
  test("is one resource's at a time", () => {
    const { turns } = rig();
    const end = turns.take(USER, "shop/a");
    expect(turns.take(USER, "shop/b")).toBeUndefined();
    end?.();
    expect(turns.take(USER, "shop/b")).toBeDefined();
  });

  test("wakes one resource of each namespace when it ends, and each further one when the one before it has ended", () => {
    const { turns, woken } = rig();
    const end = turns.take(USER, "shop/a");
    for (const key of ["shop/b", "shop/c", "bank/d", "shop/b"]) turns.take(USER, key);
    expect(woken).toEqual([]);
    end?.();
    expect(woken.splice(0)).toEqual(["shop/b", "bank/d"]);
    const next = turns.take(USER, "shop/b");
    next?.();
    expect(woken).toEqual(["shop/c", "bank/d"]);
  });

  test("wakes the next resource when the one that was woken does not want it any more", () => {
    const { turns, woken } = rig();
    const end = turns.take(USER, "shop/a");
    for (const key of ["shop/b", "shop/c"]) turns.take(USER, key);
    end?.();
    turns.leave("shop/b");
    expect(woken).toEqual(["shop/b", "shop/c"]);
  });

  test("is offered to a renewal first, and of two to the one that expires sooner", () => {
    const { turns, woken } = rig();
    const end = turns.take(USER, "shop/a");
    turns.take(USER, "shop/first");
    turns.take(USER, "shop/later", { priority: "renew", expiresAt: new Date(2000) });
    turns.take(USER, "shop/sooner", { priority: "renew", expiresAt: new Date(1000) });
    end?.();
    expect(woken).toEqual(["shop/sooner"]);
  });

  test("does not keep another user's resources waiting, nor those of a namesake in another project", () => {
    const { turns } = rig();
    turns.take(USER, "shop/a");
    expect(turns.take({ ...USER, username: "billing" }, "shop/b")).toBeDefined();
    expect(turns.take({ ...USER, projectId: OTHER_PROJECT }, "shop/c")).toBeDefined();
  });

  test("can be ended late without ending the next one", () => {
    const { turns } = rig();
    const end = turns.take(USER, "shop/a");
    end?.();
    turns.take(USER, "shop/b");
    end?.();
    expect(turns.take(USER, "shop/c")).toBeUndefined();
  });

  test("leaves nothing behind: a resource that waited and never came back blocks no one", () => {
    const { turns } = rig();
    const end = turns.take(USER, "shop/a");
    turns.take(USER, "shop/b");
    end?.();
    turns.take(USER, "shop/c")?.();
    expect(turns.take(USER, "shop/d")).toBeDefined();
  });
});

describe("a turn in a namespace", () => {
  const user = (number: number) => ({ ...USER, username: `user-${number}` });

  test("is three resources' at a time, and a fourth is woken when one of them ends", () => {
    const { turns, woken } = rig();
    const ends = [1, 2, 3].map((number) => turns.take(user(number), `shop/${number}`));
    expect(turns.take(user(4), "shop/4")).toBeUndefined();
    expect(turns.take(user(5), "other/5")).toBeDefined();
    ends[0]?.();
    expect(woken).toEqual(["shop/4"]);
    expect(turns.take(user(4), "shop/4")).toBeDefined();
  });

  test("is one resource's at a time while a certificate of the namespace waits for its Secret", () => {
    const { turns } = rig((namespace) => (namespace === "shop" ? 1 : 0));
    const end = turns.take(user(1), "shop/1");
    expect(turns.take(user(2), "shop/2")).toBeUndefined();
    expect(turns.take(user(3), "other/3")).toBeDefined();
    end?.();
    expect(turns.take(user(2), "shop/2")).toBeDefined();
  });
});

const keys = fc.uniqueArray(
  fc
    .record({ namespace: fc.nat(3), user: fc.nat(4), isRenewal: fc.boolean() })
    .chain((fields) => fc.nat(30).map((name) => ({ ...fields, key: `${fields.namespace}/${name}` }))),
  { maxLength: 60, selector: ({ key }) => key },
);

test("whatever comes in whichever order, each gets its turn, no limit is passed, and a turn wakes one of each namespace", () => {
  fc.assert(
    fc.property(keys, fc.array(fc.nat(1000), { minLength: 1 }), fc.boolean(), (all, choices, isParked) => {
      const due = new Set(all.map(({ key }) => key));
      const atWork = new Map<string, () => void>();
      let wakes = 0;
      let turnsTaken = 0;
      const turns = new IssuingTurns({
        wake: (key) => {
          wakes++;
          due.add(key);
        },
        parkedIn: () => (isParked ? 1 : 0),
      });
      const byKey = new Map(all.map((one) => [one.key, one]));
      const isDone = new Set<string>();
      for (let step = 0; due.size + atWork.size > 0; step++) {
        const choice = choices[step % choices.length] ?? 0;
        const key = [...due, ...atWork.keys()][choice % (due.size + atWork.size)] ?? "";
        const end = atWork.get(key);
        if (end !== undefined) {
          atWork.delete(key);
          isDone.add(key);
          end();
          continue;
        }
        due.delete(key);
        const one = byKey.get(key);
        // Woken once more after its turn, or it has changed its mind: each fifth does not want any.
        if (one === undefined || isDone.has(key) || one.user === 4) {
          isDone.add(key);
          turns.leave(key);
          continue;
        }
        const user = { ...USER, username: `user-${one.user}` };
        const urgency = { priority: one.isRenewal ? "renew" : "issue", turn: String(one.namespace) } as const;
        const taken = turns.take(user, key, urgency);
        if (taken === undefined) continue;
        turnsTaken++;
        atWork.set(key, taken);
        const others = [...atWork.keys()].flatMap((other) => byKey.get(other) ?? []);
        expect(new Set(others.map((other) => other.user)).size).toBe(others.length);
        const inNamespace = others.filter(({ namespace }) => namespace === one.namespace);
        expect(inNamespace.length).toBeLessThanOrEqual(isParked ? 1 : 3);
      }
      expect(isDone).toEqual(new Set(byKey.keys()));
      expect(wakes).toBeLessThanOrEqual(4 * (2 * turnsTaken + all.length));
    }),
    { numRuns: 300 },
  );
});

/** Works on keys as the queue does, 16 at a time, until nothing is due within two seconds. */
async function work(scene: Scene, process: Process, names: readonly string[]): Promise<number> {
  const due = [...names];
  let most = 0;
  let atWork = 0;
  const worker = async () => {
    for (let name = due.shift(); name !== undefined; name = due.shift()) {
      most = Math.max(most, ++atWork);
      const outcome = await scene.reconcile(process, name);
      atWork--;
      if (outcome.kind === "again" && outcome.at <= scene.clock.now() + 2000) due.push(name);
      due.push(...scene.woken.splice(0).map((key) => key.slice("shop/".length)));
    }
  };
  while (due.length > 0) {
    await Promise.all(Array.from({ length: 16 }, worker));
    scene.clock.advanceNow(2000);
  }
  return most;
}

describe("forty resources of one user at once", () => {
  async function forty() {
    const scene = new Scene();
    const names = Array.from({ length: 40 }, (_, index) => `orders-${index}`);
    for (const name of names) scene.apply({ secretName: `${name}-mongodb` }, { name });
    let issuing = 0;
    let mostIssuing = 0;
    const process = scene.start({
      onStep: (step) => {
        if (step === "record") mostIssuing = Math.max(mostIssuing, ++issuing);
        if (step === "write") issuing--;
      },
    });
    const most = await work(scene, process, names);
    return { scene, process, names, most, mostIssuing };
  }

  test("issue one after the other and never pass the limit of unexpired certificates", async () => {
    const { scene, names, most, mostIssuing } = await forty();
    expect(most).toBeGreaterThan(10);
    expect(mostIssuing).toBe(1);
    expect(scene.atlas.creates).toBe(10);
    const ready = names.map((name) => scene.ready(name));
    expect(ready.filter((state) => state === "True Issued")).toHaveLength(10);
    expect(ready.filter((state) => state === "False TooManyUnexpired")).toHaveLength(30);
  });

  test("none of them is forgotten: those that waited for their turn are woken", async () => {
    const { scene, process, names } = await forty();
    scene.policy = { ...scene.policy, maxUnexpiredPerUser: 100 };
    const later = scene.start();
    scene.stop(process);
    scene.clock.advanceNow(HOUR_MS);
    await work(scene, later, names);
    expect(names.map((name) => scene.ready(name)).filter((state) => state !== "True Issued")).toEqual([]);
    expect(scene.atlas.creates).toBe(40);
  });
});

test("a resource that waits for its turn asks neither Atlas nor the API server, and is woken when the turn ends", async () => {
  const scene = new Scene();
  scene.apply();
  scene.apply({ secretName: "second" }, { name: "second" });
  const process = scene.start({
    onStep: async (step, { name }) => {
      if (step !== "create" || name !== "orders-api") return;
      const before = [scene.atlas.lists, scene.cluster.calls.length];
      expect(await scene.reconcile(process, "second")).toEqual({ kind: "again", at: scene.clock.now() + 60_000 });
      expect([scene.atlas.lists, scene.cluster.calls.length]).toEqual(before);
    },
  });
  await scene.reconcile(process);
  expect(scene.woken).toEqual(["shop/second"]);
  await scene.settle(process, "second");
  expect(scene.ready("second")).toBe("True Issued");
});

test("a turn ends although its attempt failed", async () => {
  const scene = new Scene();
  scene.apply();
  scene.apply({ secretName: "second" }, { name: "second" });
  const process = scene.start({
    onStep: (step, { name }) => {
      if (step === "create" && name === "orders-api") throw new Error("a bug");
    },
  });
  await expect(scene.reconcile(process)).rejects.toThrow("a bug");
  await scene.settle(process, "second");
  expect(scene.ready("second")).toBe("True Issued");
});

test("an attempt that only Atlas' list reveals to be due takes its turn too", async () => {
  const scene = new Scene();
  for (const name of ["first", "second"]) scene.apply({ secretName: `${name}-mongodb` }, { name });
  const before = scene.start();
  for (const name of ["first", "second"]) await scene.settle(before, name);
  scene.stop(before);
  // Both are gone at Atlas. Two lists have said so; with the third, both are due at once.
  scene.atlas.issued.length = 0;
  scene.clock.advanceNow(7 * HOUR_MS);
  let issuing = 0;
  let mostIssuing = 0;
  const process = scene.start({
    onStep: async (step) => {
      if (step === "preflight") mostIssuing = Math.max(mostIssuing, ++issuing);
      // The other one gets as far as it can.
      await new Promise((resolve) => setImmediate(resolve));
      if (step === "write") issuing--;
    },
  });
  for (let count = 0; count < 12; count++) {
    await work(scene, process, ["first", "second"]);
    scene.clock.advanceNow(2 * 60_000);
  }
  expect([scene.atlas.creates, mostIssuing]).toEqual([4, 1]);
  for (const name of ["first", "second"]) {
    expect(scene.ready(name)).toBe("True Issued");
    expect(scene.serialIn({ ...SECRET, name: `${name}-mongodb` })).toBe(scene.status(name).serialNumber);
  }
});
