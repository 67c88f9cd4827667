/**
 * What runs in the database's pod: it lets in who shows a client certificate of one authority, as a MongoDB of Atlas does,
 * and says who it was. There are two, as in a move from one Atlas to another: each port has an authority of its own.
 * Self-contained: the pod has this file and Node.js.
 */
import { readFileSync } from "node:fs";
import { createServer, type TLSSocket } from "node:tls";

const read = (name: string) => readFileSync(`/etc/database/${name}`);

function greet(socket: TLSSocket): void {
  const { subject, serialNumber, valid_to: notAfter } = socket.getPeerCertificate();
  socket.on("error", () => {});
  socket.end(JSON.stringify({ user: subject.CN, serialNumber: BigInt(`0x${serialNumber}`).toString(), notAfter }));
}

for (const [port, authority] of [
  [27017, "clients-ca.pem"],
  [27018, "other-clients-ca.pem"],
] as const) {
  const demand = { requestCert: true, rejectUnauthorized: true };
  createServer({ cert: read("tls.crt"), key: read("tls.key"), ca: read(authority), ...demand }, greet).listen(port);
}
process.on("SIGTERM", () => process.exit(0));
