import type { CertificatePage, UserCertificate } from "./user-certificate.ts";

/** Stops a server whose pages never end. */
const MOST_PAGES_WITHOUT_NEWS = 100;
const MOST_PASSES = 3;

/**
 * Walks through all pages and gives each certificate once, although the list changes meanwhile.
 *
 * A certificate that is added in between moves others to later pages, so that one may come twice: those are passed
 * over. One that expires in between moves others to pages already read, so that one may be missed: when the total fell
 * or more were announced than seen, the pages are read again from the start. A list that stays so is no answer: what it
 * lacks would be taken for gone.
 *
 * @param readPage - reads the page with this number, from 1
 * @param failure - makes the error to throw when the pages do not end or do not add up, from the rest of the sentence
 *   "it answered …"
 */
export async function* walkPages(
  itemsPerPage: number,
  readPage: (pageNum: number) => Promise<CertificatePage>,
  failure: (problem: string) => Error,
): AsyncGenerator<UserCertificate, void, undefined> {
  const seen = new Set<string>();
  for (let pass = 1; ; pass += 1) {
    // Each pass for itself: what an earlier one saw may have expired, and would stand in for what this one missed.
    const seenInPass = new Set<string>();
    let hasShrunk = false;
    let total: number | undefined;
    let withoutNews = 0;
    for (let pageNum = 1, more = true; more; pageNum += 1) {
      const page = await readPage(pageNum);
      const news = page.results.filter(({ serialNumber }) => !seen.has(serialNumber));
      for (const { serialNumber } of page.results) seenInPass.add(serialNumber);
      for (const certificate of news) {
        if (seen.has(certificate.serialNumber)) continue;
        seen.add(certificate.serialNumber);
        yield certificate;
      }
      withoutNews = news.length === 0 ? withoutNews + 1 : 0;
      if (withoutNews > MOST_PAGES_WITHOUT_NEWS) throw failure("with pages that do not end");
      if (total !== undefined && page.totalCount !== undefined && page.totalCount < total) hasShrunk = true;
      total = page.totalCount ?? total;
      more = page.results.length > 0 && hasNext(page, itemsPerPage);
    }
    const isShort = total !== undefined && seenInPass.size < total;
    if (!isShort && !hasShrunk) return;
    if (pass < MOST_PASSES) continue;
    throw failure(
      isShort
        ? `with a list that stays incomplete (${seenInPass.size} of ${total} certificates)`
        : "with a list that shrinks each time it is read",
    );
  }
}

/** A server may give fewer per page than asked, and need not link to the next one. */
function hasNext(page: CertificatePage, itemsPerPage: number): boolean {
  return page.results.length >= itemsPerPage || page.links.some(({ rel }) => rel === "next");
}
