import * as z from "zod";
import { objectName, rules, timestamp } from "./schema.ts";

/** Beyond that, a status with all of their problems would no longer be small. */
const MAX_WORKLOADS = 8;

export const WORKLOAD_KINDS = ["Deployment", "StatefulSet", "DaemonSet"] as const;

const workloadFields = {
  kind: z.enum(WORKLOAD_KINDS).meta({ description: "Kind of the workload: Deployment, StatefulSet or DaemonSet." }),
  name: objectName("rolloutRestart.name", "Name of the workload, in the resource's namespace."),
};

/** `spec.rolloutRestart`: the workloads that get a renewed certificate by a restart. */
export const rolloutRestartSchema = z
  .array(z.object(workloadFields).meta({ description: "A workload that uses the Secret." }))
  .meta({
    description:
      "Workloads of the resource's namespace to restart, as kubectl rollout restart does, after the certificate in the " +
      "Secret was replaced: drivers read the certificate only when they start. At most 8. A workload is restarted at " +
      "most once in 10 minutes. Has an effect only if the installation allows restarts. Defaults to none.",
    maxItems: MAX_WORKLOADS,
    "x-kubernetes-list-type": "atomic",
    ...rules({
      rule: "self.all(one, self.exists_one(other, other.kind == one.kind && other.name == one.name))",
      message: "rolloutRestart must not name a workload twice",
    }),
  });

export type Workload = Readonly<z.output<typeof rolloutRestartSchema>[number]>;

/** `status.pendingRestarts`. */
export const pendingRestartsSchema = z
  .array(
    z
      .object({
        kind: z.enum(WORKLOAD_KINDS).meta({ description: "Kind of the workload." }),
        name: z.string().meta({ description: "Name of the workload." }),
        writtenAt: timestamp("Time at which the new certificate was written into the Secret."),
        reason: z.string().optional().meta({ description: "Why the workload cannot be restarted, in one word." }),
        message: z
          .string()
          .optional()
          .meta({ description: "Why the workload cannot be restarted, and what to do about it." }),
      })
      .meta({ description: "A workload that has not been restarted since then." }),
  )
  .meta({
    description: "Workloads of spec.rolloutRestart whose pods may still use the certificate before the last renewal.",
    "x-kubernetes-list-type": "atomic",
  });

export type PendingRestart = Readonly<z.output<typeof pendingRestartsSchema>[number]>;
