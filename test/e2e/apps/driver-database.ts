/** What runs in the pod of a database that real drivers log in to. Bundled; see bundled.ts. */
import { readFileSync } from "node:fs";
import { Mongod } from "../../drivers/mongod.ts";

const read = (name: string) => readFileSync(`/etc/database/${name}`, "utf8");

await Mongod.start({
  pair: { cert: read("tls.crt"), key: read("tls.key") },
  clientCa: read("clients-ca.pem"),
  users: ["CN=orders-api"],
  listen: { host: "0.0.0.0", port: 27017 },
});
process.on("SIGTERM", () => process.exit(0));
