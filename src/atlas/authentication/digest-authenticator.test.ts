import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ApiUnderTest, failureOf } from "../testing/api-under-test.ts";
import { answer, type Reaction, type RecordedRequest } from "../testing/recording-server.ts";
import { API_KEYS, GROUP_ID, PEM, PRIVATE_API_KEY, USERNAME } from "../testing/samples.ts";

const USER = { groupId: GROUP_ID, username: USERNAME };
const PROJECT = { groupId: GROUP_ID };
const ok = answer(200, {});

describe("API keys", () => {
  const md5 = (text: string) => createHash("md5").update(text).digest("hex");
  const challenge = (nonce: string, more = "") => ({
    "www-authenticate": `Digest realm="MMS Public API", domain="", nonce="${nonce}", algorithm=MD5, qop="auth"${more}`,
  });

  function parametersOf(request: RecordedRequest | undefined): Record<string, string> {
    const header = request?.headers.authorization ?? "";
    return Object.fromEntries(
      [...header.matchAll(/(\w+)=(?:"([^"]*)"|([^,]*))/g)].map(([, name, quoted, bare]) => [name, quoted ?? bare]),
    );
  }

  /** A server that checks digests as RFC 7616 wants; each nonce is good for `uses` requests. */
  function start(react: (request: RecordedRequest) => Reaction, { uses = Number.MAX_SAFE_INTEGER, stale = true } = {}) {
    let nonces = 0;
    const counts = new Map<string, number>();
    const fresh = (more = "") => {
      nonces += 1;
      counts.set(`nonce-${nonces}`, 0);
      return answer(401, "", challenge(`nonce-${nonces}`, more));
    };
    return ApiUnderTest.start({
      credentials: API_KEYS,
      react: (request) => {
        const { nonce = "", uri, nc = "", cnonce, response, username } = parametersOf(request);
        const count = counts.get(nonce);
        if (count === undefined) return fresh();
        const secret = md5(`abcdefgh:MMS Public API:${PRIVATE_API_KEY}`);
        const expected = md5(`${secret}:${nonce}:${nc}:${cnonce}:auth:${md5(`${request.method}:${request.target}`)}`);
        if (response !== expected || uri !== request.target || username !== "abcdefgh") return fresh();
        if (Number.parseInt(nc, 16) !== count + 1) return fresh();
        if (count >= uses) return fresh(stale ? ", stale=true" : "");
        counts.set(nonce, count + 1);
        return react(request);
      },
    });
  }

  test("get a challenge first and then send one authorized POST", async () => {
    await using under = await start(() => answer(201, PEM));
    const pem = await under.api.createDatabaseUserCertificate(USER);
    expect(pem.reveal()).toBe(PEM);
    expect(under.calls.map(({ method, body }) => `${method} ${body}`)).toEqual(["GET ", "POST {}"]);
    expect(under.calls[0]?.headers.authorization).toBeUndefined();
  });

  test("sign the path with its query", async () => {
    await using under = await start(() => answer(200, { results: [] }));
    await under.api.listDatabaseUserCertificates({ ...USER, pageNum: 2 });
    expect(parametersOf(under.calls[1]).uri).toBe(under.calls[1]?.target);
  });

  test("use a nonce again and count its uses", async () => {
    await using under = await start(() => ok);
    for (let call = 0; call < 3; call += 1) await under.api.getUserSecurity(PROJECT);
    expect(under.calls.slice(1).map((request) => parametersOf(request).nc)).toEqual([
      "00000001",
      "00000002",
      "00000003",
    ]);
    expect(new Set(under.calls.slice(1).map((request) => parametersOf(request).cnonce)).size).toBe(3);
  });

  test("fetch one challenge for many calls at once, and never use a count twice", async () => {
    const seen: string[] = [];
    await using under = await ApiUnderTest.start({
      credentials: API_KEYS,
      react: (request) => {
        const { nonce, nc } = parametersOf(request);
        if (nonce === undefined) return answer(401, "", challenge("n"));
        seen.push(nc ?? "");
        return ok;
      },
    });
    await Promise.all(Array.from({ length: 8 }, () => under.api.getUserSecurity(PROJECT)));
    expect(under.calls).toHaveLength(9);
    expect(seen.toSorted()).toEqual(Array.from({ length: 8 }, (_, index) => `0000000${index + 1}`));
  });

  test.each([
    ["says so", true],
    ["does not say so", false],
  ])("take the new nonce when the old one has run out and the server %s", async (_name, stale) => {
    await using under = await start(() => answer(201, PEM), { uses: 1, stale });
    await under.api.createDatabaseUserCertificate(USER);
    await under.api.createDatabaseUserCertificate(USER);
    expect(under.calls.map((request) => parametersOf(request).nonce ?? "none")).toEqual([
      "none",
      "nonce-1",
      "nonce-1",
      "nonce-2",
    ]);
  });

  test("are refused at once when a fresh nonce does not help", async () => {
    await using under = await ApiUnderTest.start({
      credentials: API_KEYS,
      react: (_request, index) => answer(401, "", challenge(`nonce-${index}`)),
    });
    expect(await failureOf(under.api.createDatabaseUserCertificate(USER))).toMatchObject({ kind: "credentials" });
    expect(under.calls.map(({ method }) => method)).toEqual(["GET", "POST"]);
  });

  test("go on counting when the server names the same nonce again", async () => {
    await using under = await ApiUnderTest.start({
      credentials: API_KEYS,
      react: (_request, index) => (index === 0 || index === 2 ? answer(401, "", challenge("same")) : ok),
    });
    await under.api.getUserSecurity(PROJECT);
    await under.api.getUserSecurity(PROJECT);
    expect(under.calls.map((request) => parametersOf(request).nc)).toEqual([
      undefined,
      "00000001",
      "00000002",
      "00000003",
    ]);
  });

  test("ask again for a challenge when a refusal brings none", async () => {
    await using under = await ApiUnderTest.start({
      credentials: API_KEYS,
      react: (_request, index) =>
        [answer(401, "", challenge("a")), answer(401), answer(401, "", challenge("b")), ok][index] ?? ok,
    });
    expect(await failureOf(under.api.getUserSecurity(PROJECT))).toMatchObject({ kind: "credentials" });
    await expect(under.api.getUserSecurity(PROJECT)).resolves.toEqual({ customerX509: {} });
  });

  test("look for the challenge of a DELETE where something can be read", async () => {
    await using under = await start(() => answer(202, {}));
    await under.api.disableCustomerManagedX509(PROJECT);
    expect(under.calls.map(({ method, target }) => `${method} ${target}`)).toEqual([
      `GET /api/atlas/v2/groups/${GROUP_ID}/userSecurity`,
      `DELETE /api/atlas/v2/groups/${GROUP_ID}/userSecurity/customerX509`,
    ]);
  });

  test("answer SHA-256 where it is offered", async () => {
    const both = [challenge("a")["www-authenticate"], challenge("b")["www-authenticate"].replace("MD5", "SHA-256")];
    await using under = await ApiUnderTest.start({
      credentials: API_KEYS,
      react: (_request, index) => (index === 0 ? answer(401, "", { "www-authenticate": both }) : ok),
    });
    await under.api.getUserSecurity(PROJECT);
    expect(parametersOf(under.calls[1])).toMatchObject({ algorithm: "SHA-256", nonce: "b" });
    expect(parametersOf(under.calls[1]).response).toHaveLength(64);
  });

  test.each([
    ["no challenge", answer(401), "badAnswer"],
    ["only Basic", answer(401, "", { "www-authenticate": 'Basic realm="x"' }), "badAnswer"],
    ["an answer to an unsigned request", answer(200, {}), "badAnswer"],
    ["a redirect", answer(302), "badAnswer"],
    ["a refusal of the address", answer(403, { errorCode: "IP_ADDRESS_NOT_ON_ACCESS_LIST" }), "accessList"],
    ["503 each time", answer(503), "unavailable"],
    ["nothing", (socket) => socket.destroy(), "unavailable"],
  ] as const satisfies readonly (readonly [string, Reaction, string])[])(
    "send no POST where the challenge should be and is %s",
    async (_name, reaction, kind) => {
      await using under = await ApiUnderTest.start({ credentials: API_KEYS, react: () => reaction });
      const error = await failureOf(under.api.createDatabaseUserCertificate(USER));
      expect(error).toMatchObject({ kind, operation: "authenticate" });
      expect(under.calls.map(({ method }) => method)).not.toContain("POST");
    },
  );
});
