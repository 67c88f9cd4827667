import { describe, expect, test } from "vitest";
import { ApiUnderTest, failureOf } from "../testing/api-under-test.ts";
import { answer, atlasErrorAnswer, type Reaction } from "../testing/recording-server.ts";
import { API_KEYS, GROUP_ID, KEY_MATERIAL, PEM, USERNAME } from "../testing/samples.ts";

const USER = { groupId: GROUP_ID, username: USERNAME };

const operations = {
  create: (under: ApiUnderTest) => under.api.createDatabaseUserCertificate(USER),
  list: (under: ApiUnderTest) => under.api.listDatabaseUserCertificates(USER),
  disable: (under: ApiUnderTest) => under.api.disableCustomerManagedX509({ groupId: GROUP_ID }),
  security: (under: ApiUnderTest) => under.api.getUserSecurity({ groupId: GROUP_ID }),
};

/** The error of the operation when every request but those for a token is answered like this. */
async function errorOf(operation: keyof typeof operations, ...answers: readonly Reaction[]) {
  await using under = await ApiUnderTest.start({
    answers: [...answers, ...Array<Reaction>(9).fill(answers.at(-1) ?? "")],
  });
  const error = await failureOf(operations[operation](under));
  return { error, requests: under.calls.length };
}

const html = (status: number) => answer(status, "<html><title>Oops</title>", { "content-type": "text/html" });

/** An answer in short: its status and Atlas' code, or its kind of body. */
function inShort(reaction: string): string {
  const status = reaction.split(" ")[1] ?? "";
  return `${status} ${/"errorCode":"(\w+)"/.exec(reaction)?.[1] ?? (reaction.includes("<html") ? "HTML" : "no body")}`;
}

