import { DAY_MS } from "../clock.ts";
import { MetricText, seconds } from "./metric-text.ts";
import { type AtlasExchange, statusClass } from "./metrics.ts";

interface ProjectTraffic {
  readonly requests: Map<string, number>;
  lastSuccessMs: number;
  usedMs: number;
}

/** Requests about projects that Atlas has not confirmed. Project ids are hexadecimal, so none of them reads like this. */
const UNCONFIRMED = "unconfirmed";

/**
 * Requests to Atlas by project. Users can name any project, so one has series of its own only after Atlas carried out a
 * request about it, and until it has not been used for a day.
 */
export class AtlasTraffic {
  readonly #projects = new Map<string, ProjectTraffic>();
  readonly #unconfirmed = new Map<string, number>();

  add({ projectId, status }: AtlasExchange, nowMs: number): void {
    if (projectId === undefined) return;
    const statusLabel = statusClass(status);
    const isSuccess = statusLabel === "2xx";
    let project = this.#projects.get(projectId);
    if (project === undefined && isSuccess) {
      project = { requests: new Map(), lastSuccessMs: nowMs, usedMs: nowMs };
      this.#projects.set(projectId, project);
    }
    if (project !== undefined) {
      project.usedMs = nowMs;
      if (isSuccess) project.lastSuccessMs = nowMs;
    }
    const requests = project?.requests ?? this.#unconfirmed;
    requests.set(statusLabel, (requests.get(statusLabel) ?? 0) + 1);
  }

  /** In the text format of Prometheus. */
  text(nowMs: number): string {
    const requests = new MetricText(
      "atlascerts_atlas_project_requests_total",
      `HTTP requests to Atlas about a project, by class of the status. Projects that Atlas has not confirmed are summed under project_id="${UNCONFIRMED}".`,
      "counter",
    );
    const lastSuccess = new MetricText(
      "atlascerts_atlas_last_success_timestamp_seconds",
      "Time at which Atlas last carried out a request about the project.",
    );
    for (const [id, { usedMs }] of this.#projects) if (nowMs - usedMs >= DAY_MS) this.#projects.delete(id);
    for (const [id, project] of this.#projects) {
      addRequests(requests, id, project.requests);
      lastSuccess.add(`project_id="${id}"`, seconds(project.lastSuccessMs));
    }
    addRequests(requests, UNCONFIRMED, this.#unconfirmed);
    return requests.text + lastSuccess.text;
  }
}

function addRequests(metric: MetricText, projectId: string, counts: ReadonlyMap<string, number>): void {
  for (const [status, count] of counts) metric.add(`project_id="${projectId}",status="${status}"`, count);
}
