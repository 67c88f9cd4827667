import { createHash } from "node:crypto";

/**
 * Stand-ins for X.509: PEM texts whose content is known here and nowhere else. Thousands are issued and read in a
 * second, which OpenSSL could not; that real certificates are read as they should be is the unit tests' to show. The
 * product reads them through its own PEM code, and only below that, in place of node:crypto (see operator/hooks.ts), asks here.
 */
export interface CertificateText {
  readonly pem: string;
  /** The PEM of the one key that belongs to it. */
  readonly keyPem: string;
  readonly serialNumber: bigint;
  readonly commonName: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const KEYS = 16;
const keys: readonly string[] = Array.from({ length: KEYS }, (_, index) =>
  block("PRIVATE KEY", `simulated key ${index}`),
);
/** A key that is well-formed and belongs to no certificate. */
export const unusedKey = block("PRIVATE KEY", "simulated key of nobody");
const keyPems: ReadonlySet<string> = new Set([...keys, unusedKey]);
/** Every certificate of the running simulation by its text. */
const certificates = new Map<string, CertificateText>();

export function makeCertificate(wishes: Omit<CertificateText, "pem" | "keyPem">): CertificateText {
  const { serialNumber, commonName, notBefore, notAfter } = wishes;
  const pem = block("CERTIFICATE", `${serialNumber} ${commonName} ${notBefore.getTime()} ${notAfter.getTime()}`);
  const made = { ...wishes, pem, keyPem: keys[Number(serialNumber % BigInt(KEYS))] ?? "" };
  certificates.set(pem, made);
  return made;
}

/** @throws where no such certificate was made */
export function readCertificate(pem: string): CertificateText {
  const found = certificates.get(pem.trim());
  if (found === undefined) throw new Error("not a certificate");
  return found;
}

/** @throws where it is none of the keys */
export function readKey(pem: string): string {
  if (!keyPems.has(pem.trim())) throw new Error("not a key");
  return pem.trim();
}

export function fingerprint(pem: string): string {
  return createHash("sha256")
    .update(pem)
    .digest("hex")
    .toUpperCase()
    .replace(/..(?=.)/g, "$&:");
}

/** Lets go of all certificates: the next simulation issues its own. */
export function forgetCertificates(): void {
  certificates.clear();
}

function block(label: string, content: string): string {
  return `-----BEGIN ${label}-----\n${Buffer.from(content).toString("base64")}\n-----END ${label}-----`;
}
