import { X509Certificate } from "node:crypto";
import { certificateFacts } from "./certificate-facts.ts";
import { describeSubject } from "./distinguished-name.ts";
import { pemBlocks } from "./pem-blocks.ts";

/** A certificate authority, as people tell it from others. */
export interface CertificateAuthority {
  /** SHA-256 of the DER form: `sha256:` and 64 lower-case hexadecimal digits. */
  readonly fingerprint: string;
  /** In the form of RFC 4514. */
  readonly subject: string;
  readonly notAfter: Date;
}

/** Form of a fingerprint, for rules of a schema. */
export const FINGERPRINT_PATTERN = "^sha256:[0-9a-f]{64}$";

/**
 * The authorities of a PEM text, each once, in the order of their fingerprints. Text between the blocks is ignored, as
 * RFC 7468 allows.
 *
 * @returns undefined where any part of it is unreadable: what it holds is then unknown
 */
export function certificateAuthorities(pem: string): readonly CertificateAuthority[] | undefined {
  const blocks = pemBlocks(pem);
  if (blocks.length !== pem.split("-----BEGIN ").length - 1) return undefined;
  const found = new Map<string, CertificateAuthority>();
  for (const { label, text } of blocks) {
    const authority = label === "CERTIFICATE" ? readAuthority(text) : undefined;
    if (authority === undefined) return undefined;
    found.set(authority.fingerprint, authority);
  }
  if (found.size === 0) return undefined;
  return [...found.values()].toSorted((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
}

function readAuthority(text: string): CertificateAuthority | undefined {
  const certificate = parse(text);
  const facts = certificate && certificateFacts(certificate);
  if (facts === undefined) return undefined;
  return {
    fingerprint: `sha256:${facts.fingerprint.replaceAll(":", "").toLowerCase()}`,
    subject: describeSubject(facts.subject),
    notAfter: facts.notAfter,
  };
}

function parse(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(text);
  } catch {
    // OpenSSL's words for a text that is no certificate say no more than that.
    return undefined;
  }
}
