import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Reads a file of PEM certificates for AtlasTransport's `extraCa`: those of a proxy that opens TLS, or of a private
 * address.
 *
 * @throws Error with one sentence that names the file, when it can't be read or holds no certificate
 */
export async function readExtraCaFile(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new Error(`The file of extra CA certificates ${path} cannot be read.`, { cause: error });
  }
  try {
    checkExtraCa(text);
  } catch (error) {
    throw new Error(`The file of extra CA certificates ${path} is unusable: ${messageOf(error)}`, { cause: error });
  }
  return text;
}

/** @throws TypeError unless the text holds at least one PEM certificate and each can be decoded */
export function checkExtraCa(pem: string): void {
  const certificates = pem.match(CERTIFICATE) ?? [];
  if (certificates.length === 0) throw new TypeError("it holds no PEM certificate (BEGIN CERTIFICATE).");
  for (const [index, certificate] of certificates.entries()) {
    try {
      new X509Certificate(certificate);
    } catch (error) {
      throw new TypeError(`its certificate number ${index + 1} can't be decoded.`, { cause: error });
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
