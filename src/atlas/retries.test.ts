import { describe, expect, test } from "vitest";
import { ApiUnderTest, failureOf } from "./testing/api-under-test.ts";
import { answer, atlasErrorAnswer, type Reaction, tokenAnswer } from "./testing/recording-server.ts";
import { API_KEYS, GROUP_ID, PEM, pageBody, SERVICE_ACCOUNT, USERNAME } from "./testing/samples.ts";

const USER = { groupId: GROUP_ID, username: USERNAME };
const page = answer(200, pageBody(["1"]));
const challenge = answer(401, "", { "www-authenticate": 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5' });
const unavailable = atlasErrorAnswer(503, "UNAVAILABLE");

/** The waits before another try, without the deadlines. */
const pauses = (under: ApiUnderTest) => under.clock.sleeps.filter((ms) => ms < 30_000);

describe("a request that only reads is retried", () => {
  test.each([
    ["500", atlasErrorAnswer(500, "UNEXPECTED_ERROR")],
    ["502 with a page", answer(502, "<html>")],
    ["a connection that is reset", (socket) => socket.resetAndDestroy()],
    ["an answer that is cut", (socket) => socket.end(page.slice(0, -3))],
  ] as const satisfies readonly (readonly [string, Reaction])[])("after %s", async (_name, reaction) => {
    await using under = await ApiUnderTest.start({ answers: [reaction, page] });
    const { results } = await under.api.listDatabaseUserCertificates(USER);
    expect(results.map(({ serialNumber }) => serialNumber)).toEqual(["1"]);
    expect(pauses(under)).toEqual([375]);
  });

  test("four times at most, with growing waits", async () => {
    await using under = await ApiUnderTest.start({ answers: Array<Reaction>(9).fill(unavailable) });
    expect((await failureOf(under.api.listDatabaseUserCertificates(USER))).kind).toBe("unavailable");
    expect(under.calls).toHaveLength(4);
    expect(pauses(under)).toEqual([375, 750, 1500]);
  });

  test("not before Retry-After in seconds is over", async () => {
    const busy = atlasErrorAnswer(503, "UNAVAILABLE", "", { "retry-after": "5" });
    await using under = await ApiUnderTest.start({ answers: [busy, page] });
    await under.api.listDatabaseUserCertificates(USER);
    expect(pauses(under)[0]).toBe(5_625);
  });

  test("not before Retry-After as a date is over", async () => {
    const headers = { date: "Wed, 06 May 2026 12:00:00 GMT", "retry-after": "Wed, 06 May 2026 12:00:09 GMT" };
    await using under = await ApiUnderTest.start({
      answers: [atlasErrorAnswer(429, "RATE_LIMITED", "", headers), page],
    });
    await under.api.listDatabaseUserCertificates(USER);
    expect(pauses(under)[0]).toBe(10_125);
  });

  test("not at all when Atlas wants more than a minute", async () => {
    const busy = atlasErrorAnswer(429, "RATE_LIMITED", "", { "retry-after": "61" });
    await using under = await ApiUnderTest.start({ answers: [busy, page] });
    const error = await failureOf(under.api.listDatabaseUserCertificates(USER));
    expect(error).toMatchObject({ kind: "rateLimited", retryAfterMs: 61_000 });
    expect(under.calls).toHaveLength(1);
  });

  test.each([
    ["400", atlasErrorAnswer(400, "X")],
    ["404", atlasErrorAnswer(404, "USER_NOT_FOUND")],
    ["a page", answer(200, "<html>")],
    ["a redirect", answer(302)],
  ])("not at all after %s", async (_name, reaction) => {
    await using under = await ApiUnderTest.start({ answers: [reaction, page] });
    await failureOf(under.api.listDatabaseUserCertificates(USER));
    expect(under.calls).toHaveLength(1);
  });

  test("not after its caller left", async () => {
    const leave = new AbortController();
    const cut: Reaction = (socket) => {
      leave.abort();
      socket.destroy();
    };
    await using under = await ApiUnderTest.start({ answers: [cut, page] });
    const error = await failureOf(under.api.listDatabaseUserCertificates(USER, { signal: leave.signal }));
    expect(error.kind).toBe("aborted");
    expect(under.calls).toHaveLength(1);
  });

  test("not after its time is up", async () => {
    await using under = await ApiUnderTest.start({ answers: [() => under.clock.advanceNow(29_500), page] });
    const error = await failureOf(under.api.listDatabaseUserCertificates(USER, { timeoutMs: 29_500 }));
    expect(error).toMatchObject({ kind: "unavailable", message: expect.stringContaining("29500 ms") });
    expect(under.calls).toHaveLength(1);
  });
});

describe("the token", () => {
  test("is asked for again after a failure that passes, also for a create", async () => {
    let failures = 2;
    await using under = await ApiUnderTest.start({
      react: ({ target }) => {
        if (target !== "/api/oauth/token") return answer(201, PEM);
        failures -= 1;
        return failures >= 0 ? unavailable : answer(200, { access_token: "t", expires_in: 3600 });
      },
    });
    await under.api.createDatabaseUserCertificate(USER);
    expect(under.tokenRequests).toHaveLength(3);
    expect(under.calls).toHaveLength(1);
  });

  test.each([
    ["seconds", { "retry-after": "5" }],
    ["a date", { date: "Wed, 06 May 2026 12:00:00 GMT", "retry-after": "Wed, 06 May 2026 12:00:05 GMT" }],
  ])("is not asked for again before Retry-After (%s) is over, nor is a challenge", async (_name, headers) => {
    for (const credentials of [SERVICE_ACCOUNT, API_KEYS]) {
      const busy = atlasErrorAnswer(429, "RATE_LIMITED", "", headers);
      const answers = credentials === API_KEYS ? [challenge, page] : [tokenAnswer(), page];
      await using under = await ApiUnderTest.start({
        credentials,
        react: (_request, index) => (index === 0 ? busy : (answers[index - 1] ?? answer(500))),
      });
      await under.api.listDatabaseUserCertificates(USER);
      expect(pauses(under)).toEqual([5_625]);
    }
  });

  test.each([
    ["401 invalid_client", answer(401, { error: "invalid_client" }), "credentials"],
    ["400 invalid_client", answer(400, { error: "invalid_client" }), "credentials"],
    ["403 access list", atlasErrorAnswer(403, "IP_ADDRESS_NOT_ON_ACCESS_LIST"), "accessList"],
    ["500", atlasErrorAnswer(500, "UNEXPECTED_ERROR"), "unavailable"],
    ["429", atlasErrorAnswer(429, "RATE_LIMITED"), "rateLimited"],
    ["a page", answer(200, "<html>"), "badAnswer"],
    ["a redirect to a login page", answer(302, "", { location: "https://login.example/" }), "badAnswer"],
    ["403 in words of its own", answer(403, { error: "access_denied" }), "credentials"],
    ["403 with a page", answer(403, "<html>"), "badAnswer"],
    ["404 in JSON, so no Atlas", answer(404, { message: "no route" }), "badAnswer"],
    ["a token with a line break", answer(200, { access_token: "a\r\nb", expires_in: 1 }), "badAnswer"],
    ["a token of another type", answer(200, { access_token: "a", token_type: "mac" }), "badAnswer"],
    ["nothing", (socket) => socket.destroy(), "unavailable"],
  ] as const satisfies readonly (readonly [string, Reaction, string])[])(
    "that is not given (%s) means that no create was sent",
    async (_name, reaction, kind) => {
      await using under = await ApiUnderTest.start({ react: () => reaction });
      const error = await failureOf(under.api.createDatabaseUserCertificate(USER));
      expect(error).toMatchObject({ kind, operation: "authenticate" });
      expect(under.calls).toEqual([]);
      expect(under.pacer.tokensLeft(GROUP_ID)).toBe(1200);
    },
  );

  test("that does not come in time means that no create was sent", async () => {
    await using under = await ApiUnderTest.start({ react: () => () => under.clock.advanceNow(29_500) });
    const error = await failureOf(under.api.createDatabaseUserCertificate(USER, { timeoutMs: 29_500 }));
    expect(error).toMatchObject({ kind: "unavailable", message: expect.stringContaining("29500 ms") });
  });

  test("that its caller does not wait for means that no create was sent", async () => {
    const leave = new AbortController();
    await using under = await ApiUnderTest.start({ react: () => () => leave.abort() });
    const error = await failureOf(under.api.createDatabaseUserCertificate(USER, { signal: leave.signal }));
    expect(error).toMatchObject({ kind: "aborted", operation: "createDatabaseUserCertificate" });
  });
});

describe("the pace", () => {
  const limits = { capacityTokens: 2, refillTokens: 1, refillPeriodMs: 60_000 };

  test("is Atlas' when it reports less than assumed", async () => {
    const answers = [answer(200, pageBody([]), { "RateLimit-Limit": "1200", "RateLimit-Remaining": "3" })];
    await using under = await ApiUnderTest.start({ answers });
    await under.api.listDatabaseUserCertificates(USER);
    expect(under.pacer.tokensLeft(GROUP_ID)).toBe(3);
  });

  test("is interrupted for as long as Atlas asks after a 429 to a create", async () => {
    const busy = atlasErrorAnswer(429, "RATE_LIMITED", "", { "retry-after": "7" });
    await using under = await ApiUnderTest.start({ answers: [busy] });
    await failureOf(under.api.createDatabaseUserCertificate(USER));
    expect(under.pacer.tokensLeft(GROUP_ID)).toBe(0);
  });

  test("that leaves no time for a call is an error that says when to come back", async () => {
    await using under = await ApiUnderTest.start({ limits, answers: [answer(201, PEM), answer(201, PEM)] });
    await under.api.createDatabaseUserCertificate(USER);
    await under.api.createDatabaseUserCertificate(USER);
    const late = failureOf(under.api.createDatabaseUserCertificate(USER, { timeoutMs: 40_000 }));
    await under.clock.untilSleeping(40_000);
    under.clock.advanceNow(40_000);
    expect(await late).toMatchObject({ kind: "rateLimited", status: undefined, retryAfterMs: 20_000 });
    expect(under.calls).toHaveLength(2);
  });

  test("is waited for two minutes, unless told otherwise", async () => {
    const rare = { capacityTokens: 1, refillTokens: 1, refillPeriodMs: 600_000 };
    await using under = await ApiUnderTest.start({ limits: rare, answers: [answer(201, PEM)] });
    await under.api.createDatabaseUserCertificate(USER);
    const late = failureOf(under.api.createDatabaseUserCertificate(USER));
    await under.clock.untilSleeping(120_000);
    under.clock.advanceNow(120_000);
    expect(await late).toMatchObject({ kind: "rateLimited", retryAfterMs: 480_000 });
  });

  test("can be left while waiting", async () => {
    await using under = await ApiUnderTest.start({
      limits: { ...limits, capacityTokens: 1 },
      answers: [answer(201, PEM)],
    });
    await under.api.createDatabaseUserCertificate(USER);
    const leave = new AbortController();
    const waiting = failureOf(under.api.createDatabaseUserCertificate(USER, { signal: leave.signal }));
    leave.abort();
    expect((await waiting).kind).toBe("aborted");
    expect(under.calls).toHaveLength(1);
  });

  test("lets a create pass a list that waits", async () => {
    await using under = await ApiUnderTest.start({
      limits,
      react: ({ target, method }) => {
        if (target === "/api/oauth/token") return answer(200, { access_token: "t", expires_in: 3600 });
        return method === "POST" ? answer(201, PEM) : answer(200, pageBody([]));
      },
    });
    await under.api.listDatabaseUserCertificates(USER);
    const waiting = under.api.listDatabaseUserCertificates(USER, { timeoutMs: 1_000_000 });
    await under.api.createDatabaseUserCertificate(USER);
    expect(under.calls.map(({ method }) => method)).toEqual(["GET", "POST"]);
    under.clock.advanceNow(200_000);
    await waiting;
  });

  test("counts a request whose answer was lost", async () => {
    await using under = await ApiUnderTest.start({ answers: [(socket) => socket.destroy()] });
    await failureOf(under.api.createDatabaseUserCertificate(USER));
    expect(under.pacer.tokensLeft(GROUP_ID)).toBe(1199);
  });

  test("gives a turn back when no connection came about", async () => {
    const under = await ApiUnderTest.start({ react: () => answer(200, { access_token: "t", expires_in: 3600 }) });
    // Brings the token, so that only the create itself meets the closed port.
    await under.api.getUserSecurity({ groupId: "b".repeat(24) });
    await under.server[Symbol.asyncDispose]();
    await failureOf(under.api.createDatabaseUserCertificate(USER));
    expect(under.pacer.tokensLeft(GROUP_ID)).toBe(1200);
    await under.transport.close();
  });
});

describe("a caller that would not wait for half a minute", () => {
  const longestWaitMs = 30_000;
  const OTHER = { groupId: "b".repeat(24), username: USERNAME };

  test("is told at once when Atlas wants a project to pause, for that project alone", async () => {
    const pause = atlasErrorAnswer(503, "UNAVAILABLE", "", { "retry-after": "86400" });
    await using under = await ApiUnderTest.start({ longestWaitMs, answers: [pause, page] });
    expect(await failureOf(under.api.listDatabaseUserCertificates(USER))).toMatchObject({
      kind: "unavailable",
      retryAfterMs: 300_000,
    });
    for (const operation of ["listDatabaseUserCertificates", "createDatabaseUserCertificate"] as const) {
      expect(await failureOf(under.api[operation](USER))).toMatchObject({
        kind: "rateLimited",
        operation,
        retryAfterMs: 300_000,
      });
    }
    await under.api.listDatabaseUserCertificates(OTHER);
    expect(under.calls).toHaveLength(2);
  });

  test("is not kept for another try either", async () => {
    const busy = atlasErrorAnswer(429, "RATE_LIMITED", "", { "retry-after": "31" });
    await using under = await ApiUnderTest.start({ longestWaitMs, answers: [busy, page] });
    expect(await failureOf(under.api.listDatabaseUserCertificates(USER))).toMatchObject({ kind: "rateLimited" });
    expect(under.calls).toHaveLength(1);
  });

  test("leaves a queue that is too long for it", async () => {
    const limits = { capacityTokens: 1, refillTokens: 1, refillPeriodMs: 29_500 };
    await using under = await ApiUnderTest.start({ longestWaitMs, limits, answers: Array(2).fill(answer(201, PEM)) });
    await under.api.createDatabaseUserCertificate(USER);
    const [first, second] = [1, 2].map(() => under.api.createDatabaseUserCertificate(USER));
    const late = failureOf(second ?? Promise.reject());
    await under.clock.advance(30_000);
    await first;
    expect(await late).toMatchObject({ kind: "rateLimited", status: undefined, retryAfterMs: 29_000 });
    expect(under.calls).toHaveLength(2);
  });
});