describe("each cause has a kind and a sentence that says what to do", () => {
  const answers = [
    ["create", atlasErrorAnswer(400, "CANNOT_GENERATE_CERT_IF_ADVANCED_X509"), "customerManagedOn", "Disable it"],
    [
      "create",
      atlasErrorAnswer(400, "ATLAS_GENERATED_CERTS_LIMIT_EXCEEDED"),
      "certificateLimit",
      "Wait until one expires",
    ],
    ["create", atlasErrorAnswer(400, "ATLAS_MANAGED_X509_NAME_INVALID"), "badRequest", "Correct the request"],
    ["create", atlasErrorAnswer(400, "BAD_USERNAME_REF"), "userNotFound", '"orders-api"'],
    ["create", atlasErrorAnswer(404, "USER_NOT_FOUND"), "userNotFound", "type MANAGED"],
    ["list", atlasErrorAnswer(404, "USERNAME_NOT_FOUND"), "userNotFound", '"orders-api"'],
    ["list", atlasErrorAnswer(404, "RESOURCE_NOT_FOUND"), "userNotFound", "has no database user"],
    ["list", atlasErrorAnswer(404, "GROUP_NOT_FOUND"), "projectNotFound", GROUP_ID],
    ["list", atlasErrorAnswer(403, "NOT_IN_GROUP"), "projectNotFound", "no access"],
    ["security", atlasErrorAnswer(404, "RESOURCE_NOT_FOUND"), "projectNotFound", "Atlas has no project"],
    ["list", atlasErrorAnswer(401, "UNAUTHORIZED"), "credentials", "service account mdb_sa_id_0123"],
    ["list", answer(401), "credentials", "Atlas rejects"],
    ["list", html(401), "credentials", "Atlas rejects"],
    ["list", atlasErrorAnswer(401, "USER_UNAUTHORIZED"), "role", "Project Read Only"],
    ["create", atlasErrorAnswer(403, "USER_UNAUTHORIZED"), "role", "Project Owner"],
    ["disable", atlasErrorAnswer(403, "ANYTHING"), "role", "Project Owner"],
    ["security", atlasErrorAnswer(403, "ANYTHING"), "role", "Project Owner"],
    ["create", atlasErrorAnswer(409, "CONFLICT"), "unavailable", "409 CONFLICT. Nothing was changed."],
    ["create", html(409), "badAnswer", "no proxy"],
    ["create", answer(421), "unavailable", "421. Nothing was changed."],
    ["create", html(425), "unavailable", "425. Nothing was changed."],
    ["list", html(407), "badAnswer", "HTTPS_PROXY"],
    ["list", atlasErrorAnswer(406, "INVALID_VERSION"), "badRequest", "406 INVALID_VERSION"],
    ["create", atlasErrorAnswer(429, "RATE_LIMITED"), "rateLimited", "rate limit"],
    ["create", atlasErrorAnswer(503, "RATE_LIMITED_TOKEN_BUCKET"), "rateLimited", "rate limit"],
    [
      "create",
      atlasErrorAnswer(500, "UNEXPECTED_ERROR"),
      "ambiguous",
      "List the user's certificates before you retry.",
    ],
    ["create", html(502), "ambiguous", "may or may not have issued a certificate"],
    ["create", answer(204), "ambiguous", "List the user's certificates before you retry."],
    ["disable", answer(200, "[]"), "ambiguous", "user security settings"],
    ["create", atlasErrorAnswer(408, "TIMEOUT"), "ambiguous", "may or may not have issued a certificate"],
    ["disable", html(503), "ambiguous", "user security settings"],
    ["list", atlasErrorAnswer(500, "UNEXPECTED_ERROR"), "unavailable", "Atlas answered 500 UNEXPECTED_ERROR."],
    ["list", html(504), "unavailable", "504"],
    ["list", html(403), "badAnswer", "text/html"],
    ["list", html(404), "badAnswer", "base URL"],
    ["list", answer(200, "", {}), "badAnswer", "not JSON"],
    ["list", html(200), "badAnswer", "not JSON"],
    ["list", answer(204), "badAnswer", "204 with a body that is not JSON"],
    ["list", answer(302, "", { location: "https://login.example/?secret" }), "badAnswer", "a redirect"],
    ["create", answer(307, "", { location: "https://login.example" }), "badAnswer", "a redirect"],
    ["create", html(400), "badAnswer", "no proxy"],
  ] as const;

  test.each(
    answers.map(([operation, reaction, kind, words]) => ({ operation, is: inShort(reaction), reaction, kind, words })),
  )("$operation answered by $is is $kind", async ({ operation, reaction, kind, words }) => {
    const { error } = await errorOf(operation, reaction);
    expect(error).toMatchObject({ kind, changed: kind === "ambiguous" ? "unknown" : "nothing" });
    expect(error.message).toContain(words);
    expect(error.message).toMatch(/^[A-Z][^\n]*\.$/);
  });

  test("the problem is the message without the remedy", async () => {
    const { error } = await errorOf("list", atlasErrorAnswer(404, "USER_NOT_FOUND"));
    expect(error.problem).toBe(`Atlas has no database user "orders-api" in project ${GROUP_ID} (404 USER_NOT_FOUND).`);
    expect(error.message).toBe(
      `${error.problem} Create the user with X.509 authentication of type MANAGED, or correct the name.`,
    );
  });

  test("the problem leaves it to its reader to say that nothing was changed", async () => {
    const { error } = await errorOf("create", answer(421));
    expect(error.message).toBe(`${error.problem} Nothing was changed. Try again later.`);
    expect(error.problem).not.toMatch(/nothing was changed/i);
  });

  test.each(["list", "create"] as const)("an error of %s tells when Atlas answered", async (operation) => {
    const date = "Wed, 06 May 2026 12:00:10 GMT";
    const { error } = await errorOf(operation, atlasErrorAnswer(404, "USER_NOT_FOUND", "No.", { date }));
    expect(error.answeredAt).toEqual(new Date(date));
  });

  test("an error of an answer of the wrong shape tells when Atlas answered", async () => {
    const { error } = await errorOf("list", answer(200, "{}", { date: "Wed, 06 May 2026 12:00:10 GMT" }));
    expect(error.answeredAt).toEqual(new Date("2026-05-06T12:00:10Z"));
  });

  test("an error of an answer without a date does not guess when that was", async () => {
    expect((await errorOf("list", atlasErrorAnswer(404, "USER_NOT_FOUND"))).error.answeredAt).toBeUndefined();
  });

  test("a missing role is named, and only then", async () => {
    expect((await errorOf("create", atlasErrorAnswer(403, "USER_UNAUTHORIZED"))).error.requiredRole).toBe(
      "Project Owner",
    );
    expect((await errorOf("list", atlasErrorAnswer(403, "USER_UNAUTHORIZED"))).error.requiredRole).toBe(
      "Project Read Only",
    );
    expect((await errorOf("create", atlasErrorAnswer(404, "USER_NOT_FOUND"))).error.requiredRole).toBeUndefined();
  });

  test("an address that is not on the access list is named", async () => {
    const detail = "IP address 203.0.113.9 is not allowed to access this resource.";
    const { error } = await errorOf("create", atlasErrorAnswer(403, "IP_ADDRESS_NOT_ON_ACCESS_LIST", detail));
    expect(error).toMatchObject({ kind: "accessList", detail, message: expect.stringContaining("203.0.113.9") });
  });

  test("an access list error without an address still says what to do", async () => {
    const { error } = await errorOf("create", atlasErrorAnswer(403, "IP_ADDRESS_NOT_ON_ACCESS_LIST", "No."));
    expect(error.message).toContain("of this machine");
  });

  test("an error carries what Atlas said", async () => {
    const { error } = await errorOf("list", atlasErrorAnswer(400, "INVALID_ATTRIBUTE", "Invalid\nattribute x."));
    expect(error).toMatchObject({
      name: "AtlasError",
      status: 400,
      errorCode: "INVALID_ATTRIBUTE",
      detail: "Invalid attribute x.",
      operation: "listDatabaseUserCertificates",
    });
    expect(error.message).toContain(': "Invalid attribute x".');
  });

  test("a long or odd username does not spoil the sentence", async () => {
    await using under = await ApiUnderTest.start({ answers: [atlasErrorAnswer(404, "USER_NOT_FOUND")] });
    const error = await failureOf(
      under.api.listDatabaseUserCertificates({ groupId: GROUP_ID, username: 'x"'.repeat(512) }),
    );
    expect(error.message.length).toBeLessThan(600);
  });
});

