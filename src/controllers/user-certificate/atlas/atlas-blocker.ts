import type { UserCertificateSpec } from "../../../api/user-certificate.ts";
import { leavesDoubt } from "../../../atlas/errors/atlas-error.ts";
import { CHECK_BASE_URL, type Refusal, refusalOf, remedyAtAtlas } from "../../access/refusal.ts";
import type { Blocker } from "../core/model/blocker.ts";
import { credentialsPlace } from "../core/model/credentials-secret.ts";
import type { Calendar } from "./calendar.ts";

/** An error of the Atlas client as a blocker of a resource. */
export function atlasBlocker(error: unknown, spec: UserCertificateSpec): Blocker {
  const refusal = refusalOf(error);
  const { reason, problem, needsPerson, retryAfterMs } = refusal;
  const remedy = remedyOf(refusal, spec);
  return {
    reason,
    problem: leavesDoubt(refusal) ? `${problem} Nothing was changed.` : problem,
    remedy,
    needsPerson,
    retry: { kind: "backoff", ...(retryAfterMs !== undefined && { atLeastMs: retryAfterMs }) },
  };
}

/** Atlas' answer to a create holds no certificate that can be used. */
export function answerUnusable(problem: string, { wasteWaitMs }: Calendar): Blocker {
  return {
    reason: "AnswerUnusable",
    problem: `Atlas' response to the create request cannot be used: ${problem}.`,
    remedy: CHECK_BASE_URL,
    needsPerson: true,
    retry: { kind: "backoff", atLeastMs: wasteWaitMs },
  };
}

/** The next step of people or of the operator; undefined if it only has to retry. */
function remedyOf(refusal: Refusal, spec: UserCertificateSpec): string | undefined {
  const { projectId = "", projectRef, username } = spec;
  switch (refusal.kind) {
    case "userNotFound":
      return `Create it with "atlas dbusers create --username ${username} --x509Type MANAGED --projectId ${projectId} --role …", or correct spec.username.`;
    case "customerManagedOn":
      return projectRef === undefined
        ? "Disable it in the project's security settings in Atlas, which restarts the database, or use another project."
        : `Ask the platform team to disable it, which restarts the database; the status of AtlasProjectX509 ${projectRef.name} says how.`;
    case "projectNotFound":
      if (projectRef !== undefined) return `Ask the platform team to correct AtlasProjectX509 ${projectRef.name}.`;
      return remedyAtAtlas(refusal, credentialsPlace(spec), projectId);
    case "certificateLimit":
      return `Wait until certificates of user ${username} expire, or use another database user.`;
    case "badRequest":
      return "Correct the field that Atlas rejects: spec.projectId, spec.username or spec.monthsUntilExpiration.";
    case "ambiguous":
      return "The operator checks Atlas' list before it issues another certificate.";
    default:
      return remedyAtAtlas(refusal, credentialsPlace(spec), projectId);
  }
}
