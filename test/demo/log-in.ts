import { once } from "node:events";
import { connect, createServer, type TLSSocket } from "node:tls";
import "reflect-metadata";
import { X509CertificateGenerator } from "@peculiar/x509";

/**
 * Logs in the way a MongoDB driver does with tlsCertificateKeyFile: a TLS connection to a server that takes only client
 * certificates of this CA.
 *
 * @param certificateKeyFile certificate and key in one PEM text
 * @param ca the certificates that sign client certificates
 * @returns the common name that the server saw
 * @throws where the server refuses the certificate
 */
export async function logIn(certificateKeyFile: string, ca: string): Promise<string> {
  const server = createServer({ ...(await serverCertificate()), ca, requestCert: true, rejectUnauthorized: true });
  const served = new Promise<string>((resolve, reject) => {
    server.once("secureConnection", (socket: TLSSocket) => {
      const { CN } = socket.getPeerCertificate().subject;
      socket.end();
      resolve([CN].flat().join());
    });
    server.once("tlsClientError", reject);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the server has no port");
    // Who the server is does not matter here: it is the client that is judged.
    const client = connect({
      host: "127.0.0.1",
      port: address.port,
      cert: certificateKeyFile,
      key: certificateKeyFile,
      rejectUnauthorized: false,
    });
    client.on("error", () => {
      // The server's own verdict tells more.
    });
    return await served;
  } finally {
    server.close();
  }
}

async function serverCertificate() {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=localhost",
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(),
    notAfter: new Date(Date.now() + 3_600_000),
  });
  const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return {
    cert: certificate.toString("pem"),
    key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
  };
}
