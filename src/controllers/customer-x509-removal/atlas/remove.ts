import type { CustomerX509Removal } from "../../../api/customer-x509-removal.ts";
import { AtlasError } from "../../../atlas/errors/atlas-error.ts";
import type { Clock } from "../../../clock.ts";
import type { ProjectAtAtlas } from "../../access/project-directory.ts";
import { projectBlocker } from "../../access/read-authorities.ts";
import { expired, type Failure } from "../core/decide.ts";

/** Result of the one call. */
type CallResult =
  | { readonly kind: "accepted" }
  | { readonly kind: "answerLost"; readonly problem: string }
  | { readonly kind: "refused"; readonly failure: Failure };

export interface CallOptions {
  /** Throws if this process may no longer act. */
  readonly assertLeading: () => void;
  readonly clock: Pick<Clock, "now">;
}

/** How long Atlas may take to answer, in milliseconds. After that, reading tells whether it has acted. */
const CALL_TIMEOUT_MS = 30_000;

class TooLate extends Error {
  override readonly name = "TooLate";
}

/** Makes the one call that a request is for. It is never repeated, whatever comes of it. */
export async function callRemoval(
  project: ProjectAtAtlas,
  { spec: { notAfter } }: CustomerX509Removal,
  { assertLeading, clock }: CallOptions,
): Promise<CallResult> {
  // A token, a connection: the call does not leave at once, and the process may have been frozen since its record.
  const beforeSending = () => {
    assertLeading();
    if (!(clock.now() < Date.parse(notAfter))) throw new TooLate(notAfter);
  };
  try {
    beforeSending();
    const parameters = { groupId: project.projectId };
    await project.api.disableCustomerManagedX509(parameters, { timeoutMs: CALL_TIMEOUT_MS, beforeSending });
    return { kind: "accepted" };
  } catch (error: unknown) {
    if (isTooLate(error)) {
      return { kind: "refused", failure: expired(notAfter, "the request was sent, so nothing was changed") };
    }
    const { reason, problem, remedy } = projectBlocker(error, project);
    if (error instanceof AtlasError && error.changed === "unknown") return { kind: "answerLost", problem };
    const again = "create a new AtlasCustomerX509Removal, since the operator sends at most one request for each.";
    const failure = {
      reason,
      problem: `${problem} Nothing was changed.`,
      remedy: remedy === undefined ? `To try again, ${again}` : `${remedy} Then ${again}`,
    };
    return { kind: "refused", failure };
  }
}

function isTooLate(error: unknown): boolean {
  return error instanceof TooLate || (error instanceof AtlasError && error.cause instanceof TooLate);
}
