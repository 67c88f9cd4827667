import type { Issuance } from "../../api/user-certificate.ts";
import type { CertificateFacts } from "../../certificate/certificate-facts.ts";
import type { Trouble } from "./trouble.ts";

/** What became of a decision. */
export type Outcome =
  /** Nothing was to be done. */
  | { readonly kind: "nothing" }
  /** A certificate was issued and is in its Secret; or an earlier attempt's was found there. */
  | {
      readonly kind: "issued";
      readonly facts: CertificateFacts;
      readonly issuance: Issuance;
      /** The Secret that it was written into. @default the one that the resource named when it was observed */
      readonly secretName?: string;
    }
  | { readonly kind: "repaired"; readonly differences: readonly string[] }
  | {
      readonly kind: "failed";
      readonly trouble: Trouble;
      /** A certificate was issued, or may have been, and nobody holds it. */
      readonly spent: boolean;
      /** The attempt's record as the API server has it, if there is one. */
      readonly issuance: Issuance | undefined;
      /** The record stays open: the next list tells what became of the create. */
      readonly staysOpen: boolean;
    }
  /** Somebody else changed the resource or its Secret meanwhile: look again. */
  | { readonly kind: "overtaken" };
