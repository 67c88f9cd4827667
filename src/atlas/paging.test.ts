import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CertificatePage, IssuedCertificate } from "./issued-certificate.ts";
import { readAllPages } from "./paging.ts";
import { GROUP_ID } from "./testing/samples.ts";

const certificate = (serialNumber: string): IssuedCertificate => ({
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
    const { certificates } = await readAllPages(asked, async (pageNum) => this.#read(pageNum), failure);
    return certificates.map(({ serialNumber }) => serialNumber);
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
      answeredAt: undefined,
    };
    this.#change(this);
    return page;
  }
}

const failure = (problem: string) => new Error(problem);

interface PageFields {
  readonly totalCount?: number;
  readonly next?: boolean;
  readonly answeredAt?: Date;
}

function pageOf(
  serials: readonly string[],
  { totalCount, next = false, answeredAt }: PageFields = {},
): CertificatePage {
  return { results: serials.map(certificate), totalCount, links: next ? [{ rel: "next" }] : [], answeredAt };
}

/** Reads a list whose pages come from a function, which learns how many were read before. */
async function read(itemsPerPage: number, page: (readBefore: number, pageNum: number) => CertificatePage) {
  let reads = 0;
  const list = await readAllPages(itemsPerPage, async (pageNum) => page(reads++, pageNum), failure);
  return { serials: list.certificates.map(({ serialNumber }) => serialNumber), answeredAt: list.answeredAt, reads };
}

