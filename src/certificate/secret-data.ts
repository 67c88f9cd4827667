import { createHash } from "node:crypto";
import { SensitiveText } from "../sensitive-text.ts";
import { textOfWiped } from "../wiped-bytes.ts";
import type { CertificateFacts } from "./certificate-facts.ts";
import { type KeyPair, readKeyPair } from "./key-pair.ts";

/** The type that every tool which handles TLS Secrets knows. It fixes the names of the first two keys. */
export const SECRET_TYPE = "kubernetes.io/tls";

export const CERTIFICATE_KEY = "tls.crt";
export const PRIVATE_KEY_KEY = "tls.key";
/** Certificate, then key, in one file: what MongoDB drivers take as tlsCertificateKeyFile. */
export const COMBINED_KEY = "tls-combined.pem";

/** Keys that are there only if the spec asks for them. */
export const CONNECTION_STRING_KEY = "connectionString";
export const KEYSTORE_KEY = "keystore.p12";
export const EXTRA_KEYS = [CONNECTION_STRING_KEY, KEYSTORE_KEY] as const;
/** The keys that a renewal changes. */
export const RENEWED_KEYS = [CERTIFICATE_KEY, PRIVATE_KEY_KEY, COMBINED_KEY, KEYSTORE_KEY] as const;
export type ExtraKey = (typeof EXTRA_KEYS)[number];

/** The data of a Secret as the API server sends it: key to base64. */
export type SecretData = Readonly<Record<string, string>>;

/** The content of a Secret's data, without the key material. */
export type SecretContent =
  | {
      readonly kind: "pair";
      readonly facts: CertificateFacts;
      /** Every format beside tls.crt and tls.key is there and says the same. */
      readonly formatsCurrent: boolean;
      /** Digests of the extra keys that are there. */
      readonly extras: Readonly<Partial<Record<ExtraKey, string>>>;
    }
  | { readonly kind: "missing" | "undecodable" | "mismatch"; readonly problem: string };

/**
 * The data that the Secret must hold for a pair. All keys go in one write.
 *
 * @param extras what the spec asks for beside the pair, as data of a Secret
 */
export function secretData(pair: KeyPair, extras: SecretData = {}): SecretData {
  const key = pair.privateKeyPem.reveal();
  return {
    [CERTIFICATE_KEY]: base64(pair.certificatePem),
    [PRIVATE_KEY_KEY]: base64(key),
    [COMBINED_KEY]: base64(pair.certificatePem + key),
    ...extras,
  };
}

/** A value of a Secret's data, to be compared without being kept. */
export function digestOf(value: string): string {
  return createHash("sha256").update(value).digest("hex");
}

/** The verdict on data that was just written. */
export function writtenContent(facts: CertificateFacts, data: SecretData): SecretContent {
  return { kind: "pair", facts, formatsCurrent: true, extras: extrasIn(data) };
}

function extrasIn(data: SecretData): Readonly<Partial<Record<ExtraKey, string>>> {
  return Object.fromEntries(
    EXTRA_KEYS.flatMap((key) => {
      const value = data[key];
      return value === undefined ? [] : [[key, digestOf(value)]];
    }),
  );
}

/**
 * A stand-in of the same shape for a dry run: what would stop the real write (access, quota, admission, a wrong type)
 * stops it too. It holds no certificate.
 */
export function standInData(extras: readonly ExtraKey[] = []): SecretData {
  const block = (label: string) => `-----BEGIN ${label}-----\n${"A".repeat(1024)}\n-----END ${label}-----\n`;
  const certificate = block("CERTIFICATE");
  const key = block("PRIVATE KEY");
  return {
    [CERTIFICATE_KEY]: base64(certificate),
    [PRIVATE_KEY_KEY]: base64(key),
    [COMBINED_KEY]: base64(certificate + key),
    ...Object.fromEntries(extras.map((name) => [name, base64("A".repeat(4096))])),
  };
}

/** Reads the pair that a Secret's data holds, for the one write that needs it. */
export function pairFromData(data: SecretData): KeyPair | undefined {
  const result = readPair(data);
  return result?.ok ? result.pair : undefined;
}

/** Judges a Secret's data; nothing of the key material is in the answer. */
export function judgeData(data: SecretData): SecretContent {
  const missing = [CERTIFICATE_KEY, PRIVATE_KEY_KEY].filter((key) => !data[key]);
  if (missing.length > 0)
    return { kind: "missing", problem: `${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} missing` };
  const result = readPair(data);
  if (result === undefined) return { kind: "missing", problem: "it holds no data" };
  if (!result.ok) return { kind: result.kind, problem: result.problem };
  const wanted = secretData(result.pair);
  return {
    kind: "pair",
    facts: result.pair.facts,
    formatsCurrent: Object.entries(wanted).every(([key, value]) => data[key] === value),
    extras: extrasIn(data),
  };
}

function readPair(data: SecretData) {
  const certificate = data[CERTIFICATE_KEY];
  const key = data[PRIVATE_KEY_KEY];
  if (certificate === undefined || key === undefined) return undefined;
  return readKeyPair(fromBase64(certificate), new SensitiveText(fromBase64(key)));
}

/** A text as a value of a Secret's data. */
export function base64(text: string): string {
  return textOfWiped(Buffer.from(text, "utf8"), "base64");
}

function fromBase64(text: string): string {
  return textOfWiped(Buffer.from(text, "base64"), "utf8");
}
