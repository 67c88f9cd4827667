import { findCondition } from "../../api/conditions.ts";
import { PROJECT_X509, type ProjectX509, type ProjectX509Status } from "../../api/project-x509.ts";
import { type Audience, tell } from "../tell.ts";

/** Announces that the reason of Ready has changed, once the status is written. */
export function announce(audience: Audience, project: ProjectX509, next: ProjectX509Status): void {
  const ready = findCondition(next, "Ready");
  if (ready === undefined || findCondition(project.status, "Ready")?.reason === ready.reason) return;
  const stalled = findCondition(next, "Stalled");
  const type = ready.status === "True" ? "Normal" : "Warning";
  // Stalled has the remedy.
  const note = stalled?.status === "True" ? stalled.message : ready.message;
  tell(audience, PROJECT_X509, project, { type, reason: ready.reason, action: "Verify", note });
}
