/**
 * What runs in the app's pod: `GET /login` logs in to the database with the mounted files and tells as whom;
 * `GET /anonymous` tries without them and tells what came of it. Self-contained: the pod has this file and Node.js.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:tls";

const { DATABASE_HOST = "", DATABASE_PORTS = "" } = process.env;
const startedAt = new Date().toISOString();

/** Logs in where one of the ports lets it, with what the file holds at this moment. */
async function logIn(anonymous: boolean): Promise<string> {
  let refusal: unknown;
  for (const port of DATABASE_PORTS.split(",").map(Number)) {
    try {
      return await connectTo(port, anonymous);
    } catch (error: unknown) {
      refusal = error;
    }
  }
  throw refusal;
}

function connectTo(port: number, anonymous: boolean): Promise<string> {
  const pem = anonymous ? {} : { cert: read("tls-combined.pem"), key: read("tls-combined.pem") };
  return new Promise((resolve, reject) => {
    // Who the database is does not matter here: it is the client that is judged.
    const socket = connect({ host: DATABASE_HOST, port, rejectUnauthorized: false, timeout: 5_000, ...pem });
    let answer = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      answer += text;
    });
    socket.on("timeout", () => socket.destroy(new Error("no answer")));
    socket.on("error", reject);
    // With TLS 1.3 a refusal comes after the handshake: what counts is the database's word.
    socket.on("close", () => (answer === "" ? reject(new Error("refused without a word")) : resolve(answer)));
  });
}

function read(name: string): Buffer {
  return readFileSync(`/etc/mongodb/${name}`);
}

const server = createServer((request, response) => {
  const anonymous = request.url === "/anonymous";
  logIn(anonymous).then(
    (answer) => response.end(JSON.stringify({ ...JSON.parse(answer), startedAt })),
    (error: unknown) => response.writeHead(anonymous ? 200 : 503).end(JSON.stringify({ refused: String(error) })),
  );
});
server.listen(8080);
process.on("SIGTERM", () => process.exit(0));
