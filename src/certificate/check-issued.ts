import { DAY_MS } from "../clock.ts";
import type { CertificateFacts } from "./certificate-facts.ts";
import { describeSubject, subjectIsUser } from "./distinguished-name.ts";

/** The length of an average month, in milliseconds. */
export const MONTH_MS = (365.25 / 12) * DAY_MS;

/** The request that an issued certificate has to match. */
export interface IssueRequest {
  readonly username: string;
  readonly monthsUntilExpiration: number;
  /** Length of a month in milliseconds: the calendar's, or a simulator's. @default {@link MONTH_MS} */
  readonly monthMs?: number | undefined;
  /** Serial numbers that the user's certificates had before the request. @default none */
  readonly knownSerials?: readonly string[];
}

/**
 * Says how a certificate that Atlas has just issued contradicts the request; undefined if it matches.
 *
 * The lifetime may be off by a quarter and a day: months have 28 to 31 days, and no one promises the hour. More than
 * that says that the answer is not for this request. It is measured between the certificate's own dates, or from now, for
 * an authority that dates its certificates back.
 *
 * @param nowMs now by Atlas' clock, in milliseconds since the epoch
 */
export function checkIssued(facts: CertificateFacts, request: IssueRequest, nowMs: number): string | undefined {
  const { serialNumber, subject, notBefore, notAfter } = facts;
  if (!subjectIsUser(subject, request.username)) {
    return `the certificate's subject is ${describeSubject(subject)}, not user ${request.username}`;
  }
  if (request.knownSerials?.includes(serialNumber)) return `certificate ${serialNumber} was issued before the request`;
  if (notAfter.getTime() <= nowMs) return `the certificate expired at ${toSecond(notAfter)}`;
  const isAsAsked = [notBefore.getTime(), nowMs].some((startMs) => isLifetime(notAfter.getTime() - startMs, request));
  if (isAsAsked) return undefined;
  return (
    `the certificate is valid from ${toSecond(notBefore)} to ${toSecond(notAfter)}, ` +
    `instead of for about ${request.monthsUntilExpiration} months`
  );
}

/** RFC 3339, as a certificate has it: without fractions of a second. */
function toSecond(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}

function isLifetime(ms: number, { monthsUntilExpiration, monthMs = MONTH_MS }: IssueRequest): boolean {
  const askedMs = monthsUntilExpiration * monthMs;
  return Math.abs(ms - askedMs) <= askedMs / 4 + Math.min(DAY_MS, monthMs);
}
