import { AtlasError } from "../../src/atlas/errors/atlas-error.ts";
import { DeadlineReached } from "../../src/deadline.ts";
import { KubeError } from "../../src/kube/kube-error.ts";
import { LeaseLostError } from "../../src/kube/lease/lease-claim.ts";
import { RESOURCES } from "./cluster/kinds.ts";
import { inMacrotask } from "./engine/microtasks.ts";
import { Random } from "./engine/random.ts";
import { Scheduler } from "./engine/scheduler.ts";
import { Coverage } from "./invariants/coverage.ts";
import { Judge } from "./invariants/judge.ts";
import type { Invariant, Violation } from "./invariants/violation.ts";
import { HAPPENINGS, type Happening } from "./plan/happenings.ts";
import { CALM_AFTER_MS, type Choice, drawPlan, type Item, type Plan, RUN_MS } from "./plan/plan.ts";
import { Stage } from "./stage.ts";
import { Story } from "./story.ts";
import { World } from "./world.ts";

export interface RunOptions {
  readonly seed: number;
  readonly choice: Choice;
  /** Which of the plan's items happen, by their index. @default all of them */
  readonly kept?: ReadonlySet<number> | undefined;
  /** Which of the cast's members there are, by their index. @default all of them */
  readonly members?: ReadonlySet<number> | undefined;
  /** Ends the run as soon as this one is violated. @default it goes on to its end */
  readonly until?: Invariant | undefined;
  /** Whether the story is told. @default false */
  readonly isTold?: boolean;
}

export interface Run {
  readonly plan: Plan;
  readonly violations: readonly Violation[];
  /** The same for the same seed, call by call. */
  readonly fingerprint: string;
  readonly story: readonly string[];
  readonly creates: number;
  readonly deaths: number;
  readonly steps: number;
  readonly coverage: Coverage;
}

export const STARTED_AT = Date.UTC(2030, 0, 1);

/** Runs one seed: 48 hours of the real operator in a world of its own. */
export function run(options: RunOptions): Promise<Run> {
  return inMacrotask(() => runNow(options));
}

function runNow({ seed, choice, kept, members, until, isTold = false }: RunOptions): Run {
  const random = new Random(seed);
  const plan = drawPlan(seed, choice, random.fork("plan"));
  const scheduler = new Scheduler(STARTED_AT);
  const story = new Story(() => scheduler.now, isTold);
  const world = new World({ cast: plan.cast, random: random.fork("world"), scheduler, story });
  const stage = new Stage(world, random.fork("stage"));
  const judge = new Judge(stage);
  const coverage = new Coverage();
  let deaths = 0;
  world.server.observers.push((change) => {
    judge.change(change);
    coverage.change(change);
  });
  world.network.onCall = (call, machine, effect) => {
    story.note(`${machine.name} ${call.verb} ${call.what} ${effect.kind}`);
    judge.call(call);
  };
  scheduler.afterStep = () => judge.step();
  world.begin(members, {
    atlas: judge,
    logged: (error, message) => {
      if (!isExpected(error)) judge.report("k", message, String(error instanceof Error ? error.stack : error));
    },
    died: (machine) => {
      deaths += 1;
      story.tell(() => `${machine.name}: is gone`);
      judge.died(machine);
    },
  });
  for (const [index, item] of plan.items.entries()) {
    if (kept?.has(index) ?? true) scheduler.after(item.atMs, () => happeningOf(item).run(stage, item));
  }
  scheduler.after(CALM_AFTER_MS, () => calmDown(stage));
  const isOver = () => until !== undefined && judge.violations.some(({ invariant }) => invariant === until);
  scheduler.runUntil(STARTED_AT + RUN_MS, isOver);
  const { violations, ledger } = judge;
  const creates = ledger.attempts.filter(({ post }) => post?.certificate !== undefined).length;
  const { fingerprint, lines } = story;
  return { plan, violations, fingerprint, story: lines, creates, deaths, steps: scheduler.steps, coverage };
}

function happeningOf({ kind }: Item): Happening {
  return HAPPENINGS[kind];
}

/** The faults end and everybody wants what they wanted at first. */
function calmDown(stage: Stage): void {
  const { world } = stage;
  stage.tell(() => "from here on nothing goes wrong and nobody changes anything");
  world.weather.clear();
  stage.wrongAnswers.clear();
  for (const member of world.cast.members) {
    const ref = { namespace: member.tenant.namespace, name: member.name };
    if (world.server.find(RESOURCES, ref) !== undefined) world.apply(member);
  }
}

/** What an operator may log as an error: what its surroundings did to it. */
function isExpected(error: unknown): boolean {
  return (
    error === undefined ||
    error instanceof KubeError ||
    error instanceof AtlasError ||
    error instanceof DeadlineReached ||
    error instanceof LeaseLostError
  );
}
