export * from "node:crypto";

import { type CertificateText, fingerprint, readCertificate, readKey } from "../atlas/certificates.ts";

/** Stands in for node:crypto in the product's certificate code; see hooks.ts. */
export class X509Certificate {
  readonly #text: CertificateText;

  constructor(pem: string) {
    this.#text = readCertificate(pem);
  }

  get serialNumber(): string {
    return this.#text.serialNumber.toString(16).toUpperCase();
  }

  get fingerprint256(): string {
    return fingerprint(this.#text.pem);
  }

  get validFromDate(): Date {
    return this.#text.notBefore;
  }

  get validToDate(): Date {
    return this.#text.notAfter;
  }

  /** Users of simulations have names that need no escapes. */
  get subject(): string {
    return `CN=${this.#text.commonName}`;
  }

  checkPrivateKey(key: unknown): boolean {
    return key instanceof Key && key.pem === this.#text.keyPem;
  }
}

class Key {
  readonly pem: string;

  constructor(pem: string) {
    this.pem = pem;
  }
}

export function createPrivateKey(pem: Buffer): Key {
  return new Key(readKey(pem.toString("utf8")));
}

let uuids = 0;

/** The same in every run of a seed. */
export function randomUUID(): string {
  uuids += 1;
  return `10000000-0000-4000-8000-${String(uuids).padStart(12, "0")}`;
}

export function restartUuids(): void {
  uuids = 0;
}
