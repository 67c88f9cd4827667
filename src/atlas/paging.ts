import type { CertificatePage, UserCertificate } from "./user-certificate.ts";

/** Stops a server whose pages never end. */
const MOST_PAGES_WITHOUT_NEWS = 100;
const MOST_PASSES = 3;

/**
 * Walks through all pages and gives each certificate once, although the list changes meanwhile.
 *
 * A certificate that is added in between moves others to later pages, so that one may come twice: those are passed
 * over. One that expires in between moves others to pages already read, so that one may be missed: when the total fell
 * or more were announced than seen, the pages are read again from the start.
 *
 * @param readPage - reads the page with this number, from 1
 * @param tooManyPages - the error to throw when the pages do not end
 */
export async function* walkPages(
  itemsPerPage: number,
  readPage: (pageNum: number) => Promise<CertificatePage>,
  tooManyPages: () => Error,
): AsyncGenerator<UserCertificate, void, undefined> {
  const seen = new Set<string>();
  for (let pass = 1, complete = false; pass <= MOST_PASSES && !complete; pass += 1) {
    complete = true;
    let total: number | undefined;
    let withoutNews = 0;
    for (let pageNum = 1, more = true; more; pageNum += 1) {
      const page = await readPage(pageNum);
      const news = page.results.filter(({ serialNumber }) => !seen.has(serialNumber));
      for (const certificate of news) {
        if (seen.has(certificate.serialNumber)) continue;
        seen.add(certificate.serialNumber);
        yield certificate;
      }
      withoutNews = news.length === 0 ? withoutNews + 1 : 0;
      if (withoutNews > MOST_PAGES_WITHOUT_NEWS) throw tooManyPages();
      if (total !== undefined && page.totalCount !== undefined && page.totalCount < total) complete = false;
      total = page.totalCount ?? total;
      more = page.results.length > 0 && hasNext(page, itemsPerPage);
    }
    if (total !== undefined && seen.size < total) complete = false;
  }
}

/** A server may give fewer per page than asked, and need not link to the next one. */
function hasNext(page: CertificatePage, itemsPerPage: number): boolean {
  return page.results.length >= itemsPerPage || page.links.some(({ rel }) => rel === "next");
}
