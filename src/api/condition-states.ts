import type { Condition } from "./conditions.ts";
import { timestamp } from "./timestamp.ts";

/** What a condition says now. */
export interface ConditionState {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

/** What the conditions of one object have in common. */
export interface ConditionContext {
  /** The conditions as they are on the API server. */
  readonly before: readonly Condition[];
  /** metadata.generation that they describe. */
  readonly generation: number;
  readonly nowMs: number;
  /** Stands before each message: a simulated Atlas must not be taken for a real one. @default nothing */
  readonly mark?: string | undefined;
}

/** Conditions of these types, in this order. The time of a transition stays while the status does. */
export function conditionsOf<Type extends string>(
  types: readonly Type[],
  states: Readonly<Record<Type, ConditionState>>,
  { before, generation, nowMs, mark = "" }: ConditionContext,
): Condition[] {
  return types.map((type) => {
    const previous = before.find((condition) => condition.type === type);
    const { status, reason, message } = states[type];
    return {
      type,
      status,
      reason,
      message: mark + message,
      observedGeneration: generation,
      lastTransitionTime: previous?.status === status ? previous.lastTransitionTime : timestamp(nowMs),
    };
  });
}
