import type { CustomerX509Removal } from "../../../api/customer-x509-removal.ts";
import type { ProjectBlocker } from "../../access/project-directory.ts";
import type { AuthoritiesState } from "../../access/read-authorities.ts";

/** The project that a request names, and the way to it. */
export type ProjectState =
  | { readonly kind: "usable"; readonly projectId: string }
  | { readonly kind: "unusable"; readonly blocker: ProjectBlocker };

/** Everything that is decided upon. */
export interface Snapshot {
  /** The later of this machine's clock and Atlas': a request must be in time by both. */
  readonly nowMs: number;
  readonly removal: CustomerX509Removal;
  readonly project: ProjectState;
  readonly atlas: AuthoritiesState | { readonly kind: "notAsked" };
}
