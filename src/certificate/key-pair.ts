import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { SensitiveText } from "../sensitive-text.ts";
import { type CertificateFacts, certificateFacts } from "./certificate-facts.ts";
import { type PemBlock, pemBlocks } from "./pem-blocks.ts";

/** A certificate, with what was sent of its chain, and the private key that belongs to it. */
export interface KeyPair {
  /** The leaf first, then the rest of the chain as it came. */
  readonly certificatePem: string;
  readonly privateKeyPem: SensitiveText;
  readonly facts: CertificateFacts;
}

/** The defect of a text that should hold a certificate and its key. `problem` never quotes the text. */
export type KeyPairFault =
  | { readonly kind: "undecodable"; readonly problem: string }
  | { readonly kind: "mismatch"; readonly problem: string };

/** A pair, or the reason why the text holds none. */
export type KeyPairResult = { readonly ok: true; readonly pair: KeyPair } | ({ readonly ok: false } & KeyPairFault);

const PRIVATE_KEY_LABELS: ReadonlySet<string> = new Set(["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]);

/**
 * Reads a PEM bundle as Atlas answers it: one or more certificates and one private key, in any order.
 */
export function readPemBundle(bundle: SensitiveText): KeyPairResult {
  const blocks = pemBlocks(bundle.reveal());
  const certificates = blocks.filter((block) => block.label === "CERTIFICATE");
  const keys = blocks.filter((block) => PRIVATE_KEY_LABELS.has(block.label));
  const key = keys[0];
  if (certificates.length === 0) return undecodable("it holds no CERTIFICATE block");
  if (key === undefined) {
    const encrypted = blocks.some((block) => block.label === "ENCRYPTED PRIVATE KEY");
    return undecodable(encrypted ? "its private key is encrypted" : "it holds no PRIVATE KEY block");
  }
  if (keys.length > 1) return undecodable("it holds more than one private key");
  return match(certificates, key);
}

/** Reads the pair from the two texts that a TLS Secret holds. */
export function readKeyPair(certificatePem: string, privateKeyPem: SensitiveText): KeyPairResult {
  return readPemBundle(new SensitiveText(`${certificatePem}\n${privateKeyPem.reveal()}`));
}

function match(certificates: readonly PemBlock[], keyBlock: PemBlock): KeyPairResult {
  let key: KeyObject;
  // Given a string, the library copies it into Node's buffer pool, where the bytes stay readable.
  const bytes = Buffer.from(keyBlock.text, "utf8");
  try {
    key = createPrivateKey(bytes);
  } catch {
    // The library's message may quote what it read: it stays here.
    return undecodable("its private key cannot be decoded");
  } finally {
    bytes.fill(0);
  }
  const parsed: { readonly certificate: X509Certificate; readonly text: string }[] = [];
  for (const { text } of certificates) {
    try {
      parsed.push({ certificate: new X509Certificate(text), text });
    } catch {
      return undecodable("a certificate in it cannot be decoded");
    }
  }
  const leaf = parsed.find(({ certificate }) => belongsTogether(certificate, key));
  if (leaf === undefined) {
    return { ok: false, kind: "mismatch", problem: "the private key does not belong to the certificate" };
  }
  const facts = certificateFacts(leaf.certificate);
  if (facts === undefined) return undecodable("the certificate's validity cannot be decoded");
  const chain = [leaf, ...parsed.filter((other) => other !== leaf)];
  return {
    ok: true,
    pair: {
      certificatePem: chain.map(({ text }) => text).join(""),
      privateKeyPem: new SensitiveText(keyBlock.text),
      facts,
    },
  };
}

function belongsTogether(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.checkPrivateKey(key);
  } catch {
    // Keys of different types are an error to OpenSSL, and a plain "no" here.
    return false;
  }
}

function undecodable(problem: string): KeyPairResult {
  return { ok: false, kind: "undecodable", problem };
}
