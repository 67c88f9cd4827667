import { DAY_MS } from "../clock.ts";
import type { Page } from "./paging.ts";
import { pageLinks } from "./paging.ts";
import type { CertificateRecord } from "./state.ts";

/** The fields of a page, of its certificates and of its links that a deviation can take away. */
export const LIST_FIELDS = [
  "_id",
  "createdAt",
  "groupId",
  "notAfter",
  "subject",
  "links",
  "rel",
  "href",
  "totalCount",
] as const;
type ListField = (typeof LIST_FIELDS)[number];

/** How a time ends that is written in ISO 8601. Atlas' own form is `Z`. */
export const TIME_FORMS = ["Z", "+0000", "+00:00", ".000Z"] as const;
type TimeForm = (typeof TIME_FORMS)[number];

/** How a list of certificates is told otherwise than it is. */
export interface ListDeviation {
  /** The count takes in the expired ones, which the list leaves out. */
  readonly countsExpired?: boolean;
  /** Added to the count. */
  readonly countOffBy?: number;
  readonly without?: readonly ListField[];
  readonly asNull?: readonly ListField[];
  readonly times?: TimeForm;
  /** No certificate at all. */
  readonly isEmpty?: boolean;
  /** Made-up certificates without end. */
  readonly isEndless?: boolean;
  /** A certificate that was issued less than this long ago is not listed yet. */
  readonly lagMs?: number;
}

interface CertificateListRequest {
  readonly page: Page;
  readonly projectId: string;
  /** Of the list, without a query. */
  readonly url: string;
  readonly nowMs: number;
}

type ListedCertificate = Pick<CertificateRecord, "serialNumber" | "subject" | "notBefore" | "notAfter" | "issuedAt">;

/** The JSON of one page of a user's unexpired certificates. */
export function certificateListJson(
  recorded: readonly ListedCertificate[],
  { page, projectId, url, nowMs }: CertificateListRequest,
  deviation: ListDeviation,
): string {
  const { countsExpired = false, countOffBy = 0, isEmpty = false, isEndless = false, lagMs = 0 } = deviation;
  const visible = isEmpty ? [] : recorded.filter(({ issuedAt }) => issuedAt.getTime() + lagMs <= nowMs);
  const listed = isEndless ? endless(page, nowMs) : visible.filter(({ notAfter }) => notAfter.getTime() > nowMs);
  const counted = countsExpired ? visible : listed;

  const write = (fields: Readonly<Record<string, string>>) => objectJson(fields, deviation);
  const time = (date: Date) => JSON.stringify(timestamp(date, deviation.times ?? "Z"));
  const certificate = ({ serialNumber, subject, notBefore, notAfter }: ListedCertificate) =>
    write({
      // A bare number beyond 2^53, which `JSON.stringify` can't write.
      _id: serialNumber,
      // Atlas gives the beginning of the validity as the time of creation.
      createdAt: time(notBefore),
      groupId: JSON.stringify(projectId),
      notAfter: time(notAfter),
      subject: JSON.stringify(subject),
    });
  const links = pageLinks(page, url, listed.length).map(({ href, rel }) =>
    write({ href: JSON.stringify(href), rel: JSON.stringify(rel) }),
  );
  return write({
    links: `[${links.join(",")}]`,
    results: `[${page.cut(listed).map(certificate).join(",")}]`,
    ...(page.includeCount ? { totalCount: String(Math.max(0, counted.length + countOffBy)) } : {}),
  });
}

/** All certificates up to the first one of the next page. */
function endless({ pageNum, itemsPerPage }: Page, nowMs: number): readonly ListedCertificate[] {
  const now = new Date(nowMs);
  return Array.from({ length: pageNum * itemsPerPage + 1 }, (_, index) => ({
    ...{ serialNumber: String(index + 1), subject: "CN=made-up", notBefore: now, issuedAt: now },
    notAfter: new Date(nowMs + DAY_MS),
  }));
}

/** @param fields each with its value as JSON */
function objectJson(
  fields: Readonly<Record<string, string>>,
  { without = [], asNull = [] }: Pick<ListDeviation, "without" | "asNull">,
): string {
  const left = Object.entries(fields).filter(([name]) => !without.some((each) => each === name));
  return `{${left.map(([name, json]) => `"${name}":${asNull.some((each) => each === name) ? "null" : json}`).join(",")}}`;
}

/** ISO 8601 without fractions of a second, as Atlas writes times, unless the form has some. */
function timestamp(date: Date, form: TimeForm): string {
  return date.toISOString().replace(/\.\d+Z$/, form);
}
