/** Effect of the call on the database: people read it before, while and after it happens. */
export function restartOf(projectId: string): string {
  return `Atlas restarts the nodes of every cluster of project ${projectId}, one after the other.`;
}

/** That the call is on record: the first part of a sentence. */
export function recordedRequest(projectId = "", requestedAt = ""): string {
  return `At ${requestedAt} the operator recorded its request to switch off customer-managed X.509 in project ${projectId}`;
}

/** That customer-managed X.509 is off, and why. */
export function completion(reason: "Removed" | "AlreadyOff", projectId = "", requestedAt = ""): string {
  return reason === "Removed"
    ? `Customer-managed X.509 is off in project ${projectId}, as requested at ${requestedAt}.`
    : "Customer-managed X.509 was already off, so the operator did nothing.";
}
