import type { UserCertificate } from "../../../api/parse-user-certificate.ts";
import type { ProjectX509 } from "../../../api/project-x509.ts";
import type { ProjectBlocker } from "../../access/project-directory.ts";
import type { AuthoritiesState } from "../../access/read-authorities.ts";

/** Everything that the status of a project is made of. */
export interface Snapshot {
  readonly nowMs: number;
  /** When Atlas answered, by its own clock. */
  readonly answeredMs?: number | undefined;
  readonly project: ProjectX509;
  /** The answer of Atlas, or why it could not be asked. */
  readonly atlas: AuthoritiesState | { readonly kind: "unreachable"; readonly blocker: ProjectBlocker };
  /** The resources that name the project, whether it grants them anything or not. */
  readonly resources: readonly Pick<UserCertificate, "spec" | "status">[];
  /** Requests that Atlas' rate limit still allows. */
  readonly tokens: number;
}
