import { z } from "zod";
import { only, render } from "../chart/rendering.ts";

const alertSchema = z.object({
  alert: z.string(),
  expr: z.string(),
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()),
});
const ruleSchema = z.object({
  spec: z.object({ groups: z.array(z.looseObject({ rules: z.array(z.looseObject(alertSchema.shape)) })) }),
});
const monitorSchema = z.object({ spec: z.object({ endpoints: z.tuple([z.object({ honorLabels: z.boolean() })]) }) });

/** What a release gives to the Prometheus Operator. */
export interface ShippedMonitoring {
  /** The spec of the PrometheusRule, which is a file of rules. */
  readonly rules: z.output<typeof ruleSchema>["spec"];
  readonly honorLabels: boolean;
  /** The labels that Prometheus gives each series of the release's pod. */
  readonly target: Readonly<Record<string, string>>;
}

/** @param release its name, which is that of its namespace as well */
export async function shippedMonitoring(release: string): Promise<ShippedMonitoring> {
  const metrics = { serviceMonitor: { enabled: true }, prometheusRule: { enabled: true } };
  const objects = await render({ metrics, fullnameOverride: release }, { release, namespace: release });
  const [{ honorLabels }] = monitorSchema.parse(only(objects, "ServiceMonitor")).spec.endpoints;
  return {
    rules: ruleSchema.parse(only(objects, "PrometheusRule")).spec,
    honorLabels,
    target: { namespace: release, job: release, pod: `${release}-0` },
  };
}
