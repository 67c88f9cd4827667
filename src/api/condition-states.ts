import type { Condition } from "./conditions.ts";
import { timestamp } from "./timestamp.ts";

/** The state of a condition. */
export interface ConditionState {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

/** The facts that the conditions of one object have in common. */
interface ConditionContext {
  /** The conditions as they are on the API server. */
  readonly before: readonly Condition[];
  /** metadata.generation that they describe. */
  readonly generation: number;
  readonly nowMs: number;
}

/** Conditions of these types, in this order. The time of a transition stays while the status does. */
export function conditionsOf<Type extends string>(
  types: readonly Type[],
  states: Readonly<Record<Type, ConditionState>>,
  { before, generation, nowMs }: ConditionContext,
): Condition[] {
  return types.map((type) => {
    const previous = before.find((condition) => condition.type === type);
    const { status, reason, message } = states[type];
    return {
      ...{ type, status, reason, message },
      observedGeneration: generation,
      lastTransitionTime: previous?.status === status ? previous.lastTransitionTime : timestamp(nowMs),
    };
  });
}

/** An option of everything that writes conditions. */
export interface MarkOption {
  /**
   * Stands before each message of a condition: what a simulated Atlas does must not be taken for the real thing.
   *
   * @default nothing
   */
  readonly mark?: string | undefined;
}

export function marked(conditions: readonly Condition[], mark = ""): Condition[] {
  return conditions.map((condition) => ({ ...condition, message: mark + condition.message }));
}
