/** Which part of a list a client asks for. */
export interface Page {
  readonly includeCount: boolean;
  readonly itemsPerPage: number;
  /** From 1. */
  readonly pageNum: number;
  /** The items of this page. */
  cut<Item>(items: readonly Item[]): readonly Item[];
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
  const start = (pageNum - 1) * itemsPerPage;
  return {
    includeCount: includeCount === "true",
    itemsPerPage,
    pageNum,
    cut: (items) => items.slice(start, start + itemsPerPage),
  };
}

/** The links of a page: itself, and its neighbours where there are any. Atlas orders the parameters of the two otherwise. */
export function pageLinks(
  { includeCount, itemsPerPage, pageNum }: Page,
  path: string,
  totalCount: number,
): readonly { readonly href: string; readonly rel: string }[] {
  const neighbour = (rel: string, number: number) => ({
    href: `${path}?includeCount=${includeCount}&itemsPerPage=${itemsPerPage}&pageNum=${number}`,
    rel,
  });
  return [
    { href: `${path}?includeCount=${includeCount}&pageNum=${pageNum}&itemsPerPage=${itemsPerPage}`, rel: "self" },
    ...(pageNum > 1 ? [neighbour("previous", pageNum - 1)] : []),
    ...(pageNum * itemsPerPage < totalCount ? [neighbour("next", pageNum + 1)] : []),
  ];
}

function parseInteger(text: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}
