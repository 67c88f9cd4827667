import type { IssueReason } from "../../../../api/reasons.ts";
import type { Issuance } from "../../../../api/user-certificate-status.ts";
import type { CertificateFacts } from "../../../../certificate/certificate-facts.ts";
import type { Blocker } from "./blocker.ts";
import type { ManagedSecret, ParkedView } from "./snapshot.ts";

/** The next action, with the facts that it takes. */
export type Decision =
  | { readonly kind: "blocked"; readonly blocker: Blocker }
  /** Try to write the parked certificate into its Secret. */
  | { readonly kind: "store"; readonly parked: ParkedView }
  /** The parked certificate has expired or was superseded: it is not written any more. */
  | { readonly kind: "discard"; readonly parked: ParkedView; readonly problem: string }
  | { readonly kind: "issue"; readonly reason: IssueReason; readonly message: string }
  /** Write metadata and formats around the certificate that is there. */
  | {
      readonly kind: "repair";
      readonly secret: ManagedSecret;
      readonly held: CertificateFacts;
      readonly differences: readonly string[];
      readonly rewritesData: boolean;
    }
  | { readonly kind: "keep" };
export type Repair = Extract<Decision, { kind: "repair" }>;

/** The result of a decision. */
export type Outcome =
  | { readonly kind: "nothing" }
  /** The attempt is on record, and Atlas has not been asked yet. */
  | { readonly kind: "recorded"; readonly attempt: Issuance }
  /** The certificate of the attempt is in its Secret. */
  | { readonly kind: "issued"; readonly facts: CertificateFacts; readonly attempt: Issuance }
  /** The certificate of the attempt was issued and could not be written yet. */
  | {
      readonly kind: "parked";
      readonly facts: CertificateFacts;
      readonly attempt: Issuance;
      /** The process that holds it. */
      readonly pod: string;
      /** Time of the next try, in milliseconds since the epoch. */
      readonly nextTryMs: number;
      readonly blocker: Blocker;
    }
  | { readonly kind: "discarded" }
  | { readonly kind: "repaired"; readonly differences: readonly string[] }
  | {
      readonly kind: "failed";
      readonly blocker: Blocker;
      /** The attempt that was put on record; undefined if it did not come to that. */
      readonly attempt: Issuance | undefined;
      /** Atlas may have issued a certificate: the attempt stays open until a list tells. */
      readonly staysOpen: boolean;
    }
  /** The resource or its Secret was changed by someone else in the meantime: reconcile again. */
  | { readonly kind: "overtaken" };
