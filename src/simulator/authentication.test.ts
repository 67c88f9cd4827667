import { describe, expect, test } from "vitest";
import { http } from "../testing/http.ts";
import type { Simulator } from "./simulator.ts";
import {
  API_KEY,
  call,
  certsPath,
  digestHeader,
  fetchToken,
  OWNER,
  requestToken,
  startSimulated,
  V1,
} from "./testing.ts";

function get(url: string, authorization?: string, path = certsPath()) {
  return http(url + path, { headers: { accept: V1, ...(authorization === undefined ? {} : { authorization }) } });
}

async function challengeOf(url: string): Promise<string> {
  return (await get(url)).headers.get("www-authenticate") ?? "";
}

describe("a request without credentials", () => {
  test("is challenged with the words of the real API", async () => {
    const { url } = await startSimulated();
    expect(await challengeOf(url)).toMatch(
      /^Digest realm="MMS Public API", domain="", nonce="[^"]+", algorithm=MD5, qop="auth", stale=false$/,
    );
  });

  test("gets the error of the real API, to the letter", async () => {
    const { url } = await startSimulated();
    const response = await get(url);
    expect([response.status, response.headers.get("x-error-code"), await response.text()]).toEqual([
      401,
      null,
      [
        "{",
        '  "error" : 401,',
        '  "reason" : "Unauthorized",',
        '  "detail" : "You are not authorized for this resource.",',
        '  "errorCode" : "UNEXPECTED_ERROR"',
        "}",
      ].join("\n"),
    ]);
  });
});

describe("HTTP Digest", () => {
  test.each(["MD5", "SHA-256"] as const)("lets in a caller that answers with %s", async (digestAlgorithm) => {
    const { url } = await startSimulated({ digestAlgorithm });
    const challenge = await challengeOf(url);
    expect((await get(url, digestHeader({ challenge, method: "GET", uri: certsPath() }))).status).toBe(200);
  });

  test("takes one nonce for many requests while the count goes up", async () => {
    const { url } = await startSimulated();
    const challenge = await challengeOf(url);
    const answer = { challenge, method: "GET", uri: certsPath() };
    const statuses = [];
    for (const nc of [1, 2, 4, 3]) statuses.push((await get(url, digestHeader({ ...answer, nc }))).status);
    expect(statuses).toEqual([200, 200, 200, 200]);
  });

  test("refuses a replay", async () => {
    const { url } = await startSimulated();
    const header = digestHeader({ challenge: await challengeOf(url), method: "GET", uri: certsPath() });
    await get(url, header);
    const replayed = await get(url, header);
    expect([replayed.status, replayed.headers.get("www-authenticate")]).toEqual([
      401,
      expect.stringContaining("stale=false"),
    ]);
  });

  test("refuses another request with a count that was used", async () => {
    const { url } = await startSimulated();
    const answer = { challenge: await challengeOf(url), method: "GET", uri: certsPath() };
    await get(url, digestHeader(answer));
    expect((await get(url, digestHeader(answer))).status).toBe(401);
  });

  test("calls a nonce stale after its lifetime, and takes the new one", async () => {
    const { url, clock } = await startSimulated({ nonceLifetimeMs: 60_000 });
    const answer = { method: "GET", uri: certsPath() };
    const challenge = await challengeOf(url);
    clock.advanceNow(60_000);
    const stale = await get(url, digestHeader({ ...answer, challenge }));
    const renewed = stale.headers.get("www-authenticate") ?? "";
    expect(renewed).toContain("stale=true");
    expect((await get(url, digestHeader({ ...answer, challenge: renewed }))).status).toBe(200);
  });

  test("calls a nonce stale that was ended by hand", async () => {
    const { url, simulator } = await startSimulated();
    const challenge = await challengeOf(url);
    simulator.expireNonces();
    const response = await get(url, digestHeader({ challenge, method: "GET", uri: certsPath() }));
    expect(response.headers.get("www-authenticate")).toContain("stale=true");
  });

  test.each([
    ["a wrong password", { password: "wrong" }],
    ["an unknown public key", { username: "unknown" }],
    ["a digest of another path", { uri: "/api/atlas/v2/groups" }],
    ["a digest of another method", { method: "POST" }],
    ["another qop", { qop: "auth-int" }],
    ["another realm", { realm: "elsewhere" }],
    ["the count 0", { nc: 0 }],
  ])("refuses %s", async (_, deviation) => {
    const { url } = await startSimulated();
    const challenge = await challengeOf(url);
    const header = digestHeader({ challenge, method: "GET", uri: certsPath(), ...deviation });
    const response = await get(url, header);
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([
      401,
      expect.stringContaining("stale=false"),
    ]);
  });

  test.each(["", "username", 'username="a', 'nonce="a", nonce="b"', "=,=,="])(
    "survives the broken parameters %j",
    async (parameters) => {
      const { url } = await startSimulated();
      expect((await get(url, `Digest ${parameters}`)).status).toBe(401);
    },
  );

  test("compares the path byte for byte, encoding included", async () => {
    const { url } = await startSimulated();
    const path = certsPath("CN=reports,OU=analytics,O=Example");
    const good = digestHeader({ challenge: await challengeOf(url), method: "GET", uri: path });
    const decoded = digestHeader({ challenge: await challengeOf(url), method: "GET", uri: decodeURIComponent(path) });
    expect([(await get(url, good, path)).status, (await get(url, decoded, path)).status]).toEqual([200, 401]);
  });

  test("takes the new private key after a rotation, and the old one no more", async () => {
    const { url, simulator } = await startSimulated();
    const rotated = simulator.rotateCredentials("owner-api-key");
    const password = rotated.kind === "apiKey" ? rotated.privateApiKey : "";
    const answer = { method: "GET", uri: certsPath() };
    const withNew = digestHeader({ ...answer, challenge: await challengeOf(url), password });
    const withOld = digestHeader({ ...answer, challenge: await challengeOf(url), password: API_KEY.password });
    expect([(await get(url, withNew)).status, (await get(url, withOld)).status]).toEqual([200, 401]);
  });
});

