import { type CertificateAuthority, certificateAuthorities } from "../../certificate/certificate-authorities.ts";
import type { ProjectAtAtlas, ProjectBlocker } from "./project-directory.ts";
import { refusalOf, remedyAtAtlas } from "./refusal.ts";

/** The answer of Atlas about customer-managed X.509. */
export type AuthoritiesState =
  /** Without any of them, customer-managed X.509 is off. */
  | { readonly kind: "read"; readonly authorities: readonly CertificateAuthority[] }
  /** It is on, and what is set there is no list of PEM certificates. */
  | { readonly kind: "unreadable" }
  | { readonly kind: "unknown"; readonly blocker: ProjectBlocker };

interface AuthoritiesReading {
  readonly authorities: AuthoritiesState;
  /** When Atlas answered, by its own clock. */
  readonly answeredAt: Date | undefined;
}

/** How long Atlas may take to tell, in milliseconds. */
const READ_TIMEOUT_MS = 10_000;

/** Asks Atlas which certificate authorities of the customer's own are set. */
export async function readAuthorities(project: ProjectAtAtlas, signal: AbortSignal): Promise<AuthoritiesReading> {
  try {
    const { api, projectId: groupId } = project;
    const { answeredAt, customerX509 } = await api.getUserSecurity({ groupId }, { signal, timeoutMs: READ_TIMEOUT_MS });
    if (customerX509.cas === undefined) return { authorities: { kind: "read", authorities: [] }, answeredAt };
    const authorities = certificateAuthorities(customerX509.cas);
    return {
      authorities: authorities === undefined ? { kind: "unreadable" } : { kind: "read", authorities },
      answeredAt,
    };
  } catch (error: unknown) {
    return { authorities: { kind: "unknown", blocker: projectBlocker(error, project) }, answeredAt: undefined };
  }
}

/** An error of the Atlas client as a blocker of a project. */
export function projectBlocker(error: unknown, { credentialsPlace, projectId }: ProjectAtAtlas): ProjectBlocker {
  const refusal = refusalOf(error);
  const { needsPerson, problem, reason, retryAfterMs } = refusal;
  const remedy = remedyAtAtlas(refusal, credentialsPlace, projectId);
  return { reason, problem, remedy, needsPerson, atLeastMs: retryAfterMs };
}
