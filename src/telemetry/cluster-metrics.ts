import { MetricText } from "./metric-text.ts";

/** The facts about one AtlasProjectX509 that the figures need. */
export interface ProjectFigures {
  readonly name: string;
  readonly isReady: boolean;
  readonly resources: number;
  readonly isCustomerManaged: boolean;
}

/** The facts about one AtlasCustomerX509Removal. */
export interface RemovalFigures {
  readonly name: string;
  readonly isComplete: boolean;
  readonly isFailed: boolean;
}

/** The figures of the cluster-scoped kinds, in the text format of Prometheus. They name no tenant. */
export function clusterMetrics(projects: readonly ProjectFigures[], removals: readonly RemovalFigures[]): string {
  const ready = new MetricText("atlascerts_project_ready", "1 if the project's condition Ready is True, else 0.");
  const resources = new MetricText(
    "atlascerts_project_resources",
    "Number of resources that use the project through a grant.",
  );
  const customerManaged = new MetricText(
    "atlascerts_project_customer_managed_x509",
    "1 if customer-managed X.509 is on in the project, so that Atlas issues no certificates, else 0.",
  );
  const complete = new MetricText(
    "atlascerts_customer_x509_removal_complete",
    "1 if the request to remove customer-managed X.509 is complete, else 0.",
  );
  const failed = new MetricText(
    "atlascerts_customer_x509_removal_failed",
    "1 if the request to remove customer-managed X.509 has failed, else 0.",
  );
  for (const project of projects) {
    const labels = `name="${project.name}"`;
    ready.add(labels, Number(project.isReady));
    resources.add(labels, project.resources);
    customerManaged.add(labels, Number(project.isCustomerManaged));
  }
  for (const { name, isComplete, isFailed } of removals) {
    complete.add(`name="${name}"`, Number(isComplete));
    failed.add(`name="${name}"`, Number(isFailed));
  }
  return [ready, resources, customerManaged, complete, failed].map(({ text }) => text).join("");
}