describe("readAllPages", () => {
  test("gives every certificate of all pages in order", async () => {
    const list = new ChangingList(["1", "2", "3", "4", "5"], { itemsPerPage: 2 });
    expect(await list.walk()).toEqual(["1", "2", "3", "4", "5"]);
  });

  test("reads several pages until two passes in a row saw the same", async () => {
    const list = new ChangingList(["1", "2", "3"], { itemsPerPage: 2 });
    await list.walk();
    expect(list.pagesRead).toEqual([1, 2, 1, 2]);
  });

  test("reads a single page once when it is not full", async () => {
    const list = new ChangingList(["1"], { itemsPerPage: 2 });
    expect(await list.walk()).toEqual(["1"]);
    expect(list.pagesRead).toEqual([1]);
  });

  test("takes a full page without a link to a next one for one with more behind it", async () => {
    const list = new ChangingList(["1", "2"], { itemsPerPage: 2 });
    expect(await list.walk()).toEqual(["1", "2"]);
    expect(list.pagesRead).toEqual([1, 2, 1, 2]);
  });

  test("gives nothing for an empty list", async () => {
    expect(await new ChangingList([], { itemsPerPage: 2 }).walk()).toEqual([]);
  });

  test("follows the link to the next page when the server gives fewer than asked", async () => {
    const list = new ChangingList(["1", "2", "3"], { itemsPerPage: 1, links: true });
    expect(await list.walk(500)).toEqual(["1", "2", "3"]);
  });

  test("follows the link to the next page of an empty one", async () => {
    const pages = [pageOf([], { next: true }), pageOf(["1"])];
    const { serials } = await read(500, (_, pageNum) => pages[pageNum - 1] ?? pageOf([]));
    expect(serials).toEqual(["1"]);
  });

  test("reads again from the start when one expired meanwhile and moved another out of sight", async () => {
    const list = new ChangingList(["1", "2", "3", "4"], { itemsPerPage: 2 }, ({ serials, pagesRead }) => {
      if (pagesRead.length === 1) serials.shift();
    });
    expect(await list.walk()).toEqual(["2", "3", "4"]);
  });

  test("finds one that was moved out of sight although a new one makes up for it in number", async () => {
    const list = new ChangingList(["1", "2", "3", "4"], { itemsPerPage: 2 }, ({ serials, pagesRead }) => {
      if (pagesRead.length === 1) {
        serials.shift();
        serials.push("5");
      }
    });
    expect(await list.walk()).toEqual(["2", "3", "4", "5"]);
  });

  test("reads again when more were announced than seen, and takes what comes then", async () => {
    const outcome = await read(500, (before) =>
      before === 0 ? pageOf(["1"], { totalCount: 2 }) : pageOf(["1", "2"], { totalCount: 2 }),
    );
    expect(outcome).toMatchObject({ serials: ["1", "2"], reads: 2 });
  });

  test("takes a list whose count is too high once two passes saw the same", async () => {
    const outcome = await read(500, () => pageOf(["1"], { totalCount: 9 }));
    expect(outcome).toMatchObject({ serials: ["1"], reads: 2 });
  });

  test("takes a list whose count is too low", async () => {
    expect(await read(500, () => pageOf(["1", "2"], { totalCount: 1 }))).toMatchObject({
      serials: ["1", "2"],
      reads: 1,
    });
  });

  test("leaves out a certificate that expired between two passes", async () => {
    const outcome = await read(500, (before) =>
      before === 0 ? pageOf(["1", "2"], { totalCount: 3 }) : pageOf(["2"], { totalCount: 2 }),
    );
    expect(outcome).toMatchObject({ serials: ["2"], reads: 3 });
  });

  test("fails on a list that changes each time it is read", async () => {
    const changing = read(1, (before, pageNum) => (pageNum === 1 ? pageOf([`${before}`]) : pageOf([])));
    await expect(changing).rejects.toThrow("with a list that changes each time it is read");
  });

  test("fails on a server that returns the same page forever", async () => {
    await expect(read(1, () => pageOf(["1"]))).rejects.toThrow("with pages that do not end");
  });

  test("takes a list of 10,000 certificates", async () => {
    const serials = Array.from({ length: 10_000 }, (_, index) => `${index}`);
    expect(await new ChangingList(serials, { itemsPerPage: 500 }).walk()).toHaveLength(10_000);
  });

  test("fails on more than 10,000 certificates", async () => {
    const endless = read(500, (before) => pageOf(Array.from({ length: 500 }, (_, index) => `${before}-${index}`)));
    await expect(endless).rejects.toThrow("with more than 10000 certificates of one user");
  });

  test("tells when Atlas answered with the last page", async () => {
    const outcome = await read(1, (before, pageNum) =>
      pageOf(pageNum === 1 ? ["1"] : [], { answeredAt: new Date(before) }),
    );
    expect(outcome.answeredAt).toEqual(new Date(3));
  });

  test("gives a certificate once although a page holds it twice", async () => {
    expect(await new ChangingList(["1", "1", "2"], { itemsPerPage: 5, count: false }).walk()).toEqual(["1", "2"]);
  });

  test("gives each certificate once and misses none while others are added or expire anywhere", async () => {
    const changes = fc.array(fc.record({ place: fc.nat(), add: fc.boolean() }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 30 }),
        fc.integer({ min: 1, max: 7 }),
        changes,
        fc.boolean(),
        async (size, itemsPerPage, planned, count) => {
          const before = Array.from({ length: size }, (_, index) => `${index}`);
          const left = [...planned];
          const list = new ChangingList(before, { itemsPerPage, count }, ({ serials }) => {
            const change = left.shift();
            if (change?.add === true) serials.splice(change.place % (serials.length + 1), 0, `new-${left.length}`);
            else if (change !== undefined) serials.splice(change.place % (serials.length || 1), 1);
          });
          const found = await list.walk().catch(String);
          if (typeof found === "string") {
            // Only where the list changed in each of the passes.
            expect(found).toContain("changes each time");
            expect(planned.length - left.length).toBeGreaterThanOrEqual(4);
            return;
          }
          expect(new Set(found).size).toBe(found.length);
          // The certificates that were there all the time; one that expired during the last pass may or may not be in it.
          expect(found).toEqual(expect.arrayContaining(before.filter((serial) => list.serials.includes(serial))));
        },
      ),
    );
  });
});
