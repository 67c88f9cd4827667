import * as z from "zod";
import { isoDate } from "./iso-date.ts";

/** A certificate that Atlas issued and that has not expired, as Atlas lists it: without the key, which it does not keep. */
export interface IssuedCertificate {
  /** Decimal. Serial numbers have 64 bits and do not fit a JavaScript number. */
  readonly serialNumber: string;
  readonly notAfter: Date;
  // Atlas' specification requires none of these.
  /** The beginning of the validity, which recorded answers have an hour before the certificate was issued. */
  readonly createdAt?: Date | undefined;
  readonly groupId?: string | undefined;
  /** Distinguished name, RFC 2253. */
  readonly subject?: string | undefined;
}

/** One page of a database user's unexpired certificates. */
export interface CertificatePage {
  readonly results: readonly IssuedCertificate[];
  /** An estimate of the number of certificates on all pages; absent when `includeCount` is false. */
  readonly totalCount?: number | undefined;
  readonly links: readonly PageLink[];
  /** When Atlas answered, by its own clock (`Date` header); undefined when the answer had no date. */
  readonly answeredAt: Date | undefined;
}

/** A link from a page to itself (`self`) or a neighbour (`previous`, `next`), as Atlas writes it. */
export interface PageLink {
  readonly rel?: string | undefined;
  readonly href?: string | undefined;
}

const serialNumber = z
  .union([z.bigint(), z.int(), z.string().regex(/^-?\d{1,48}$/)])
  .transform((value) => BigInt(value).toString());

/** An absent field and null are the same. What is not needed to renew a certificate does not spoil a list either. */
const optional = <T extends z.ZodType>(schema: T) =>
  schema
    .nullish()
    .catch(null)
    .transform((value) => value ?? undefined);

const issuedCertificate = z
  .object({
    _id: serialNumber,
    notAfter: isoDate,
    createdAt: optional(isoDate),
    groupId: optional(z.string()),
    subject: optional(z.string()),
  })
  .transform(({ _id, ...rest }): IssuedCertificate => ({ serialNumber: _id, ...rest }));

const pageLink = z.object({ rel: optional(z.string()), href: optional(z.string()) });

/** `PaginatedUserCert` of the Atlas specification, parsed by `parseExactJson`. */
export const certificatePage = z.object({
  results: z.array(issuedCertificate),
  totalCount: optional(z.int().nonnegative()),
  links: z
    .array(pageLink)
    .nullish()
    .transform((links) => links ?? []),
});
