import type { CertificatePage, IssuedCertificate } from "./issued-certificate.ts";

/** All of a database user's unexpired certificates, each once. */
export interface CertificateList {
  readonly certificates: readonly IssuedCertificate[];
  /** When Atlas answered with the last page, by its own clock (`Date` header); undefined when it had no date. */
  readonly answeredAt: Date | undefined;
}

/** These stop a server whose pages never end. */
const MOST_CERTIFICATES = 10_000;
const MOST_PAGES_WITHOUT_NEWS = 100;

/** Nor is a list that changes all the time read forever. */
const MOST_PASSES = 5;

/**
 * Reads all pages, although the list may change meanwhile. The list ends with a page that has no link to a next one and
 * fewer items than asked for. A certificate that expires between two pages moves others to pages already read, so that
 * they are missed: a list of several pages counts only when two passes in a row saw the same. So does a single page that
 * announces more (`totalCount`), because that number is an estimate: it asks for another pass, and no more.
 *
 * @param readPage - reads the page with this number, from 1
 * @param failure - makes the error to throw when the pages do not end, from the rest of the sentence "the server answered 200 …"
 */
export async function readAllPages(
  itemsPerPage: number,
  readPage: (pageNum: number) => Promise<CertificatePage>,
  failure: (problem: string) => Error,
): Promise<CertificateList> {
  let previous: Pass | undefined;
  for (let count = 1; count <= MOST_PASSES; count += 1) {
    const pass = await readOnce(itemsPerPage, readPage, failure);
    if (pass.isSnapshot || (previous !== undefined && sameCertificates(previous, pass))) {
      return { certificates: [...pass.found.values()], answeredAt: pass.answeredAt };
    }
    previous = pass;
  }
  throw failure("with a list that changes each time it is read");
}

/** The result of one walk through all pages. */
interface Pass {
  /** By serial number. */
  readonly found: ReadonlyMap<string, IssuedCertificate>;
  readonly answeredAt: Date | undefined;
  /** Whether nothing can have been missed: it came in one answer, and that announced no more. */
  readonly isSnapshot: boolean;
}

async function readOnce(
  itemsPerPage: number,
  readPage: (pageNum: number) => Promise<CertificatePage>,
  failure: (problem: string) => Error,
): Promise<Pass> {
  const found = new Map<string, IssuedCertificate>();
  let withoutNews = 0;
  for (let pageNum = 1; ; pageNum += 1) {
    const page = await readPage(pageNum);
    const before = found.size;
    for (const certificate of page.results) found.set(certificate.serialNumber, certificate);
    if (found.size > MOST_CERTIFICATES) throw failure(`with more than ${MOST_CERTIFICATES} certificates of one user`);
    withoutNews = found.size === before ? withoutNews + 1 : 0;
    if (withoutNews > MOST_PAGES_WITHOUT_NEWS) throw failure("with pages that do not end");
    if (hasNext(page, itemsPerPage)) continue;
    const isSnapshot = pageNum === 1 && (page.totalCount ?? 0) <= found.size;
    return { found, answeredAt: page.answeredAt, isSnapshot };
  }
}

/** A server may give fewer per page than asked, and need not link to the next one. */
function hasNext(page: CertificatePage, itemsPerPage: number): boolean {
  return page.results.length >= itemsPerPage || page.links.some(({ rel }) => rel === "next");
}

function sameCertificates(one: Pass, other: Pass): boolean {
  return one.found.size === other.found.size && [...one.found.keys()].every((serial) => other.found.has(serial));
}
