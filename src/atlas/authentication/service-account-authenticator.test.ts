import { describe, expect, test } from "vitest";
import { SensitiveText } from "../../sensitive-text.ts";
import { ApiUnderTest, type ApiUnderTestOptions, failureOf } from "../testing/api-under-test.ts";
import { answer, type Reaction, type RecordedRequest, tokenAnswer } from "../testing/recording-server.ts";
import { GROUP_ID, PEM, USERNAME } from "../testing/samples.ts";

const USER = { groupId: GROUP_ID, username: USERNAME };
const PROJECT = { groupId: GROUP_ID };
const ok = answer(200, {});

describe("a service account", () => {
  /** A server that gives token-1, token-2, …, and reacts to calls by the token they bring. */
  function start(react: (token: string, request: RecordedRequest) => Reaction, expiresIn = 3600) {
    let tokens = 0;
    const options: ApiUnderTestOptions = {
      react: (request) => {
        if (request.target === "/api/oauth/token") {
          tokens += 1;
          return tokenAnswer(`token-${tokens}`, expiresIn);
        }
        return react(request.headers.authorization ?? "", request);
      },
    };
    return ApiUnderTest.start(options);
  }

  test("fetches one token for many calls at once", async () => {
    await using under = await start(() => ok);
    await Promise.all(Array.from({ length: 20 }, () => under.api.getUserSecurity(PROJECT)));
    expect(under.tokenRequests).toHaveLength(1);
    expect(under.calls).toHaveLength(20);
  });

  test("uses a token again until shortly before it expires", async () => {
    await using under = await start(() => ok);
    await under.api.getUserSecurity(PROJECT);
    under.clock.advanceNow(3_299_000);
    await under.api.getUserSecurity(PROJECT);
    expect(under.tokenRequests).toHaveLength(1);
    under.clock.advanceNow(2_000);
    await under.api.getUserSecurity(PROJECT);
    expect(under.calls.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer token-1",
      "Bearer token-1",
      "Bearer token-2",
    ]);
  });

  test("uses a token of a short life for nine tenths of it", async () => {
    await using under = await start(() => ok, 10);
    await under.api.getUserSecurity(PROJECT);
    under.clock.advanceNow(8_900);
    await under.api.getUserSecurity(PROJECT);
    expect(under.tokenRequests).toHaveLength(1);
    under.clock.advanceNow(200);
    await under.api.getUserSecurity(PROJECT);
    expect(under.tokenRequests).toHaveLength(2);
  });

  test("notices that a token expired while the machine slept and the monotonic clock stood still", async () => {
    await using under = await start(() => ok);
    await under.api.getUserSecurity(PROJECT);
    under.clock.jumpWall(3_600_000);
    await under.api.getUserSecurity(PROJECT);
    expect(under.tokenRequests).toHaveLength(2);
  });

  test("renews the token once after a 401 and sends a create again, because nothing was created", async () => {
    await using under = await start((token) => (token === "Bearer token-1" ? answer(401) : answer(201, PEM)));
    const pem = await under.api.createDatabaseUserCertificate(USER);
    expect(pem.reveal()).toBe(PEM);
    expect(under.tokenRequests).toHaveLength(2);
    expect(under.calls.map(({ method, body }) => `${method} ${body}`)).toEqual(["POST {}", "POST {}"]);
  });

  test("gives up when the new token is refused too", async () => {
    await using under = await start(() => answer(401));
    expect(await failureOf(under.api.createDatabaseUserCertificate(USER))).toMatchObject({ kind: "credentials" });
    expect(under.calls).toHaveLength(2);
  });

  test("renews the token once for many calls that were refused together", async () => {
    await using under = await start((token) => (token === "Bearer token-1" ? answer(401) : ok));
    await Promise.all(Array.from({ length: 10 }, () => under.api.getUserSecurity(PROJECT)));
    expect(under.tokenRequests).toHaveLength(2);
  });

  test("keeps a newer token when a call that was sent with the old one is refused late", async () => {
    const { promise: renewed, resolve: renew } = Promise.withResolvers<void>();
    let tokens = 0;
    await using under = await ApiUnderTest.start({
      react: async ({ target, method, headers }) => {
        if (target === "/api/oauth/token") {
          tokens += 1;
          return tokenAnswer(`token-${tokens}`);
        }
        if (headers.authorization !== "Bearer token-1") {
          renew();
          return method === "POST" ? answer(201, PEM) : ok;
        }
        if (method === "POST") await renewed;
        return answer(401);
      },
    });
    await Promise.all([under.api.createDatabaseUserCertificate(USER), under.api.getUserSecurity(PROJECT)]);
    expect(under.tokenRequests).toHaveLength(2);
  });

  test("goes on for others when the caller that started the request for a token leaves", async () => {
    const leave = new AbortController();
    await using under = await ApiUnderTest.start({
      react: ({ target }) => {
        if (target !== "/api/oauth/token") return ok;
        leave.abort();
        return tokenAnswer();
      },
    });
    const [left, stayed] = await Promise.allSettled([
      under.api.getUserSecurity(PROJECT, { signal: leave.signal }),
      under.api.getUserSecurity(PROJECT),
    ]);
    expect([left.status, stayed.status]).toEqual(["rejected", "fulfilled"]);
    expect(under.tokenRequests).toHaveLength(1);
  });

  test("encodes the parts of its credentials as OAuth 2.0 wants", async () => {
    await using under = await ApiUnderTest.start({
      credentials: { kind: "serviceAccount", clientId: "a:b", clientSecret: new SensitiveText("c d/ü") },
      answers: [ok],
    });
    await under.api.getUserSecurity(PROJECT);
    const basic = under.tokenRequests[0]?.headers.authorization?.replace("Basic ", "") ?? "";
    expect(Buffer.from(basic, "base64").toString()).toBe("a%3Ab:c+d%2F%C3%BC");
  });
});
