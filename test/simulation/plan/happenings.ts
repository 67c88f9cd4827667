import type { Stage } from "../stage.ts";
import { ATLAS_HAPPENINGS } from "./atlas-happenings.ts";
import { CALL_HAPPENINGS } from "./call-happenings.ts";
import type { Feature } from "./features.ts";
import type { Item } from "./plan.ts";
import { PROCESS_HAPPENINGS } from "./process-happenings.ts";
import { RESOURCE_HAPPENINGS } from "./resource-happenings.ts";
import { SECRET_HAPPENINGS } from "./secret-happenings.ts";

/** One kind of thing that can be done to the operator. What it breaks it mends by itself when its time is over. */
export interface Happening {
  readonly feature: Feature;
  /** How long it lasts at least and at most, in milliseconds. @default it does not last */
  readonly lasts?: readonly [number, number];
  readonly run: (stage: Stage, item: Item) => void;
}

/** Everything that can be done to the operator. */
export const HAPPENINGS = {
  ...PROCESS_HAPPENINGS,
  ...CALL_HAPPENINGS,
  ...ATLAS_HAPPENINGS,
  ...RESOURCE_HAPPENINGS,
  ...SECRET_HAPPENINGS,
} as const satisfies Readonly<Record<string, Happening>>;

export type HappeningKind = keyof typeof HAPPENINGS;
