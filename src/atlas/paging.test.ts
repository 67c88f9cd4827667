import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { walkPages } from "./paging.ts";
import { GROUP_ID } from "./testing/samples.ts";
import type { CertificatePage, UserCertificate } from "./user-certificate.ts";

const certificate = (serialNumber: string): UserCertificate => ({
  serialNumber,
  createdAt: new Date(0),
  notAfter: new Date(1),
  groupId: GROUP_ID,
  subject: "CN=a",
});

interface ListOptions {
  readonly itemsPerPage: number;
  readonly links?: boolean;
  readonly count?: boolean;
}

/** A list at Atlas that a test may change between two reads. */
class ChangingList {
  serials: string[];
  readonly pagesRead: number[] = [];
  readonly #options: ListOptions;
  readonly #change: (list: ChangingList) => void;

  constructor(
    serials: readonly string[],
    options: ListOptions,
    change: (list: ChangingList) => void = () => undefined,
  ) {
    this.serials = [...serials];
    this.#options = options;
    this.#change = change;
  }

  async walk(asked = this.#options.itemsPerPage): Promise<string[]> {
    const found: string[] = [];
    for await (const { serialNumber } of walkPages(asked, async (pageNum) => this.#read(pageNum), failure)) {
      found.push(serialNumber);
    }
    return found;
  }

  #read(pageNum: number): CertificatePage {
    this.pagesRead.push(pageNum);
    const { itemsPerPage, links = false, count = true } = this.#options;
    const from = (pageNum - 1) * itemsPerPage;
    const more = from + itemsPerPage < this.serials.length;
    const page: CertificatePage = {
      results: this.serials.slice(from, from + itemsPerPage).map(certificate),
      ...(count ? { totalCount: this.serials.length } : {}),
      links: links && more ? [{ rel: "next", href: "https://cloud.mongodb.com/next" }] : [],
    };
    this.#change(this);
    return page;
  }
}

const failure = (problem: string) => new Error(problem);

describe("walkPages", () => {
  test("gives every certificate of all pages in order", async () => {
    const list = new ChangingList(["1", "2", "3", "4", "5"], { itemsPerPage: 2 });
    expect(await list.walk()).toEqual(["1", "2", "3", "4", "5"]);
    expect(list.pagesRead).toEqual([1, 2, 3]);
  });

  test("reads a single page when it is not full", async () => {
    const list = new ChangingList(["1"], { itemsPerPage: 2 });
    expect(await list.walk()).toEqual(["1"]);
    expect(list.pagesRead).toEqual([1]);
  });

  test("gives nothing for an empty list", async () => {
    expect(await new ChangingList([], { itemsPerPage: 2 }).walk()).toEqual([]);
  });

  test("follows the link to the next page when the server gives fewer than asked", async () => {
    const list = new ChangingList(["1", "2", "3"], { itemsPerPage: 1, links: true });
    expect(await list.walk(500)).toEqual(["1", "2", "3"]);
  });

  test("reads again from the start when one expired meanwhile and moved another out of sight", async () => {
    const list = new ChangingList(["1", "2", "3", "4"], { itemsPerPage: 2 }, ({ serials, pagesRead }) => {
      if (pagesRead.length === 1) serials.shift();
    });
    expect((await list.walk()).toSorted()).toEqual(["1", "2", "3", "4"]);
  });

  test("reads again when more were announced than seen", async () => {
    let hidden = true;
    const readPage = async (): Promise<CertificatePage> => {
      const results = hidden ? [certificate("1")] : [certificate("1"), certificate("2")];
      hidden = false;
      return { results, totalCount: 2, links: [] };
    };
    const found: string[] = [];
    for await (const { serialNumber } of walkPages(500, readPage, failure)) found.push(serialNumber);
    expect(found).toEqual(["1", "2"]);
  });

  test("fails after three passes over a list that never adds up", async () => {
    let reads = 0;
    const readPage = async (): Promise<CertificatePage> => {
      reads += 1;
      return { results: [certificate("1")], totalCount: 9, links: [] };
    };
    await expect(async () => {
      for await (const _ of walkPages(500, readPage, failure));
    }).rejects.toThrow("with a list that stays incomplete (1 of 9 certificates)");
    expect(reads).toBe(3);
  });

  test("does not count one that has expired meanwhile for another that is kept back", async () => {
    let serials = ["1", "2"];
    const readPage = async (): Promise<CertificatePage> => {
      const page = { results: serials.map(certificate), totalCount: serials.length + 1, links: [] };
      serials = ["2"];
      return page;
    };
    await expect(async () => {
      for await (const _ of walkPages(500, readPage, failure));
    }).rejects.toThrow("(1 of 2 certificates)");
  });

  test("fails on a list that shrinks in each pass: one may have been moved out of sight", async () => {
    const list = new ChangingList(["1", "2", "3", "4", "5", "6", "7", "8"], { itemsPerPage: 2 }, (changing) => {
      // The first of page 2 is moved to page 1, which was read already; a new one makes up for it in number.
      if (changing.pagesRead.at(-1) === 1) changing.serials.shift();
      if (changing.pagesRead.at(-1) === 2) changing.serials.push(`new-${changing.pagesRead.length}`);
    });
    await expect(list.walk()).rejects.toThrow("with a list that shrinks each time it is read");
  });

  test("fails on a server that gives the same page for ever", async () => {
    const readPage = async (): Promise<CertificatePage> => ({ results: [certificate("1")], links: [] });
    await expect(async () => {
      for await (const _ of walkPages(1, readPage, failure));
    }).rejects.toThrow("with pages that do not end");
  });

  test("gives a certificate once although a page holds it twice", async () => {
    expect(await new ChangingList(["1", "1", "2"], { itemsPerPage: 5, count: false }).walk()).toEqual(["1", "2"]);
  });

  test("gives each certificate once and misses none while others are added anywhere", async () => {
    const additions = fc.array(fc.nat(), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 30 }),
        fc.integer({ min: 1, max: 7 }),
        additions,
        fc.boolean(),
        async (size, itemsPerPage, places, count) => {
          const before = Array.from({ length: size }, (_, index) => `${index}`);
          const left = [...places];
          const list = new ChangingList(before, { itemsPerPage, count }, ({ serials }) => {
            const place = left.shift();
            if (place !== undefined) serials.splice(place % (serials.length + 1), 0, `new-${left.length}`);
          });
          const found = await list.walk().catch(String);
          if (typeof found === "string") {
            // Only where there were additions in each of the three passes.
            expect(found).toContain("stays incomplete");
            expect(places.length - left.length).toBeGreaterThanOrEqual(3);
            return;
          }
          expect(new Set(found).size).toBe(found.length);
          expect(found).toEqual(expect.arrayContaining(before));
        },
      ),
    );
  });
});
