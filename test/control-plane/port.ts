import { createServer } from "node:net";
import { promisify } from "node:util";

/**
 * The ports to choose from: below those that systems hand out to clients (from 32768 on Linux, 49152 elsewhere). A
 * server that is stopped and comes back on its port, as the fault tests do, would otherwise find it taken now and then
 * by somebody's outgoing connection, even by that of a client which is just trying to reach it.
 */
const FIRST = 20_000;
const LAST = 31_999;
const ATTEMPTS = 100;

/**
 * A port of 127.0.0.1 that is free at the moment; another process may still be faster to take it.
 *
 * @param random gives numbers from 0 up to 1
 */
export async function freePort(random: () => number = Math.random): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = FIRST + Math.floor(random() * (LAST - FIRST + 1));
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port found between ${FIRST} and ${LAST} in ${ATTEMPTS} attempts`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => resolve(true));
  });
  if (listening) await promisify(server.close.bind(server))();
  return listening;
}
