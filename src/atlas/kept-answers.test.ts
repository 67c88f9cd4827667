import type { Socket } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { issuePem } from "../certificate/testing.ts";
import { ApiUnderTest, failureOf } from "./testing/api-under-test.ts";
import { answer, type Reaction, tokenAnswer } from "./testing/recording-server.ts";
import { GROUP_ID, pageBody, USERNAME } from "./testing/samples.ts";

const USER = { groupId: GROUP_ID, username: USERNAME };
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

let pem: string;
let mismatched: string;
beforeAll(async () => {
  const [one, other] = [await issuePem(), await issuePem()];
  pem = one.bundle.reveal();
  mismatched = one.certificatePem + other.keyPem;
});

/** An answer whose length says more than comes. */
const tooShort = (body: string, headers: Readonly<Record<string, string>> = {}) =>
  answer(201, body, headers).replace(/content-length: (\d+)/, (_, length) => `content-length: ${Number(length) + 10}`);

const chunked = (body: string) =>
  `HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n`;

/** The bytes of an answer whose body is compressed. */
function compressed(coding: string, status: number, body: Buffer): (socket: Socket) => void {
  const head = `HTTP/1.1 ${status} Status\r\ncontent-length: ${body.length}\r\ncontent-encoding: ${coding}\r\n\r\n`;
  return (socket) => socket.write(Buffer.concat([Buffer.from(head), body]));
}

describe("a pair that arrived whole is kept:", () => {
  const cases: readonly (readonly [string, () => Reaction])[] = [
    ["202", () => answer(202, pem)],
    ["203", () => answer(203, pem)],
    ["206", () => answer(206, pem)],
    ["100 Continue before it", () => `${CONTINUE}${answer(201, pem)}`],
    [
      "several announcements before it",
      () => `${CONTINUE}HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${CONTINUE}${answer(201, pem)}`,
    ],
    ["gzip", () => compressed("gzip", 201, gzipSync(pem))],
    ["br", () => compressed("br", 201, brotliCompressSync(pem))],
    ["a content coding that it does not have", () => answer(201, pem, { "content-encoding": "gzip" })],
    [
      "gzip that is cut at its end",
      () => (socket) => {
        const body = gzipSync(pem, { level: 0 });
        socket.write(`HTTP/1.1 201 Created\r\ncontent-length: ${body.length}\r\ncontent-encoding: gzip\r\n\r\n`);
        socket.end(body.subarray(0, -4));
      },
    ],
    ["a content-length that is too large", () => (socket) => socket.end(tooShort(pem))],
    [
      "a content-length that is too large, as a JSON string",
      () => (socket) => socket.end(tooShort(JSON.stringify(pem))),
    ],
    ["a last chunk that is missing", () => (socket) => socket.end(chunked(pem))],
    ["a broken chunk behind it", () => (socket) => socket.end(`${chunked(pem)}zz\r\n`)],
    ["1 MiB behind it", () => answer(201, `${pem}${"x".repeat(1024 * 1024)}`)],
  ];

  test.each(cases)("with %s", async (_name, reaction) => {
    await using under = await ApiUnderTest.start({
      react: ({ target }) => (target === "/api/oauth/token" ? tokenAnswer() : reaction()),
    });
    const got = await under.api.createDatabaseUserCertificate(USER);
    expect(got.reveal()).toContain(pem.trimEnd());
    expect(under.calls).toHaveLength(1);
  });
});

describe("an answer that was cut is ambiguous", () => {
  test.each<readonly [string, () => string]>([
    ["inside the key", () => answer(201, pem).slice(0, -60)],
    ["behind a key of another certificate", () => tooShort(mismatched)],
    ["behind a pair that cannot be parsed", () => tooShort(pem.replace("MII", "AAA"))],
    ["behind a pair that came with an error", () => tooShort(pem).replace("201 Status", "500 Status")],
  ])("%s", async (_name, text) => {
    await using under = await ApiUnderTest.start({ answers: [(socket) => socket.end(text())] });
    expect((await failureOf(under.api.createDatabaseUserCertificate(USER))).kind).toBe("ambiguous");
    expect(under.calls).toHaveLength(1);
  });
});

describe("a list is read", () => {
  const body = pageBody(["1", "2"], 2);
  const bytes = Buffer.from(body);
  const inPieces = (text: string) => (socket: Socket) => {
    const send = (at: number) => {
      socket.write(text.slice(at, at + 1));
      if (at < CONTINUE.length + 12) setImmediate(send, at + 1);
      else socket.write(text.slice(at + 1));
    };
    send(0);
  };

  test.each<readonly [string, Reaction]>([
    ["behind 100 Continue", `${CONTINUE}${answer(200, body)}`],
    ["behind 100 Continue that comes byte by byte", inPieces(`${CONTINUE}${answer(200, body)}`)],
    [
      "from HTTP/1.0 behind 100 Continue",
      (socket) => socket.end(`HTTP/1.0 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\n${body}`),
    ],
    ["from gzip", compressed("gzip", 200, gzipSync(bytes))],
    ["from br", compressed("br", 200, brotliCompressSync(bytes))],
  ])("%s", async (_name, reaction) => {
    await using under = await ApiUnderTest.start({ answers: [reaction] });
    expect((await under.api.listDatabaseUserCertificates(USER)).results).toHaveLength(2);
    expect(under.calls).toHaveLength(1);
  });

  test("behind 100 Continue on a connection that was kept", async () => {
    const page = `${CONTINUE}${answer(200, body)}`;
    await using under = await ApiUnderTest.start({ answers: [page, page, page] });
    for (let count = 0; count < 3; count += 1) await under.api.listDatabaseUserCertificates(USER);
    expect(under.calls).toHaveLength(3);
  });

  test("again where it was cut, because nothing is lost with it", async () => {
    await using under = await ApiUnderTest.start({
      answers: [(socket) => socket.end(tooShort(body)), answer(200, body)],
    });
    expect((await under.api.listDatabaseUserCertificates(USER)).results).toHaveLength(2);
    expect(under.calls).toHaveLength(2);
  });

  test("over a new connection after 421", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, body), answer(421), answer(200, body)] });
    await under.api.listDatabaseUserCertificates(USER);
    await under.api.listDatabaseUserCertificates(USER);
    expect(under.calls.map(({ headers }) => headers.connection)).toEqual(["keep-alive", "keep-alive", "close"]);
  });
});
