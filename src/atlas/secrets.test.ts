import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SensitiveText } from "../sensitive-text.ts";
import type { AtlasCredentials } from "./authentication/credentials.ts";
import { readErrorAnswer } from "./errors/error-answer.ts";
import { ApiUnderTest, failureOf } from "./testing/api-under-test.ts";
import { everythingIn } from "./testing/everything-in.ts";
import { answer, type Reaction, type RecordedRequest } from "./testing/recording-server.ts";
import {
  API_KEYS,
  CLIENT_SECRET,
  GROUP_ID,
  KEY_MATERIAL,
  PEM,
  PRIVATE_API_KEY,
  SERVICE_ACCOUNT,
  USERNAME,
} from "./testing/samples.ts";

const TOKEN = "eyJ-secret-access-token-0123";
const base64 = (text: string) => Buffer.from(text).toString("base64");
const BASIC = base64(`mdb_sa_id_0123:${CLIENT_SECRET}`);
const SECRETS = [KEY_MATERIAL, CLIENT_SECRET, PRIVATE_API_KEY, TOKEN, BASIC, "PRIVATE KEY"];

function expectNoSecret(text: string): void {
  for (const secret of SECRETS) expect(text).not.toContain(secret);
}

/** Answers that hold what must not get out, or echo what was sent. */
const leaks: readonly (readonly [string, (request: RecordedRequest) => Reaction])[] = [
  ["a PEM that is cut", () => (socket) => socket.end(answer(201, PEM).slice(0, -30))],
  [
    "a broken chunk with a PEM behind it",
    () => (socket) => socket.end(`HTTP/1.1 201 C\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n${PEM}`),
  ],
  ["no HTTP but a PEM", () => (socket) => socket.end(`${PEM}\r\n\r\n`)],
  ["a JSON string that is cut", () => answer(201, JSON.stringify(PEM).slice(0, -9))],
  ["a 500 with a PEM", () => answer(500, PEM)],
  ["a 400 with a PEM", () => answer(400, PEM)],
  ["an Atlas error with a PEM in its detail", () => answer(400, { error: 400, errorCode: "X", detail: PEM })],
  ["an Atlas error with a PEM as its code", () => answer(400, { error: 400, errorCode: PEM, detail: "x" })],
  ["an Atlas error with the token as its code", () => answer(400, { error: 400, errorCode: TOKEN })],
  ["an error page that echoes the request", (request) => answer(502, `<pre>${request.head}\n${request.body}</pre>`)],
  ["an Atlas error that echoes the request", ({ head }) => answer(403, { error: 403, errorCode: "X", detail: head })],
  ["an OAuth error that echoes the request", ({ head }) => answer(401, { error: head, error_description: head })],
  [
    "a redirect that carries the request along",
    ({ head }) => answer(302, "", { location: `https://x.example/?${encodeURIComponent(head)}` }),
  ],
  [
    "a content type with a secret",
    ({ headers }) => answer(404, "x", { "content-type": `x/y; ${headers.authorization}` }),
  ],
  ["an answer that never ends", () => answer(200, PEM.repeat(9000))],
  ["a reset", () => (socket) => socket.resetAndDestroy()],
];

describe("no error holds a secret", () => {
  const challenge = { "www-authenticate": 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5' };
  const cases = leaks.flatMap(([name, leak]) => [
    { name, leak, how: "a service account", credentials: SERVICE_ACCOUNT },
    { name, leak, how: "API keys", credentials: API_KEYS },
  ]);

  test.each(cases)("that comes of $name to a create with $how", async ({ leak, credentials }) => {
    await using under = await ApiUnderTest.start({
      credentials,
      react: (request) => {
        if (request.target === "/api/oauth/token") return answer(200, { access_token: TOKEN, expires_in: 3600 });
        if (request.headers.authorization === undefined) return answer(401, "", challenge);
        return leak(request);
      },
    });
    const error = await failureOf(under.api.createDatabaseUserCertificate({ groupId: GROUP_ID, username: USERNAME }));
    expectNoSecret(everythingIn(error));
  });

  test.each(leaks)("that comes of %s to a list", async (_name, leak) => {
    await using under = await ApiUnderTest.start({
      react: (request) =>
        request.target === "/api/oauth/token" ? answer(200, { access_token: TOKEN, expires_in: 3600 }) : leak(request),
    });
    const error = await failureOf(under.api.listDatabaseUserCertificates({ groupId: GROUP_ID, username: USERNAME }));
    expectNoSecret(everythingIn(error));
  });

  test.each(leaks)("that comes of %s to the request for a token", async (_name, leak) => {
    await using under = await ApiUnderTest.start({ react: leak });
    expectNoSecret(everythingIn(await failureOf(under.api.getUserSecurity({ groupId: GROUP_ID }))));
  });

  test("and neither do the objects that hold the connection", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(201, PEM)] });
    await under.api.createDatabaseUserCertificate({ groupId: GROUP_ID, username: USERNAME });
    expectNoSecret(inspect(under.api, { depth: 10, showHidden: true }));
  });
});

