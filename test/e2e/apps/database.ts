/**
 * What runs in the database's pod: it lets in who shows a client certificate of one authority, as a MongoDB of Atlas does,
 * and says who it was. Self-contained: the pod has this file and Node.js.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:tls";

const read = (name: string) => readFileSync(`/etc/database/${name}`);
const server = createServer(
  {
    cert: read("tls.crt"),
    key: read("tls.key"),
    ca: read("clients-ca.pem"),
    requestCert: true,
    rejectUnauthorized: true,
  },
  (socket) => {
    const { subject, serialNumber, valid_to } = socket.getPeerCertificate();
    socket.on("error", () => {});
    socket.end(
      JSON.stringify({ user: subject.CN, serialNumber: BigInt(`0x${serialNumber}`).toString(), notAfter: valid_to }),
    );
  },
);
server.listen(27017, () => process.stdout.write("ready\n"));
process.on("SIGTERM", () => process.exit(0));
