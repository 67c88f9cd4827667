import { createInterface } from "node:readline";
import { ConnectionString } from "mongodb-connection-string-url";

/** Answers the commands of a test; see ../driver-program.ts. */
const [, , kind] = process.argv;
let client;

async function connect() {
  const module = await import(`./${kind === "plain" ? "mongodb.mjs" : "reloading-mongodb.mjs"}`);
  return module.mongodb ?? (() => module.client);
}

function parse(uri) {
  const { hosts, pathname, searchParams } = new ConnectionString(uri);
  return {
    hosts,
    database: decodeURIComponent(pathname.slice(1)),
    mechanism: searchParams.get("authMechanism"),
    source: searchParams.get("authSource"),
    tls: searchParams.get("tls"),
    file: searchParams.get("tlsCertificateKeyFile"),
    appName: searchParams.get("appName"),
  };
}

async function answer(line) {
  if (line.startsWith("parse ")) return JSON.stringify(parse(line.slice("parse ".length)));
  client ??= await connect();
  await client().db("admin").command({ ping: 1 });
  return "pong";
}

process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  const text = await answer(line).catch((error) => `failed: ${error.message}`.replaceAll(/\s+/g, " "));
  process.stdout.write(`${text}\n`);
}
process.exit();
