import { describe, expect, test } from "vitest";
import { ApiUnderTest, type ApiUnderTestOptions, failureOf } from "../testing/api-under-test.ts";
import { answer, atlasErrorAnswer, type Reaction, tokenAnswer } from "../testing/recording-server.ts";
import { API_KEYS, GROUP_ID, PEM, pageBody, SERVICE_ACCOUNT, USERNAME } from "../testing/samples.ts";

const USER = { groupId: GROUP_ID, username: USERNAME };
const busy = (seconds: number, status = 429) =>
  atlasErrorAnswer(status, "RATE_LIMITED", "", { "retry-after": `${seconds}` });

/** A server that answers requests for a token or a challenge like this, and everything else as Atlas does. */
function start(authentication: () => Reaction, options: ApiUnderTestOptions) {
  return ApiUnderTest.start({
    react: ({ headers, method, target }) => {
      if (target === "/api/oauth/token" || headers.authorization === undefined) return authentication();
      return method === "POST" ? answer(201, PEM) : answer(200, pageBody(["1"]));
    },
    ...options,
  });
}

describe.each([
  { name: "a token", credentials: SERVICE_ACCOUNT },
  { name: "a challenge", credentials: API_KEYS },
])("a rate limit on the request for $name", ({ credentials }) => {
  test.each(["listDatabaseUserCertificates", "createDatabaseUserCertificate"] as const)(
    "fails %s at once where its caller accepts no wait",
    async (operation) => {
      await using under = await start(() => busy(3), { credentials, longestWaitMs: 0 });
      expect(await failureOf(under.api[operation](USER))).toMatchObject({
        kind: "rateLimited",
        operation: "authenticate",
        retryAfterMs: 3_000,
      });
      expect(under.server.requests).toHaveLength(1);
      expect(under.clock.sleeps.filter((ms) => ms > 0 && ms < 30_000)).toEqual([]);
    },
  );

  test("fails further calls without a request until the wait is over", async () => {
    await using under = await start(() => busy(40), { credentials, longestWaitMs: 30_000 });
    await failureOf(under.api.listDatabaseUserCertificates(USER));
    under.clock.advanceNow(25_000);
    expect(await failureOf(under.api.listDatabaseUserCertificates(USER))).toMatchObject({
      kind: "rateLimited",
      operation: "authenticate",
      retryAfterMs: 15_000,
    });
    expect(under.server.requests).toHaveLength(1);
    under.clock.advanceNow(15_000);
    await failureOf(under.api.listDatabaseUserCertificates(USER));
    expect(under.server.requests).toHaveLength(2);
  });

  test("stays a rate limit when the caller's time ends while it lasts", async () => {
    await using under = await start(() => busy(40), { credentials, longestWaitMs: 60_000 });
    const late = failureOf(under.api.listDatabaseUserCertificates(USER, { timeoutMs: 30_000 }));
    await under.clock.untilSleeping(45_000);
    under.clock.advanceNow(30_000);
    expect(await late).toMatchObject({ kind: "rateLimited", operation: "authenticate", status: 429 });
  });

  test("does not fail a call of a caller who waits", async () => {
    let first = true;
    const challenge = { "www-authenticate": 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5' };
    const authentication = () => {
      const reaction = credentials === API_KEYS ? answer(401, "", challenge) : tokenAnswer();
      const now = first ? busy(3) : reaction;
      first = false;
      return now;
    };
    await using under = await start(authentication, { credentials, longestWaitMs: 30_000 });
    expect((await under.api.listDatabaseUserCertificates(USER)).results).toHaveLength(1);
  });
});

describe.each([
  { name: "token", credentials: SERVICE_ACCOUNT },
  { name: "challenge", credentials: API_KEYS },
])("a request for a $name that fails", ({ credentials }) => {
  test.each<readonly [string, Reaction]>([
    ["500", atlasErrorAnswer(500, "UNEXPECTED_ERROR")],
    ["no answer", (socket) => socket.destroy()],
  ])("with %s is sent four times for one list", async (_name, reaction) => {
    await using under = await start(() => reaction, { credentials });
    expect(await failureOf(under.api.listDatabaseUserCertificates(USER))).toMatchObject({ kind: "unavailable" });
    expect(under.server.requests).toHaveLength(4);
  });
});
