import type { CertificateFacts } from "./certificate-facts.ts";
import { describeSubject, subjectIsUser } from "./distinguished-name.ts";

/** The length of an average month, in milliseconds. */
export const MONTH_MS = (365.25 / 12) * 86_400_000;

/** What was asked for. */
export interface IssueRequest {
  readonly username: string;
  readonly monthsUntilExpiration: number;
  /** How long a month lasts, in milliseconds: a simulator's may be shorter. @default {@link MONTH_MS} */
  readonly monthMs?: number | undefined;
}

/**
 * What contradicts the request in a certificate that Atlas has just issued; undefined where nothing does.
 *
 * The lifetime may be off by a quarter and a day: months have 28 to 31 days and nobody promises the hour. More than
 * that says that the answer is not for this request.
 *
 * It is measured between the certificate's own dates, which are both Atlas'. That they lie in another time than this
 * clock's is no reason to refuse: a wrong clock here is likelier than one at Atlas, and what is refused is lost. Such a
 * certificate is kept, and looking at it again tells that the clocks disagree. From now on it is measured as well, for
 * an authority that dates its certificates back.
 */
export function checkIssued(facts: CertificateFacts, request: IssueRequest, nowMs: number): string | undefined {
  if (!subjectIsUser(facts.subject, request.username)) {
    return `its subject is ${describeSubject(facts.subject)}, not the user ${request.username}`;
  }
  const { notBefore, notAfter } = facts;
  const isAsAsked = [notBefore.getTime(), nowMs].some((startMs) => isLifetime(notAfter.getTime() - startMs, request));
  if (isAsAsked) return undefined;
  return (
    `it is valid from ${notBefore.toISOString()} to ${notAfter.toISOString()}, ` +
    `which is not about ${request.monthsUntilExpiration} months`
  );
}

function isLifetime(ms: number, { monthsUntilExpiration, monthMs = MONTH_MS }: IssueRequest): boolean {
  const askedMs = monthsUntilExpiration * monthMs;
  return Math.abs(ms - askedMs) <= askedMs / 4 + Math.min(86_400_000, monthMs);
}
