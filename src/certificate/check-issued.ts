import type { CertificateFacts } from "./certificate-facts.ts";
import { describeSubject, subjectIsUser } from "./distinguished-name.ts";

/** The length of an average month, in milliseconds. */
export const MONTH_MS = (365.25 / 12) * 86_400_000;

/** What was asked for. */
export interface IssueRequest {
  readonly username: string;
  readonly monthsUntilExpiration: number;
  /** The length of a month: that of the calendar, or a simulator's. */
  readonly monthMs: number;
}

/**
 * What contradicts the request in a certificate that Atlas has just issued; undefined where nothing does.
 *
 * The lifetime may be off by a quarter and a day: months have 28 to 31 days and nobody promises the hour. More than
 * that says that the answer is not for this request.
 */
export function checkIssued(facts: CertificateFacts, request: IssueRequest, nowMs: number): string | undefined {
  if (!subjectIsUser(facts.subject, request.username)) {
    return `its subject is ${describeSubject(facts.subject)}, not the user ${request.username}`;
  }
  if (facts.notAfter.getTime() <= nowMs) {
    return `it expired at ${facts.notAfter.toISOString()}: compare this cluster's clock with Atlas'`;
  }
  const askedMs = request.monthsUntilExpiration * request.monthMs;
  const toleranceMs = askedMs / 4 + Math.min(86_400_000, request.monthMs);
  const gotMs = facts.notAfter.getTime() - nowMs;
  if (Math.abs(gotMs - askedMs) > toleranceMs) {
    return `it expires at ${facts.notAfter.toISOString()}, which is not about ${request.monthsUntilExpiration} months from now`;
  }
  return undefined;
}