describe("OAuth", () => {
  const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;

  test("gives a bearer token for an hour", async () => {
    const { url } = await startSimulated();
    const response = await requestToken(url, basic(...OWNER));
    expect(await response.json()).toEqual({
      access_token: expect.any(String),
      expires_in: 3600,
      token_type: "Bearer",
    });
  });

  test.each([
    ["no Basic header", undefined],
    ["a wrong secret", basic(OWNER[0], "wrong")],
    ["an unknown client", basic("mdb_sa_id_x", OWNER[1])],
    ["a pair of API keys", basic(API_KEY.username, API_KEY.password)],
    [
      "a pair that is form-encoded, which the real API does not decode",
      basic(OWNER[0].replaceAll("_", "%5F"), OWNER[1]),
    ],
    ["no colon", `Basic ${Buffer.from("x").toString("base64")}`],
  ])("refuses %s with invalid_client", async (_, authorization) => {
    const { url } = await startSimulated();
    const response = await requestToken(url, authorization);
    expect([response.status, await response.json()]).toMatchObject([401, { error: "invalid_client" }]);
  });

  test.each([
    ["another grant type", "grant_type=password", "unsupported_grant_type"],
    ["no grant type", "", "invalid_request"],
  ])("refuses %s", async (_, body, error) => {
    const { url } = await startSimulated();
    const response = await requestToken(url, basic(...OWNER), body);
    expect([response.status, await response.json()]).toMatchObject([400, { error }]);
  });

  test("refuses a JSON body", async () => {
    const { url } = await startSimulated();
    const headers = { authorization: basic(...OWNER), "content-type": "application/json" };
    const response = await http(`${url}/api/oauth/token`, { method: "POST", headers, body: "{}" });
    expect([response.status, await response.json()]).toMatchObject([400, { error: "invalid_request" }]);
  });

  test("takes a token until its hour is over", async () => {
    const { url, clock } = await startSimulated();
    const bearer = `Bearer ${await fetchToken(url, OWNER)}`;
    clock.advanceNow(3_599_999);
    const before = await get(url, bearer);
    clock.advanceNow(1);
    const after = await get(url, bearer);
    expect([before.status, after.status]).toEqual([200, 401]);
  });

  test("refuses a token it never gave, without a Digest challenge", async () => {
    const { url } = await startSimulated();
    const response = await get(url, "Bearer made-up");
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([
      401,
      'Bearer realm="atlas", error="invalid_token"',
    ]);
  });

  test.each([
    ["all tokens were ended", (simulator: Simulator) => simulator.expireTokens()],
    ["its secret was rotated", (simulator: Simulator) => void simulator.rotateCredentials("owner-service-account")],
  ])("refuses a token after %s", async (_, act) => {
    const { url, simulator } = await startSimulated();
    const bearer = `Bearer ${await fetchToken(url, OWNER)}`;
    act(simulator);
    expect((await get(url, bearer)).status).toBe(401);
  });

  test("refuses a token after it was revoked", async () => {
    const { url } = await startSimulated();
    const token = await fetchToken(url, OWNER);
    const headers = { authorization: basic(...OWNER), "content-type": "application/x-www-form-urlencoded" };
    const revoked = await http(`${url}/api/oauth/revoke`, { method: "POST", headers, body: `token=${token}` });
    expect([revoked.status, (await get(url, `Bearer ${token}`)).status]).toEqual([200, 401]);
  });
});

test("an address that is not on the access list is refused by name", async () => {
  const { url, simulator } = await startSimulated();
  simulator.setIpAccessAllowed(false);
  const response = await call(url, certsPath());
  expect([response.status, await response.json()]).toMatchObject([
    403,
    { errorCode: "IP_ADDRESS_NOT_ON_ACCESS_LIST", parameters: ["127.0.0.1"] },
  ]);
});