test("Atlas' words on a create stay out of the message", async () => {
  const { error } = await errorOf("create", atlasErrorAnswer(400, "INVALID_ATTRIBUTE", "Invalid attribute x."));
  expect(error.detail).toBe("Invalid attribute x.");
  expect(error.message).not.toContain("Invalid attribute");
});

describe("a create is sent once", () => {
  test.each([
    ["500", atlasErrorAnswer(500, "UNEXPECTED_ERROR"), "ambiguous"],
    ["503 with Retry-After", atlasErrorAnswer(503, "X", "", { "retry-after": "1" }), "ambiguous"],
    ["429", atlasErrorAnswer(429, "RATE_LIMITED", "", { "retry-after": "7" }), "rateLimited"],
    ["a connection that is reset", (socket) => socket.resetAndDestroy(), "ambiguous"],
    ["a connection that is closed", (socket) => socket.end(), "ambiguous"],
    ["an answer whose body is cut", (socket) => socket.end(answer(201, PEM).slice(0, -40)), "ambiguous"],
    ["an answer whose head is cut", (socket) => socket.end("HTTP/1.1 201 Cre"), "ambiguous"],
    [
      "an answer whose body is cut which its length does not tell",
      (socket) => socket.end(`HTTP/1.1 201 Created\r\nconnection: close\r\n\r\n${PEM.slice(0, -20)}`),
      "ambiguous",
    ],
    ["a change of protocol that was not asked for", (socket) => socket.end(answer(101)), "ambiguous"],
    ["an announcement with no answer behind it", (socket) => socket.end("HTTP/1.1 103 Hints\r\n\r\n"), "ambiguous"],
    ["something that is not HTTP", (socket) => socket.end("SSH-2.0-x\r\n\r\n"), "ambiguous"],
    [
      "a broken chunk inside the key",
      (socket) => socket.end(`HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n${PEM}`),
      "ambiguous",
    ],
    ["an answer that is too large", answer(201, `${PEM}${"x".repeat(1024 * 1024)}`), "ambiguous"],
    ["success without a key", answer(201, "{}"), "ambiguous"],
    ["202 without a key", answer(202, ""), "ambiguous"],
    ["a success with nothing in it", answer(204), "ambiguous"],
    ["success with a page", html(200), "ambiguous"],
    ["a redirect that a browser would repeat", answer(308, "", { location: "/elsewhere" }), "badAnswer"],
    ["421, after which fetch would repeat it", answer(421), "unavailable"],
  ] as const satisfies readonly (readonly [string, Reaction, string])[])("after %s", async (_name, reaction, kind) => {
    const { error, requests } = await errorOf("create", reaction);
    expect({ kind: error.kind, requests }).toEqual({ kind, requests: 1 });
    expect(error.message).not.toContain(KEY_MATERIAL);
  });

  test("and tells how long Atlas wants to be left alone", async () => {
    const { error } = await errorOf("create", atlasErrorAnswer(429, "RATE_LIMITED", "", { "retry-after": "7" }));
    expect(error).toMatchObject({ retryAfterMs: 7_000, message: expect.stringContaining("in 7 s") });
  });

  test("when no connection came about, certainly nothing happened", async () => {
    const under = await ApiUnderTest.start({ react: () => answer(200, { access_token: "t", expires_in: 3600 }) });
    // Brings the token, so that only the create itself meets the closed port.
    await under.api.getUserSecurity({ groupId: GROUP_ID });
    await under.server[Symbol.asyncDispose]();
    const error = await failureOf(under.api.createDatabaseUserCertificate(USER));
    expect(error).toMatchObject({
      kind: "unavailable",
      status: undefined,
      message: expect.stringContaining("ECONNREFUSED"),
    });
    expect(error.message).toContain("Nothing was changed.");
    await under.transport.close();
  });

  test("is ambiguous when its answer takes too long", async () => {
    await using under = await ApiUnderTest.start({ answers: [() => under.clock.advanceNow(30_000)] });
    expect(await failureOf(under.api.createDatabaseUserCertificate(USER))).toMatchObject({
      kind: "ambiguous",
      message: expect.stringContaining("30000 ms"),
    });
  });

  test("is ambiguous when its caller leaves after it was sent", async () => {
    const leave = new AbortController();
    await using under = await ApiUnderTest.start({ answers: [() => leave.abort()] });
    const error = await failureOf(under.api.createDatabaseUserCertificate(USER, { signal: leave.signal }));
    expect(error.kind).toBe("ambiguous");
  });

  test("when its caller has left before, nothing is sent", async () => {
    await using under = await ApiUnderTest.start();
    const error = await failureOf(under.api.createDatabaseUserCertificate(USER, { signal: AbortSignal.abort() }));
    expect(error.kind).toBe("aborted");
    expect(under.server.requests).toEqual([]);
  });

  test("also when a transport is closed meanwhile", async () => {
    await using under = await ApiUnderTest.start({ answers: [() => void under.transport.close()] });
    expect((await failureOf(under.api.createDatabaseUserCertificate(USER))).kind).toBe("ambiguous");
  });
});

test("a delete is sent once, and its lost answer is ambiguous", async () => {
  const { error, requests } = await errorOf("disable", (socket) => socket.destroy());
  expect({ kind: error.kind, requests }).toEqual({ kind: "ambiguous", requests: 1 });
});

test("API keys are named when they are refused", async () => {
  const challenge = { "www-authenticate": 'Digest realm="MMS Public API", nonce="n", qop="auth", algorithm=MD5' };
  await using under = await ApiUnderTest.start({ credentials: API_KEYS, react: () => answer(401, "", challenge) });
  const error = await failureOf(under.api.createDatabaseUserCertificate(USER));
  expect(error).toMatchObject({ kind: "credentials", message: expect.stringContaining("API key abcdefgh") });
});
