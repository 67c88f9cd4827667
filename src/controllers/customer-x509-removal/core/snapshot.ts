import type { CustomerX509Removal } from "../../../api/customer-x509-removal.ts";
import type { CertificateAuthority } from "../../../certificate/certificate-authorities.ts";

/** Why nothing can happen now. */
export interface Obstacle {
  /** One CamelCase word. */
  readonly reason: string;
  /** One sentence that says what is wrong, without a remedy. */
  readonly problem: string;
  /** One sentence that says what to do. @default the operator retries by itself */
  readonly remedy?: string | undefined;
  /** Waiting does not help: a person has to act. */
  readonly needsPerson: boolean;
  /** Wait that Atlas asks for, in milliseconds. */
  readonly atLeastMs?: number | undefined;
}

/** The project that a request names, and the way to it. */
export type ObservedProject =
  | { readonly kind: "usable"; readonly projectId: string }
  | { readonly kind: "unusable"; readonly obstacle: Obstacle };

/** The answer of Atlas about customer-managed X.509. */
export type ObservedAuthorities =
  | { readonly kind: "notAsked" }
  /** Without any of them, customer-managed X.509 is off. */
  | { readonly kind: "read"; readonly authorities: readonly CertificateAuthority[] }
  /** It is on, and what is set there is no list of PEM certificates. */
  | { readonly kind: "unreadable" }
  | { readonly kind: "unknown"; readonly obstacle: Obstacle };

/** Everything that is decided upon. */
export interface Snapshot {
  /** The later of this machine's clock and Atlas': a request must be in time by both. */
  readonly nowMs: number;
  readonly removal: CustomerX509Removal;
  readonly project: ObservedProject;
  readonly atlas: ObservedAuthorities;
}
