import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import * as x509 from "@peculiar/x509";

export interface KeyAndCertificate {
  readonly key: string;
  readonly cert: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const VALIDITY = { notBefore: new Date(Date.now() - 3_600_000), notAfter: new Date(Date.now() + 3_600_000) };

/** A certificate authority for a test. */
export class TlsAuthority {
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #certificate: x509.X509Certificate;

  private constructor(keys: webcrypto.CryptoKeyPair, certificate: x509.X509Certificate) {
    this.#keys = keys;
    this.#certificate = certificate;
  }

  static async create(name: string): Promise<TlsAuthority> {
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned(
      {
        name: `CN=${name}`,
        keys,
        signingAlgorithm: ALGORITHM,
        extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
        ...VALIDITY,
      },
      webcrypto,
    );
    return new TlsAuthority(keys, certificate);
  }

  get pem(): string {
    return this.#certificate.toString("pem");
  }

  /** A certificate for a client of that name, or for a server on 127.0.0.1. */
  async issue(name: string): Promise<KeyAndCertificate> {
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.create(
      {
        subject: `CN=${name}`,
        issuer: this.#certificate.subject,
        publicKey: keys.publicKey,
        signingKey: this.#keys.privateKey,
        signingAlgorithm: ALGORITHM,
        extensions: [new x509.SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }])],
        ...VALIDITY,
      },
      webcrypto,
    );
    const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
    return { key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY"), cert: certificate.toString("pem") };
  }
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

/** An HTTPS server that says, in each answer's metadata.name, which client certificate it saw. */
export class TlsServer implements AsyncDisposable {
  readonly #server: Server;
  handshakes = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(options: KeyAndCertificate & { readonly clientCa?: string }): Promise<TlsServer> {
    const server = createServer(
      { key: options.key, cert: options.cert, ca: options.clientCa, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        const subject = (request.socket as TLSSocket).getPeerCertificate().subject;
        const metadata = { name: subject?.CN ?? "unknown", uid: "u", resourceVersion: "1" };
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ metadata, token: request.headers.authorization }));
      },
    );
    server.keepAliveTimeout = 0;
    const started = new TlsServer(server);
    server.on("secureConnection", () => {
      started.handshakes += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return started;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): URL {
    return new URL(`https://127.0.0.1:${this.port}`);
  }

  /** Goes over to another certificate, as an API server does after a rotation. */
  use(identity: KeyAndCertificate): void {
    this.#server.setSecureContext(identity);
    this.#server.closeAllConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
