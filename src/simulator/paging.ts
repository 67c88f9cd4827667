/** Which part of a list a client asks for. */
export interface Page {
  readonly includeCount: boolean;
  readonly itemsPerPage: number;
  /** From 1. */
  readonly pageNum: number;
}

const MOST_ITEMS_PER_PAGE = 500;

/** Reads the paging parameters, with Atlas' defaults; or names the one that is wrong. */
export function parsePage(query: URLSearchParams): Page | { readonly invalid: string } {
  const includeCount = query.get("includeCount") ?? "true";
  if (includeCount !== "true" && includeCount !== "false") return { invalid: "includeCount" };
  const itemsPerPage = parseInteger(query.get("itemsPerPage") ?? "100");
  if (itemsPerPage === undefined || itemsPerPage > MOST_ITEMS_PER_PAGE) return { invalid: "itemsPerPage" };
  const pageNum = parseInteger(query.get("pageNum") ?? "1");
  if (pageNum === undefined) return { invalid: "pageNum" };
  return { includeCount: includeCount === "true", itemsPerPage, pageNum };
}

/** The links of a page: itself, and its neighbours where there are any. */
export function pageLinks(
  page: Page,
  path: string,
  totalCount: number,
): readonly { readonly href: string; readonly rel: string }[] {
  const link = (rel: string, pageNum: number) => ({
    href: `${path}?includeCount=${page.includeCount}&pageNum=${pageNum}&itemsPerPage=${page.itemsPerPage}`,
    rel,
  });
  return [
    link("self", page.pageNum),
    ...(page.pageNum > 1 ? [link("previous", page.pageNum - 1)] : []),
    ...(page.pageNum * page.itemsPerPage < totalCount ? [link("next", page.pageNum + 1)] : []),
  ];
}

function parseInteger(text: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}
