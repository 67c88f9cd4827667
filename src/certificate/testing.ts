import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { SensitiveText } from "../sensitive-text.ts";
import { type KeyPair, readPemBundle } from "./key-pair.ts";

/** For tests: what a certificate shall say. */
interface CertificateWishes {
  /** RFC 4514. @default "CN=orders-api" */
  readonly subject?: string;
  /** @default 2030-01-01T00:00:00Z */
  readonly notBefore?: Date;
  /** @default 2030-04-01T00:00:00Z */
  readonly notAfter?: Date;
  /** In hexadecimal; as DER reads it, so a first digit above 7 makes it negative. @default random */
  readonly serialHex?: string;
}

interface IssuedPem {
  readonly certificatePem: string;
  /** PKCS #8. */
  readonly keyPem: string;
  /** Certificate, then key, as Atlas answers. */
  readonly bundle: SensitiveText;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** Issues a real certificate (EC P-256, signed with its own key) for tests. */
export async function issuePem(wishes: CertificateWishes = {}): Promise<IssuedPem> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: wishes.subject ?? "CN=orders-api",
    notBefore: wishes.notBefore ?? new Date("2030-01-01T00:00:00Z"),
    notAfter: wishes.notAfter ?? new Date("2030-04-01T00:00:00Z"),
    ...(wishes.serialHex !== undefined && { serialNumber: wishes.serialHex }),
    keys,
    signingAlgorithm: ALGORITHM,
  });
  const certificatePem = `${certificate.toString("pem")}\n`;
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  const keyPem = `${x509.PemConverter.encode(pkcs8, "PRIVATE KEY")}\n`;
  return { certificatePem, keyPem, bundle: new SensitiveText(certificatePem + keyPem) };
}

/** The same, read. */
export async function issuePair(wishes: CertificateWishes = {}): Promise<KeyPair> {
  const result = readPemBundle((await issuePem(wishes)).bundle);
  if (!result.ok) throw new Error(result.problem);
  return result.pair;
}
