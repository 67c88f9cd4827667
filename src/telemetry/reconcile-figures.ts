/** The figures of one completed reconcile. Every text is from a closed list. */
export interface ReconcileFigures {
  readonly decision: string;
  readonly outcome: string;
  /** Why: of a failure, of a block or of a certificate; `None` where nothing was to be done. */
  readonly reason: string;
  /** Why the certificate was issued, where one was. */
  readonly issuedFor: string | undefined;
}
