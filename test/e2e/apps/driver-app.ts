/**
 * What runs in the pod of an app with a real driver: it makes its client once, with the certificate that is mounted then,
 * and `GET /login` opens a new connection and tells with which certificate the database saw it. Bundled; see bundled.ts.
 */
import { createServer } from "node:http";
import { MongoClient } from "mongodb";

const startedAt = new Date().toISOString();
// A connection that has just been used is idle for too long: the next ping logs in again.
const client = new MongoClient(process.env.MONGODB_URI ?? "", { maxIdleTimeMS: 1, serverSelectionTimeoutMS: 5_000 });

const server = createServer((_request, response) => {
  const ping = client.db("admin").command({ ping: 1 });
  ping.then(
    ({ user, serialNumber }) => response.end(JSON.stringify({ user, serialNumber, startedAt })),
    (error: unknown) => response.writeHead(503).end(String(error)),
  );
});
server.listen(8080);
process.on("SIGTERM", () => process.exit(0));
