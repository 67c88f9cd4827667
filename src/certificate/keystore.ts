import { createPrivateKey, X509Certificate } from "node:crypto";
import { OctetString } from "asn1js";
import {
  Attribute,
  AuthenticatedSafe,
  CertBag,
  Certificate,
  PFX,
  PKCS8ShroudedKeyBag,
  PrivateKeyInfo,
  SafeBag,
  SafeContents,
} from "pkijs";
import type { SensitiveText } from "../sensitive-text.ts";
import type { KeyPair } from "./key-pair.ts";
import { pemBlocks } from "./pem-blocks.ts";

/** As the JDK makes its own (`keystore.pkcs12.*` in java.security). */
const ITERATIONS = 10_000;

/** Object identifiers of RFC 7292. */
const SHROUDED_KEY_BAG = "1.2.840.113549.1.12.10.1.2";
const CERT_BAG = "1.2.840.113549.1.12.10.1.3";
const LOCAL_KEY_ID = "1.2.840.113549.1.9.21";

/** Integrity or privacy by a password, in PKI.js. */
const BY_PASSWORD = 1;
const PASSWORD_INTEGRITY = 0;
const NOT_ENCRYPTED = 0;

/**
 * A PKCS#12 keystore (RFC 7292) with the pair and its chain, for drivers that read no PEM: Java's. Key and certificates are
 * encrypted by PBES2 with AES-256 and HMAC-SHA-256, and the whole has a MAC with HMAC-SHA-256. Its salts are random.
 *
 * @param password ASCII: beyond it, implementations encode differently
 */
export async function pkcs12(pair: KeyPair, password: SensitiveText): Promise<Buffer> {
  const secret = Buffer.from(password.reveal(), "ascii");
  const encryption = {
    password: arrayBuffer(secret),
    contentEncryptionAlgorithm: { name: "AES-CBC", length: 256 },
    hmacHashAlgorithm: "SHA-256",
    iterationCount: ITERATIONS,
  };
  const key = await shroudedKey(pair, encryption);
  const certificates = pemBlocks(pair.certificatePem).map(({ text }) => new X509Certificate(text).raw);
  const certificateBags = certificates.map(
    (der, index) =>
      new SafeBag({
        bagId: CERT_BAG,
        bagValue: new CertBag({ parsedValue: Certificate.fromBER(arrayBuffer(der)) }),
        ...(index === 0 && { bagAttributes: [keyId()] }),
      }),
  );
  const keyBag = new SafeBag({ bagId: SHROUDED_KEY_BAG, bagValue: key, bagAttributes: [keyId()] });
  const safes = new AuthenticatedSafe({
    parsedValue: {
      safeContents: [
        { privacyMode: BY_PASSWORD, value: new SafeContents({ safeBags: certificateBags }) },
        // The key is encrypted separately.
        { privacyMode: NOT_ENCRYPTED, value: new SafeContents({ safeBags: [keyBag] }) },
      ],
    },
  });
  await safes.makeInternalValues({ safeContents: [encryption, {}] });
  const pfx = new PFX({ parsedValue: { integrityMode: PASSWORD_INTEGRITY, authenticatedSafe: safes } });
  const mac = { iterations: ITERATIONS, pbkdf2HashAlgorithm: "SHA-256", hmacHashAlgorithm: "SHA-256" };
  await pfx.makeInternalValues({ password: arrayBuffer(secret), ...mac });
  secret.fill(0);
  return Buffer.from(pfx.toSchema().toBER());
}

type Encryption = Parameters<PKCS8ShroudedKeyBag["makeInternalValues"]>[0];

async function shroudedKey({ privateKeyPem }: KeyPair, encryption: Encryption): Promise<PKCS8ShroudedKeyBag> {
  const pem = Buffer.from(privateKeyPem.reveal(), "utf8");
  const der = createPrivateKey(pem).export({ format: "der", type: "pkcs8" });
  const key = new PKCS8ShroudedKeyBag({ parsedValue: PrivateKeyInfo.fromBER(arrayBuffer(der)) });
  await key.makeInternalValues(encryption);
  pem.fill(0);
  der.fill(0);
  return key;
}

/** Tells a reader which certificate belongs to the key. */
function keyId(): Attribute {
  return new Attribute({ type: LOCAL_KEY_ID, values: [new OctetString({ valueHex: new Uint8Array([1]).buffer })] });
}

function arrayBuffer(bytes: Buffer): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
