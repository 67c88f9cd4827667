import { expect, test } from "vitest";
import { clusterMetrics } from "./cluster-metrics.ts";

test("projects and requests are exported by name", () => {
  const text = clusterMetrics(
    [{ name: "production", isReady: false, resources: 3, isCustomerManaged: true }],
    [{ name: "production-x7k2p", isComplete: false, isFailed: true }],
  );
  const series = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  expect(series).toEqual([
    'atlascerts_project_ready{name="production"} 0',
    'atlascerts_project_resources{name="production"} 3',
    'atlascerts_project_customer_managed_x509{name="production"} 1',
    'atlascerts_customer_x509_removal_complete{name="production-x7k2p"} 0',
    'atlascerts_customer_x509_removal_failed{name="production-x7k2p"} 1',
  ]);
});
