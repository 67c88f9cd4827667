import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chooseDigestChallenge, type DigestChallenge, digestAuthorization } from "./digest.ts";

/** RFC 7616, section 3.9.1. */
const RFC_NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
const RFC_OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS";
const rfcChallenge = (algorithm: string) =>
  `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="${RFC_NONCE}", opaque="${RFC_OPAQUE}"`;
const RFC_REQUEST = {
  username: "Mufasa",
  password: "Circle of Life",
  method: "GET",
  uri: "/dir/index.html",
  cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
  nonceCount: 1,
};

function choose(...headers: string[]): DigestChallenge {
  const challenge = chooseDigestChallenge(headers);
  if (challenge === undefined) throw new Error("no challenge");
  return challenge;
}

describe("digestAuthorization", () => {
  test.each([
    ["MD5", "8ca523f5e9506fed4657c9700eebdbec"],
    ["SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"],
  ])("answers as RFC 7616 does for %s", (algorithm, response) => {
    const authorization = digestAuthorization(choose(rfcChallenge(algorithm)), RFC_REQUEST);
    expect(authorization).toBe(
      `Digest username="Mufasa", realm="http-auth@example.org", nonce="${RFC_NONCE}", uri="/dir/index.html", algorithm=${algorithm}, qop=auth, nc=00000001, cnonce="${RFC_REQUEST.cnonce}", response="${response}", opaque="${RFC_OPAQUE}"`,
    );
  });

  test("answers a server from before RFC 2617, which knows no qop", () => {
    const challenge = choose('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"');
    const authorization = digestAuthorization(challenge, { ...RFC_REQUEST, password: "CircleOfLife" });
    // RFC 2069 as corrected by its erratum 749.
    expect(authorization).toContain('response="1949323746fe6a43ef61f9606e7febea"');
    expect(authorization).not.toMatch(/qop|nc=|cnonce|algorithm/);
  });

  test("writes the count in hexadecimal", () => {
    const authorization = digestAuthorization(choose(rfcChallenge("MD5")), { ...RFC_REQUEST, nonceCount: 31 });
    expect(authorization).toContain("nc=0000001f");
  });

  test("escapes what stands in quotes", () => {
    const challenge = choose('Digest realm="a \\"b\\" \\\\", nonce="n", qop="auth"');
    expect(challenge.realm).toBe('a "b" \\');
    expect(digestAuthorization(challenge, RFC_REQUEST)).toContain('realm="a \\"b\\" \\\\"');
  });
});

describe("chooseDigestChallenge", () => {
  test("reads what Atlas sends", () => {
    const header =
      'Digest realm="MMS Public API", domain="", nonce="Zm9v", algorithm=MD5, op="auth", qop="auth", stale=true, charset=UTF-8';
    expect(chooseDigestChallenge([header])).toEqual({
      realm: "MMS Public API",
      nonce: "Zm9v",
      opaque: undefined,
      algorithm: "MD5",
      algorithmNamed: true,
      qop: "auth",
      stale: true,
    });
  });

  test.each([
    ["in two headers", [rfcChallenge("MD5"), rfcChallenge("SHA-256")]],
    ["in one header", [`${rfcChallenge("MD5")}, ${rfcChallenge("SHA-256")}`]],
    ["among other schemes", [`Basic realm="x", ${rfcChallenge("SHA-256")}, Negotiate`, rfcChallenge("MD5")]],
  ])("prefers SHA-256 %s", (_name, headers) => {
    expect(chooseDigestChallenge(headers)?.algorithm).toBe("SHA-256");
  });

  test("takes the scheme and the names in any case", () => {
    expect(chooseDigestChallenge(['DIGEST REALM="r",NONCE="n",STALE=TRUE'])).toMatchObject({ nonce: "n", stale: true });
  });

  test.each([
    ["no header", []],
    ["another scheme", ['Basic realm="x"']],
    ["no nonce", ['Digest realm="x"']],
    ["an empty nonce", ['Digest realm="x", nonce=""']],
    ["no realm", ['Digest nonce="x"']],
    ["only auth-int", ['Digest realm="x", nonce="n", qop="auth-int"']],
    ["an unknown algorithm", ['Digest realm="x", nonce="n", algorithm=SHA-512-256']],
    ["a session algorithm", ['Digest realm="x", nonce="n", algorithm=MD5-sess']],
    ["a parameter without a scheme", ['realm="x", nonce="n"']],
    ["a quote that does not end", ['Digest realm="x, nonce=n']],
  ])("finds none in %s", (_name, headers) => {
    expect(chooseDigestChallenge(headers)).toBeUndefined();
  });

  test("gets through any text without a crash", () => {
    const pieces = fc.constantFrom("Digest", " ", ",", "=", '"', "\\", "nonce", "realm", "a", "\t", "é", "qop=auth");
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        expect(() => chooseDigestChallenge([parts.join("")])).not.toThrow();
      }),
    );
  });

  test("reads a long hostile header in linear time", () => {
    const started = process.threadCpuUsage();
    chooseDigestChallenge([
      `Digest realm="${"\\".repeat(200_000)}`,
      `Digest ${",".repeat(200_000)}`,
      "a=".repeat(99_999),
    ]);
    // Time of this thread alone, whatever else the machine has to do.
    expect(process.threadCpuUsage(started).user).toBeLessThan(1_000_000);
  });
});
