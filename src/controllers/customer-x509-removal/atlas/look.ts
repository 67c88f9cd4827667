import { certificateAuthorities } from "../../../certificate/certificate-authorities.ts";
import type { ProjectApi } from "../../access/atlas-api.ts";
import { refusalOf, remedyAtAtlas } from "../../access/refusal.ts";
import type { ObservedAuthorities, Obstacle } from "../core/snapshot.ts";

/** A project at Atlas, and the credentials for it. */
export interface ProjectAtAtlas {
  readonly projectId: string;
  readonly api: ProjectApi;
  /** The Secret with the credentials, in the middle of a sentence. */
  readonly credentialsPlace: string;
}

export interface Look {
  readonly authorities: ObservedAuthorities;
  /** When Atlas answered, by its own clock. */
  readonly answeredAt: Date | undefined;
}

/** How long Atlas may take to tell, in milliseconds. */
const LOOK_TIMEOUT_MS = 10_000;

/** Asks Atlas which certificate authorities of the customer's own are set. */
export async function lookAt(project: ProjectAtAtlas, signal: AbortSignal): Promise<Look> {
  try {
    const { api, projectId: groupId } = project;
    const { answeredAt, customerX509 } = await api.getUserSecurity({ groupId }, { signal, timeoutMs: LOOK_TIMEOUT_MS });
    if (customerX509.cas === undefined) return { authorities: { kind: "read", authorities: [] }, answeredAt };
    const authorities = certificateAuthorities(customerX509.cas);
    return {
      authorities: authorities === undefined ? { kind: "unreadable" } : { kind: "read", authorities },
      answeredAt,
    };
  } catch (error: unknown) {
    return { authorities: { kind: "unknown", obstacle: obstacleOf(error, project) }, answeredAt: undefined };
  }
}

/** An error of the Atlas client as an obstacle. Anything else is a bug of ours and is thrown again. */
export function obstacleOf(error: unknown, { credentialsPlace, projectId }: ProjectAtAtlas): Obstacle {
  const refusal = refusalOf(error);
  const { needsPerson, problem, reason, retryAfterMs } = refusal;
  return {
    reason,
    problem,
    remedy: remedyAtAtlas(refusal, credentialsPlace, projectId),
    needsPerson,
    atLeastMs: retryAfterMs,
  };
}
