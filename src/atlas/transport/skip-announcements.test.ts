import { Socket } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { skipAnnouncements } from "./skip-announcements.ts";

/** The text that undici reads from a socket on which these pieces arrive, after it has written a request. */
function readFrom(pieces: readonly string[], { hasWritten = true } = {}): string {
  const left = [...pieces];
  const socket = new Socket();
  socket.read = () => (left.length === 0 ? null : Buffer.from(left.shift() ?? "", "latin1"));
  socket.write = () => true;
  skipAnnouncements(socket);
  if (hasWritten) socket.write("GET / HTTP/1.1\r\n\r\n");
  let text = "";
  for (;;) {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return text;
    text += chunk.toString("latin1");
  }
}

/** The text cut at these places. */
function cut(text: string, places: readonly number[]): readonly string[] {
  const at = [...new Set(places.map((place) => place % text.length))].toSorted((one, other) => one - other);
  return [...at, text.length].map((end, index) => text.slice(at[index - 1] ?? 0, end)).filter((piece) => piece !== "");
}

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const HINTS = "HTTP/1.0 103 Early Hints\r\nlink: </x>\r\n\r\n";
const ANSWER = `HTTP/1.1 200 OK\r\ncontent-length: ${CONTINUE.length}\r\n\r\n${CONTINUE}`;

describe("skipAnnouncements", () => {
  test("takes out any announcements before an answer, wherever the pieces end", () => {
    const announcements = fc.array(fc.constantFrom(CONTINUE, HINTS), { maxLength: 4 });
    fc.assert(
      fc.property(announcements, fc.array(fc.nat(), { maxLength: 30 }), (before, places) => {
        expect(readFrom(cut(before.join("") + ANSWER, places))).toBe(ANSWER);
      }),
    );
  });

  test.each([
    ["a change of protocol", "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
    ["something that is no HTTP", "SSH-2.0-x\r\n\r\n"],
    ["an announcement that is too long", `HTTP/1.1 100 Continue\r\n${"x".repeat(20_000)}`],
  ])("leaves %s as it is", (_name, text) => {
    expect(readFrom([text])).toBe(text);
  });

  test("leaves alone what comes before any request", () => {
    expect(readFrom([CONTINUE], { hasWritten: false })).toBe(CONTINUE);
  });
});
