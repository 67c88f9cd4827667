import * as z from "zod";

/** The condition types of AtlasUserCertificate. kstatus reads Ready and Stalled; Issuing says that a certificate is being issued. */
export const CONDITION_TYPES = ["Ready", "Issuing", "Stalled"] as const;
/** The condition of a resource with spec.rolloutRestart: kstatus knows nothing of it, so that it fails no rollout of an app. */
export const RESTART_CONDITION = "RestartPending";
export type ConditionType = (typeof CONDITION_TYPES)[number] | typeof RESTART_CONDITION;

/** A condition as metav1.Condition defines it. */
const conditionSchema = z
  .object({
    type: z.string().meta({ description: "Type of the condition, such as Ready.", maxLength: 316 }),
    status: z
      .enum(["True", "False", "Unknown"])
      .meta({ description: "Status of the condition: True, False or Unknown." }),
    reason: z
      .string()
      .meta({ description: "Reason for the status: one CamelCase word, for programs.", maxLength: 1024 }),
    message: z.string().meta({ description: "Reason for the status and the next step, for people.", maxLength: 32768 }),
    lastTransitionTime: z.string().meta({ description: "Time at which the status last changed.", format: "date-time" }),
    observedGeneration: z
      .int()
      .optional()
      .meta({ description: "metadata.generation that the condition describes.", format: "int64" }),
  })
  .meta({ description: "One aspect of the current state of the resource." });

export type Condition = Readonly<z.output<typeof conditionSchema>>;

/** The fields that begin the status of each kind. */
export function commonStatus(conditions: string) {
  return {
    conditions: z
      .array(conditionSchema)
      .optional()
      .meta({
        description: conditions,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
      }),
    observedGeneration: z.int().optional().meta({
      description: "metadata.generation that this status describes. -1 until the operator has seen the resource.",
      format: "int64",
      // kstatus takes an object without a status for Current: tools that wait would go on without a certificate.
      default: -1,
    }),
  };
}

/** The condition of this type, if the status has one. */
export function findCondition(
  { conditions }: { readonly conditions?: readonly Condition[] | undefined },
  type: ConditionType,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}
