import { describe, expect, test } from "vitest";
import { HOUR_MS } from "../../clock.ts";
import { settle, until } from "../../testing/settle.ts";
import { ApiUnderTest, type ApiUnderTestOptions, failureOf } from "../testing/api-under-test.ts";
import { answer, atlasErrorAnswer, type Reaction, tokenAnswer } from "../testing/recording-server.ts";
import { API_KEYS, GROUP_ID, PEM, pageBody, USERNAME } from "../testing/samples.ts";
import { X509AuthenticationApi } from "../x509-authentication-api.ts";

const USER = { groupId: GROUP_ID, username: USERNAME };
const OTHER = { groupId: "5efda6aea3f2ed2e7dd6ce05", username: USERNAME };
const LIMITS = answer(200, { results: [{ capacity: 60, refillRate: 30, refillDurationSeconds: 30 }] });

interface Script extends Pick<ApiUnderTestOptions, "credentials"> {
  /** The answer to the question for the limits. @default a bucket of 60 */
  readonly rateLimits?: Reaction | Promise<Reaction>;
  /** The answer to everything else. @default an empty page */
  readonly other?: Reaction;
}

/** The api as shipped, before a server that answers the question for the limits on its own. */
function start({ rateLimits = LIMITS, other = answer(200, pageBody([])), ...options }: Script = {}) {
  return ApiUnderTest.start({
    ...options,
    learnRateLimits: true,
    react: ({ target, headers }) => {
      if (target === "/api/oauth/token") return tokenAnswer();
      if (headers.authorization === undefined) {
        return answer(401, "", { "www-authenticate": 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5' });
      }
      return target.startsWith("/api/atlas/v2/rateLimits") ? rateLimits : other;
    },
  });
}

/** The questions for the limits of a project that have arrived. */
const questions = (under: ApiUnderTest, groupId = GROUP_ID) =>
  under.calls.filter(({ target }) => target.startsWith(`/api/atlas/v2/rateLimits?groupId=${groupId}&`)).length;

/** Lets a question that is on its way, if there is one, arrive and be answered. */
async function aWhile(): Promise<void> {
  for (let round = 0; round < 50; round += 1) await settle();
}

describe("the limits of a project are learned from Atlas", () => {
  test("after the first call, and obeyed from then on", async () => {
    await using under = await start();
    await under.api.listDatabaseUserCertificates(USER);
    await until(() => under.pacer.tokensLeft(GROUP_ID) < 100, "the limits are known");
    expect(under.pacer.tokensLeft(GROUP_ID)).toBe(59);
  });

  test("with API keys too", async () => {
    await using under = await start({ credentials: API_KEYS });
    await under.api.listDatabaseUserCertificates(USER);
    await until(() => under.pacer.tokensLeft(GROUP_ID) === 59, "the limits are known");
  });

  test("once, however many calls there are within the hour", async () => {
    await using under = await start();
    await Promise.all(Array.from({ length: 20 }, () => under.api.listDatabaseUserCertificates(USER)));
    await until(() => questions(under) > 0, "it asks");
    under.clock.advanceNow(HOUR_MS - 1000);
    await under.api.listDatabaseUserCertificates(USER);
    await aWhile();
    expect(questions(under)).toBe(1);
  });

  test("once for all callers that share the pacer", async () => {
    await using under = await start();
    const { pacer, transport, clock } = under;
    await using other = new X509AuthenticationApi({ credentials: API_KEYS, pacer, transport, clock });
    await under.api.listDatabaseUserCertificates(USER);
    await other.listDatabaseUserCertificates(USER);
    await until(() => questions(under) > 0, "someone asks");
    await aWhile();
    expect(questions(under)).toBe(1);
  });

  test("for each project separately", async () => {
    await using under = await start();
    await under.api.listDatabaseUserCertificates(USER);
    await under.api.listDatabaseUserCertificates(OTHER);
    await until(() => questions(under) === 1 && questions(under, OTHER.groupId) === 1, "it asks for both");
  });

  test("again by the first call after an hour, and by no clock alone", async () => {
    await using under = await start();
    await under.api.listDatabaseUserCertificates(USER);
    await until(() => under.pacer.tokensLeft(GROUP_ID) === 59, "the limits are known");
    under.clock.advanceNow(24 * HOUR_MS);
    await aWhile();
    expect(questions(under)).toBe(1);
    await under.api.listDatabaseUserCertificates(USER);
    await until(() => questions(under) === 2, "it asks again");
  });

  test("not by a caller that was told not to ask", async () => {
    await using under = await start();
    const { pacer, transport, clock } = under;
    const api = new X509AuthenticationApi({ credentials: API_KEYS, pacer, transport, clock, learnRateLimits: false });
    await api.listDatabaseUserCertificates(USER);
    await aWhile();
    expect(questions(under)).toBe(0);
  });
});

describe("learning the limits never stands in the way of a call", () => {
  test("which does not wait for the answer", async () => {
    const { promise: never } = Promise.withResolvers<Reaction>();
    await using under = await start({ rateLimits: never });
    await under.api.listDatabaseUserCertificates(USER);
    await until(() => questions(under) === 1, "it asks");
    await expect(under.api.listDatabaseUserCertificates(USER)).resolves.toMatchObject({ results: [] });
  });

  test.each<[what: string, reaction: Reaction]>([
    ["the role does not allow it", atlasErrorAnswer(403, "USER_UNAUTHORIZED")],
    ["this Atlas does not know the question", atlasErrorAnswer(404, "RESOURCE_NOT_FOUND")],
    ["this Atlas does not know the version", atlasErrorAnswer(406, "INVALID_VERSION_DATE")],
    ["Atlas is in trouble", atlasErrorAnswer(503, "UNAVAILABLE")],
    ["it is too much for Atlas", atlasErrorAnswer(429, "RATE_LIMITED", "", { "retry-after": "30" })],
    ["a page comes instead", answer(200, "<html>")],
    ["the connection is cut", (socket) => socket.destroy()],
    ["no response", () => undefined],
  ])("where %s: it is asked once, and the published limits stay", async (_, rateLimits) => {
    await using under = await start({ rateLimits });
    await under.api.listDatabaseUserCertificates(USER);
    await until(() => questions(under) === 1, "it asks");
    await aWhile();
    under.clock.advanceNow(60_000);
    await under.api.listDatabaseUserCertificates(USER);
    await aWhile();
    expect(questions(under)).toBe(1);
    expect(under.pacer.tokensLeft(GROUP_ID)).toBe(1199);
  });

  test("and takes none of the project's tokens, nor believes what its headers say of another bucket", async () => {
    const ofAnotherBucket = { "ratelimit-limit": "5", "ratelimit-remaining": "0" };
    await using under = await start({ rateLimits: answer(200, { results: [] }, ofAnotherBucket) });
    await under.api.listDatabaseUserCertificates(USER);
    await until(() => questions(under) === 1, "it asks");
    await aWhile();
    expect(under.pacer.tokensLeft(GROUP_ID)).toBe(1199);
  });

  test("nor is asked at all for a project that no call has succeeded for", async () => {
    await using under = await start({ other: atlasErrorAnswer(401, "X") });
    expect((await failureOf(under.api.listDatabaseUserCertificates(USER))).kind).toBe("credentials");
    await aWhile();
    expect(questions(under)).toBe(0);
  });

  test("and leaves the answer to a create as it is", async () => {
    await using under = await start({ other: answer(201, PEM), rateLimits: atlasErrorAnswer(500, "X") });
    const pem = await under.api.createDatabaseUserCertificate(USER);
    await until(() => questions(under) === 1, "it asks");
    expect(pem.reveal()).toBe(PEM);
    expect(under.calls.filter(({ method }) => method === "POST")).toHaveLength(1);
  });
});
