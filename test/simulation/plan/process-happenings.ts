import { MINUTE_MS } from "../../../src/clock.ts";
import type { Machine } from "../engine/machine.ts";
import type { Call } from "../engine/network.ts";
import { EVERYWHERE, type Stage } from "../stage.ts";
import type { Happening } from "./happenings.ts";
import type { Item } from "./plan.ts";

/** Any call of the operator's work; the lease's go on beside it. */
const isWork = ({ what }: Call) => !what.startsWith("leases") && !what.startsWith("events");
const isCreate = ({ verb }: Call) => verb === "POST";
const isWrite = (call: Call) => isWork(call) && !call.dryRun && /^(create|patch|patch status)$/.test(call.verb);

/** Springs at the nth call that it hits, of whichever process makes it. */
function atCall(hits: (call: Call) => boolean, happens: (stage: Stage, item: Item, machine: Machine) => void) {
  return (stage: Stage, item: Item) => {
    stage.world.weather.traps.add({
      hits,
      nth: item.nth,
      spring: ({ verb, what }, machine) => {
        stage.tell(() => `fault: at ${verb} ${what} of ${machine.name}:`);
        happens(stage, item, machine);
        return { kind: "none" };
      },
    });
  };
}

/** Dies with the call: it may have arrived, or not. */
function crashAt(hits: (call: Call) => boolean) {
  return (stage: Stage, item: Item) => {
    stage.world.weather.traps.add({
      hits,
      nth: item.nth,
      spring: ({ verb, what }, machine) => {
        const isCarriedOut = item.variant % 2 === 0;
        const outcome = isCarriedOut ? "carried out" : "not carried out";
        stage.tell(() => `fault: ${machine.name} is killed at ${verb} ${what}, which is ${outcome}`);
        return { kind: "crash", isCarriedOut };
      },
    });
  };
}

function freeze(stage: Stage, item: Item, machine: Machine | undefined): void {
  if (machine === undefined || !machine.isAlive || machine.isFrozen) return;
  stage.tell(() => `fault: ${machine.name} is frozen for ${Math.round(item.forMs / 1000)} s`);
  stage.disturb(EVERYWHERE, item.forMs);
  machine.freeze(item.forMs);
}

export const PROCESS_HAPPENINGS = {
  crashAtCall: { feature: "crash", run: crashAt(isWork) },
  crashAtWrite: { feature: "crash", run: crashAt(isWrite) },
  crashAtCreate: { feature: "crash", run: crashAt(isCreate) },
  crashAfterCreate: {
    feature: "crash",
    run: atCall(isCreate, (stage, item, machine) => {
      // While the answer is on its way, before the Secret is written, before the record is closed.
      stage.after(item.variant % 150, () => stage.kill(machine, "shortly after a create"));
    }),
  },
  crash: {
    feature: "crash",
    run: (stage, item) => {
      const replica = stage.replica(item);
      if (replica?.machine.isAlive) stage.kill(replica.machine, "at no particular time");
    },
  },
  freeze: {
    feature: "freeze",
    lasts: [1000, 30 * MINUTE_MS],
    run: (stage, item) => freeze(stage, item, stage.replica(item)?.machine),
  },
  freezeAtWrite: { feature: "freeze", lasts: [1000, 5 * MINUTE_MS], run: atCall(isWrite, freeze) },
  freezeAtCreate: { feature: "freeze", lasts: [1000, 5 * MINUTE_MS], run: atCall(isCreate, freeze) },
  restart: {
    feature: "restart",
    run: (stage, item) => {
      const replica = stage.replica(item);
      if (replica === undefined || !replica.machine.isAlive) return;
      stage.tell(() => `user: tells ${replica.machine.name} to end`);
      replica.operator.stop();
      // Kubernetes waits for so long.
      const { machine } = replica;
      stage.after(30_000, () => {
        if (machine.isAlive) stage.kill(machine, "because its grace period is over");
      });
    },
  },
  restartAtCreate: {
    feature: "restart",
    run: atCall(isCreate, (stage, _item, machine) => {
      const replica = stage.world.replicas.find((one) => one.machine === machine);
      stage.tell(() => `user: tells ${machine.name} to end`);
      replica?.operator.stop();
      stage.after(30_000, () => {
        if (machine.isAlive) stage.kill(machine, "because its grace period is over");
      });
    }),
  },
  clockJump: {
    feature: "clock",
    run: (stage, item) => {
      const replica = stage.replica(item);
      if (replica === undefined) return;
      replica.machine.aheadMs = (item.variant - 500) * 1000;
      stage.tell(() => `fault: the clock of ${replica.machine.name} is now ${replica.machine.aheadMs / 1000} s ahead`);
      stage.disturb(EVERYWHERE);
    },
  },
} as const satisfies Readonly<Record<string, Happening>>;
