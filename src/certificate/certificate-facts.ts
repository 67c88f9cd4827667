import type { X509Certificate } from "node:crypto";
import { type NameAttribute, subjectAttributes } from "./distinguished-name.ts";

/** The public facts of a certificate. Nothing in here is secret. */
export interface CertificateFacts {
  /** In decimal, as Atlas lists it. A string: it is past what a JavaScript number holds. */
  readonly serialNumber: string;
  /** SHA-256 of the DER form, upper-case hexadecimal pairs with colons. */
  readonly fingerprint: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly subject: readonly NameAttribute[];
}

/** The facts, or undefined where the times are no times. */
export function certificateFacts(certificate: X509Certificate): CertificateFacts | undefined {
  const { validFromDate: notBefore, validToDate: notAfter } = certificate;
  if (Number.isNaN(notBefore.getTime()) || Number.isNaN(notAfter.getTime())) return undefined;
  return {
    serialNumber: decimal(certificate.serialNumber),
    fingerprint: certificate.fingerprint256,
    notBefore,
    notAfter,
    subject: subjectAttributes(certificate),
  };
}

/** Node gives hexadecimal, with a minus sign before it where a careless authority left the first bit set. */
function decimal(serialNumber: string): string {
  const isNegative = serialNumber.startsWith("-");
  const magnitude = BigInt(`0x${isNegative ? serialNumber.slice(1) : serialNumber}`);
  return (isNegative ? -magnitude : magnitude).toString();
}
