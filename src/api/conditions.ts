import { z } from "zod";

/** The three condition types. kstatus reads Ready and Stalled; Issuing says that a new certificate is on its way. */
export const CONDITION_TYPES = ["Ready", "Issuing", "Stalled"] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

/** A condition as metav1.Condition defines it. */
export const conditionSchema = z
  .object({
    type: z.string().meta({ description: "Ready, Issuing or Stalled.", maxLength: 316 }),
    status: z.enum(["True", "False", "Unknown"]).meta({ description: "True, False or Unknown." }),
    reason: z.string().meta({ description: "The cause in one CamelCase word, for programs.", maxLength: 1024 }),
    message: z.string().meta({ description: "The cause and the next step, for people.", maxLength: 32768 }),
    lastTransitionTime: z.string().meta({ description: "When the status last changed.", format: "date-time" }),
    observedGeneration: z
      .int()
      .optional()
      .meta({ description: "The metadata.generation that this condition speaks of.", format: "int64" }),
  })
  .meta({ description: "One aspect of the resource's state." });

export type Condition = Readonly<z.output<typeof conditionSchema>>;

/** The condition of this type; undefined where the status has none yet. */
export function findCondition(
  { conditions }: { readonly conditions?: readonly Condition[] | undefined },
  type: ConditionType,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}
