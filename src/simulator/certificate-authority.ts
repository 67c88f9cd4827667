// @peculiar/x509 registers its classes through decorators, which need this polyfill before it is loaded.
import "reflect-metadata";
import { KeyObject, randomBytes, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { ATTRIBUTE_OIDS, type DistinguishedName } from "./distinguished-name.ts";
import type { Lifetime } from "./lifetime.ts";

/** The keys a certificate can have. Atlas itself uses RSA with 4096 bits, which takes a second each to make. */
export const KEY_ALGORITHMS = ["rsa-2048", "rsa-4096", "ec-p256"] as const;
/** Type and size of the keys that are issued. */
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

/** A certificate with its key. The key is handed out once and kept nowhere. */
interface IssuedPair {
  readonly serialNumber: bigint;
  readonly certificatePem: string;
  /** PKCS #8, as Atlas writes it. */
  readonly privateKeyPem: string;
}

/** Wide enough that no clock, real or simulated, is ever outside. */
const AUTHORITY_LIFETIME: Lifetime = {
  notBefore: new Date("1970-01-01T00:00:00Z"),
  notAfter: new Date("2099-12-31T23:59:59Z"),
};
/** The largest integer that a JavaScript number holds exactly; a good serial is beyond it. */
const LARGEST_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** An authority that signs certificates; a project has one of its own, as in Atlas. */
export class CertificateAuthority {
  readonly #certificate: X509Certificate;
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #algorithm: KeyAlgorithm;

  private constructor(certificate: X509Certificate, keys: webcrypto.CryptoKeyPair, algorithm: KeyAlgorithm) {
    this.#certificate = certificate;
    this.#keys = keys;
    this.#algorithm = algorithm;
  }

  /**
   * Makes a new authority.
   *
   * @param commonName for a project's authority the project id, as in Atlas
   * @param algorithm of its own key and of those it issues
   */
  static async create(commonName: string, algorithm: KeyAlgorithm): Promise<CertificateAuthority> {
    const keys = await generateKeys(algorithm);
    const certificate = await X509CertificateGenerator.createSelfSigned({
      // Most specific first even in the encoding: that is how Atlas' own issuer reads.
      name: [{ CN: [commonName] }, { OU: ["Atlas"] }, { O: ["Atlas Simulator"] }],
      serialNumber: randomSerial().toString(16),
      ...AUTHORITY_LIFETIME,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new CertificateAuthority(certificate, keys, algorithm);
  }

  /** The authority's own certificate. */
  get pem(): string {
    return `${this.#certificate.toString("pem")}\n`;
  }

  /**
   * Issues a client certificate with a new key. Extensions as in a certificate of the real Atlas: key usage and
   * extended key usage, both critical, and no key identifiers.
   */
  issueClient(subject: DistinguishedName, lifetime: Lifetime): Promise<IssuedPair> {
    return this.#issue(encodedOrder(subject), lifetime, this.#algorithm, [
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth], true),
    ]);
  }

  /** Issues a certificate for the simulator's own HTTPS port, good for the loopback names and for `host`. */
  issueServer(host: string): Promise<IssuedPair> {
    const addresses = [...new Set(["127.0.0.1", "::1", ...(isAddress(host) ? [host] : [])])];
    const names = [...new Set(["localhost", ...(isAddress(host) ? [] : [host])])];
    return this.#issue([{ CN: ["atlas-simulator"] }], AUTHORITY_LIFETIME, "ec-p256", [
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth], true),
      new SubjectAlternativeNameExtension([
        ...names.map((value) => ({ type: "dns" as const, value })),
        ...addresses.map((value) => ({ type: "ip" as const, value })),
      ]),
    ]);
  }

  async #issue(
    subject: JsonName,
    lifetime: Lifetime,
    algorithm: KeyAlgorithm,
    extensions: readonly (KeyUsagesExtension | ExtendedKeyUsageExtension | SubjectAlternativeNameExtension)[],
  ): Promise<IssuedPair> {
    const keys = await generateKeys(algorithm);
    const serialNumber = randomSerial();
    const certificate = await X509CertificateGenerator.create({
      subject,
      issuer: this.#certificate.subjectName,
      serialNumber: serialNumber.toString(16).padStart(16, "0"),
      notBefore: lifetime.notBefore,
      notAfter: lifetime.notAfter,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      extensions: [...extensions],
    });
    return {
      serialNumber,
      certificatePem: `${certificate.toString("pem")}\n`,
      privateKeyPem: KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }).toString(),
    };
  }
}

/** A private key that belongs to no certificate, as PKCS #8. */
export async function strangePrivateKeyPem(): Promise<string> {
  const keys = await generateKeys("ec-p256");
  return KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }).toString();
}

/** RFC 2253 text begins with the part that a certificate ends with. */
function encodedOrder(name: DistinguishedName): JsonName {
  return name.toReversed().map((part) => {
    const attributes: Record<string, string[]> = {};
    for (const { type, value } of part) {
      const oid = ATTRIBUTE_OIDS[type] ?? type;
      attributes[oid] = [...(attributes[oid] ?? []), value];
    }
    return attributes;
  });
}

/** 63 random bits, like Atlas' serials, and never one that a JavaScript number would hold. */
function randomSerial(): bigint {
  for (;;) {
    const serial = BigInt.asUintN(63, randomBytes(8).readBigUInt64BE());
    if (serial > LARGEST_SAFE) return serial;
  }
}

async function generateKeys(algorithm: KeyAlgorithm): Promise<webcrypto.CryptoKeyPair> {
  const usages = ["sign", "verify"] as const;
  if (algorithm === "ec-p256") {
    return webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, usages);
  }
  const rsa = {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: algorithm === "rsa-4096" ? 4096 : 2048,
  };
  return webcrypto.subtle.generateKey(rsa, true, usages);
}

function isAddress(host: string): boolean {
  return /^[\d.]+$|:/.test(host);
}