describe("what this client keeps secret is taken out of an answer that names it", () => {
  const challenge = { "www-authenticate": 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5' };
  const held = [
    { what: "the client secret", secret: CLIENT_SECRET, credentials: SERVICE_ACCOUNT },
    { what: "the token", secret: TOKEN, credentials: SERVICE_ACCOUNT },
    { what: "the private API key", secret: PRIVATE_API_KEY, credentials: API_KEYS },
  ];
  const forms = [
    { how: "as it is", form: (secret: string) => secret },
    { how: "in base64", form: base64 },
    {
      how: "with an invisible character in it",
      form: (secret: string) => `${secret.slice(0, 9)}\u200b${secret.slice(9)}`,
    },
  ];

  /** The error of a list that is answered like this. */
  async function errorAfter(reaction: Reaction, credentials: AtlasCredentials) {
    await using under = await ApiUnderTest.start({
      credentials,
      react: ({ headers, target }) => {
        if (target === "/api/oauth/token") return answer(200, { access_token: TOKEN, expires_in: 3600 });
        return headers.authorization === undefined ? answer(401, "", challenge) : reaction;
      },
    });
    return await failureOf(under.api.listDatabaseUserCertificates({ groupId: GROUP_ID, username: USERNAME }));
  }

  test.each(held.flatMap((each) => forms.map((one) => ({ ...each, ...one }))))(
    "$what $how",
    async ({ secret, form, credentials }) => {
      const detail = `the secret ${form(secret)} is bad`;
      const error = await errorAfter(answer(400, { error: 400, errorCode: "X", detail }), credentials);
      expect(error.detail).toMatch(/^the secret \[redacted\]\S{0,3} is bad$/);
      expect(error.message).toContain("the secret [redacted]");
    },
  );

  test.each(held)("$what as the media type of a page", async ({ secret, credentials }) => {
    const error = await errorAfter(answer(404, "x", { "content-type": `x/${secret}` }), credentials);
    expect(error.message).toContain("(404, x/[redacted])");
  });

  test("the client secret in the answer to the request for a token", async () => {
    await using under = await ApiUnderTest.start({
      react: () => answer(401, { error: "invalid_client", error_description: `not ${CLIENT_SECRET}` }),
    });
    const error = await failureOf(under.api.getUserSecurity({ groupId: GROUP_ID }));
    expect(error.detail).toBe("not [redacted]");
  });
});

describe("readErrorAnswer", () => {
  const read = (body: string) => readErrorAnswer({ body: new SensitiveText(body) }, (text) => text);

  test("survives any text and gives back nothing of key material", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.nat({ max: PEM.length }), (before, after, length) => {
        const detail = `${before}${PEM.slice(0, length)}-----${after}`;
        for (const body of [
          detail,
          JSON.stringify(detail),
          JSON.stringify({ detail }),
          JSON.stringify({ errorCode: detail }),
        ]) {
          const error = read(body);
          expect(error.detail).toBeUndefined();
          expect(error.errorCode).toBeUndefined();
        }
      }),
    );
  });

  test.each([
    ["a bearer token", `Invalid header: Bearer ${TOKEN}`],
    ["a Basic pair", `Invalid header: Basic ${BASIC}`],
    [
      "the middle of a key",
      `Unexpected ${"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"} in line 1`,
    ],
  ])("shows nothing of a detail that quotes %s", (_name, detail) => {
    expect(read(JSON.stringify({ errorCode: "INVALID", detail }))).toEqual({
      fromAtlas: true,
      errorCode: "INVALID",
      detail: undefined,
    });
  });

  test("survives any JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => read(JSON.stringify(value))).not.toThrow();
      }),
    );
  });

  test("keeps characters that are invisible or turn the direction of writing out of a detail", () => {
    expect(read(JSON.stringify({ detail: "user\u202eabc\u200b\u2066 \ufeffis bad" })).detail).toBe("userabc is bad");
  });

  test("keeps the rest of a detail that names a secret", () => {
    const body = new SensitiveText(JSON.stringify({ errorCode: "INVALID", detail: "the key sesame is bad" }));
    const concealing = (text: string) => text.replaceAll("sesame", "[redacted]");
    expect(readErrorAnswer({ body }, concealing).detail).toBe("the key [redacted] is bad");
  });

  test("drops a code that is a secret", () => {
    const body = new SensitiveText(JSON.stringify({ errorCode: "SESAME" }));
    expect(readErrorAnswer({ body }, () => "[redacted]").errorCode).toBeUndefined();
  });

  test("keeps a detail short and in one line", () => {
    const { detail } = read(JSON.stringify({ detail: `a\n\tb ${"word ".repeat(200)}` }));
    expect(detail).toMatch(/^a b word/);
    expect(detail?.length).toBeLessThanOrEqual(300);
  });

  test.each([
    ["an array", "[]"],
    ["a number", "1"],
    ["null", "null"],
    ["a page", "<html>"],
    ["nothing", ""],
  ])("does not take %s for Atlas' words", (_name, body) => {
    expect(read(body)).toEqual({ fromAtlas: false, errorCode: undefined, detail: undefined });
  });

  test("passes over fields of the wrong type", () => {
    expect(read('{"errorCode":5,"detail":{},"error_description":[]}')).toEqual({
      fromAtlas: true,
      errorCode: undefined,
      detail: undefined,
    });
  });

  test("reads the errors of OAuth 2.0", () => {
    expect(read('{"error":"invalid_client","error_description":"Unknown client."}')).toEqual({
      fromAtlas: true,
      errorCode: "invalid_client",
      detail: "Unknown client.",
    });
  });
});
