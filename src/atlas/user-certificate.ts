import { z } from "zod";

/** A certificate that Atlas issued and that has not expired, as Atlas lists it: without the key, which it does not keep. */
export interface UserCertificate {
  /** Decimal. Serial numbers have 64 bits and do not fit a JavaScript number. */
  readonly serialNumber: string;
  readonly createdAt: Date;
  readonly notAfter: Date;
  readonly groupId: string;
  /** Distinguished name, RFC 2253. */
  readonly subject: string;
}

/** One page of a database user's unexpired certificates. */
export interface CertificatePage {
  readonly results: readonly UserCertificate[];
  /** Number of certificates on all pages; absent when `includeCount` is false. */
  readonly totalCount?: number;
  readonly links: readonly PageLink[];
}

/** A link from a page to itself (`self`) or a neighbour (`previous`, `next`), as Atlas writes it. */
export interface PageLink {
  readonly rel: string;
  readonly href: string;
}

const serialNumber = z
  .union([z.bigint(), z.int(), z.string().regex(/^-?\d{1,48}$/)])
  .transform((value) => BigInt(value).toString());

const timestamp = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

const userCertificate = z
  .object({
    _id: serialNumber,
    createdAt: timestamp,
    notAfter: timestamp,
    groupId: z.string(),
    subject: z.string(),
  })
  .transform(({ _id, ...rest }): UserCertificate => ({ serialNumber: _id, ...rest }));

/** `PaginatedUserCert` of the Atlas specification, parsed by `parseExactJson`. */
export const certificatePage = z
  .object({
    results: z.array(userCertificate),
    totalCount: z.int().nonnegative().optional(),
    links: z.array(z.object({ rel: z.string(), href: z.string() })).default([]),
  })
  .transform(
    ({ results, totalCount, links }): CertificatePage =>
      totalCount === undefined ? { results, links } : { results, totalCount, links },
  );
