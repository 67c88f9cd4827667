import { get } from "node:http";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { expectUnharmed, SCALE } from "./attack.ts";
import { openWithNeighbour } from "./neighbour.ts";

/** A probe as the kubelet sends it, on a connection of its own: its status. */
function probe(address: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = get(`http://${address}/livez`, { agent: false, timeout: 1000 });
    request.on("timeout", () => request.destroy(new Error("no answer within a second")));
    request.on("error", reject).on("response", (answer) => resolve(answer.resume().statusCode));
  });
}

test("128 clients send requests to the health port slowly, and 30 of 30 probes succeed", async () => {
  const { victim, operator } = await openWithNeighbour();
  const address = operator.address("health");
  const port = Number(address.split(":").at(-1));
  const open = () => {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    socket.write("GET /livez HTTP/1.1\r\n");
    onTestFinished(() => void socket.destroy());
  };
  for (let count = 0; count < 128 * SCALE; count++) open();
  const statuses: unknown[] = [];
  for (let count = 0; count < 30; count++) {
    statuses.push(await probe(address).catch(String));
    for (let again = 0; again < 16; again++) open();
    await systemClock.sleep(50);
  }
  expect(statuses).toEqual(statuses.map(() => 200));
  await expectUnharmed(victim, operator);
});
