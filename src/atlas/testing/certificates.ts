import "reflect-metadata";
import * as x509 from "@peculiar/x509";

export interface TestAuthority {
  /** PEM of the CA certificate. */
  readonly ca: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const VALIDITY = { notBefore: new Date(Date.now() - 3_600_000), notAfter: new Date(Date.now() + 86_400_000) };

/** A CA of its own and a server certificate from it, for these DNS names. */
export async function makeAuthority(dnsNames: readonly string[]): Promise<TestAuthority> {
  const caKeys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...VALIDITY,
    name: "CN=Test CA",
    keys: caKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const serverKeys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const server = await x509.X509CertificateGenerator.create({
    ...VALIDITY,
    subject: "CN=Test server",
    issuer: ca.subject,
    publicKey: serverKeys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: "dns" as const, value })))],
  });
  const key = await crypto.subtle.exportKey("pkcs8", serverKeys.privateKey);
  return {
    ca: ca.toString("pem"),
    serverCertificate: server.toString("pem"),
    serverKey: x509.PemConverter.encode(key, "PRIVATE KEY"),
  };
}
