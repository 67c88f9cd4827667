import type { LastAttempt, RecentIssuance } from "../../../../api/user-certificate-status.ts";
import type { CertificateFacts } from "../../../../certificate/certificate-facts.ts";
import type { Snapshot } from "./snapshot.ts";

/** Which lists lacked the certificate. */
export interface Unlisted {
  readonly sinceMs: number;
  readonly latestMs: number;
  readonly lists: number;
  readonly replaced: boolean;
}

/** How much of the limits of a user is used up. The limits are the user's: they survive every resource and its status. */
export interface Usage {
  /** When each certificate of the last 24 hours was issued, or may have been, in milliseconds since the epoch. */
  readonly issuedMs: readonly number[];
  readonly maxPerDay: number;
  readonly unexpired: number;
}

/** The certificate in the Secret. All fields are undefined unless the Secret belongs to this resource and holds a matching pair. */
export type HeldState = HeldCertificate | { readonly [Field in keyof HeldCertificate]: undefined };

interface HeldCertificate {
  readonly held: CertificateFacts;
  /** Whether the list of this reconcile holds it; undefined if Atlas was not asked. */
  readonly isListed: boolean | undefined;
  /** When Atlas last proved it, in milliseconds since the epoch; undefined if it never did. */
  readonly provenMs: number | undefined;
  /** Whom it was issued for, if that is not the user of the spec. */
  readonly identityChange: string | undefined;
  /** Evidence against it from all lists so far. */
  readonly doubt: Unlisted | undefined;
  /** When it is due for renewal, in milliseconds since the epoch. */
  readonly renewalDueMs: number;
}

/** A snapshot with the certificate in the Secret. */
export type WithHeld = Snapshot & HeldState;

/** The attempt on record. */
export interface AttemptState {
  /** Whether this process still holds its certificate. */
  readonly isParkedHere: boolean;
  /** Whether a process that stopped leading still tries to store its certificate. */
  readonly isParkedElsewhere: boolean;
  /** The attempt as an entry of the history, once it comes off the record; undefined if it stays, or there is none. */
  readonly settled: RecentIssuance | undefined;
}

/** A snapshot with what follows from it, computed once: the input of every check. */
export type Situation = Snapshot & HeldState & AttemptState & Conclusions;

interface Conclusions {
  /** Certificates that were issued, or may have been, for this resource. */
  readonly history: readonly RecentIssuance[];
  /** The last failed attempt, if it was made for what the resource and its credentials are now. */
  readonly lastAttempt: LastAttempt | undefined;
  /** End of the running backoff, in milliseconds since the epoch; undefined if none is running or a change ended it. */
  readonly backoffEndMs: number | undefined;
  readonly usage: Usage;
}
