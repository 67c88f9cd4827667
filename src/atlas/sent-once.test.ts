import ky from "ky";
import { fetch as undiciFetch } from "undici";
import { expect, test } from "vitest";
import { answer, RecordingServer } from "./testing/recording-server.ts";
import { AtlasTransport } from "./transport/transport.ts";

const CREATE = { method: "POST", body: "{}" } as const;

/** How often a server that answers everything with 421 receives the request. */
async function timesReceived(send: (url: string) => Promise<unknown>): Promise<number> {
  await using server = await RecordingServer.start(() => answer(421, "misdirected"));
  await send(server.url);
  return server.requests.length;
}

test("the transport sends a create once, although Atlas answers 421", async () => {
  const received = await timesReceived(async (baseUrl) => {
    await using transport = new AtlasTransport({ baseUrl });
    await transport.exchange({ ...CREATE, path: "/", headers: {} });
  });
  expect(received).toBe(1);
});

test.each([
  ["Node's fetch", (url: string) => fetch(url, CREATE)],
  ["undici's fetch", (url: string) => undiciFetch(url, CREATE)],
  ["ky without retries", (url: string) => ky(url, { ...CREATE, retry: 0, throwHttpErrors: false })],
])("%s sends a POST twice after a 421, which is why the transport does not use it", async (_, send) => {
  expect(await timesReceived(send)).toBe(2);
});
