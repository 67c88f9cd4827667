import { describe, expect, test } from "vitest";
import { errorFromFailure } from "../errors/make-error.ts";
import { GROUP_ID, USERNAME } from "../testing/samples.ts";
import { TransportFailure, toTransportFailure } from "./transport-failure.ts";

const coded = (code: string, message = "it failed") => Object.assign(new Error(message), { code });
const named = (name: string) => Object.assign(new Error("it failed"), { name });
const context = { caller: "API key abcdefgh", groupId: GROUP_ID, username: USERNAME, conceal: (text: string) => text };

describe("toTransportFailure", () => {
  test.each([
    ["a connection that takes too long", coded("UND_ERR_CONNECT_TIMEOUT"), "timeout"],
    ["a proxy that takes too long to open its tunnel", coded("UND_ERR_HEADERS_TIMEOUT"), "timeout"],
    ["headers without an end", coded("UND_ERR_HEADERS_OVERFLOW"), "protocol"],
    ["an answer that is no HTTP", named("HTTPParserError"), "protocol"],
    ["a closed transport", coded("UND_ERR_DESTROYED"), "closed"],
    ["a transport that is closing", coded("UND_ERR_CLOSED"), "closed"],
    ["a reset", coded("ECONNRESET"), "network"],
    ["an error without a code", new Error("it failed"), "network"],
    ["an error whose code is a number", Object.assign(new Error("it failed"), { code: 5 }), "network"],
  ])("sorts %s", (_name, error, reason) => {
    const failure = toTransportFailure(error, { sent: true, status: 200 });
    expect(failure).toMatchObject({ reason, message: "it failed", sent: true, status: 200 });
  });

  test.each([
    ["a certificate that has expired", "CERT_HAS_EXPIRED", "it has expired"],
    ["a certificate that is not valid yet", "CERT_NOT_YET_VALID", "it is not valid yet"],
    ["a certificate for another host", "ERR_TLS_CERT_ALTNAME_INVALID", "it is for another host name"],
    ["a certificate from an unknown CA", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "its issuer is unknown"],
    ["a self-signed certificate", "DEPTH_ZERO_SELF_SIGNED_CERT", "its issuer is unknown"],
  ])("says why %s is not trusted", (_name, code, message) => {
    const failure = toTransportFailure(coded(code), { sent: false, status: undefined });
    expect(failure).toMatchObject({ reason: "untrusted", message, code });
  });

  test.each([
    ["407", "proxyCredentials"],
    ["503", "network"],
  ])("names the %s with which a proxy refuses a tunnel", (status, reason) => {
    const error = new Error(`Proxy response (${status}) !== 200 when HTTP Tunneling`);
    const failure = toTransportFailure(error, { sent: false, status: undefined });
    expect(failure).toMatchObject({ reason, message: `the proxy answered ${status} to CONNECT` });
  });

  const openssl = "40AD214D9F7F0000:error:0A00042E:SSL routines:ssl3_read_bytes:tlsv1 alert protocol version:\n";
  test.each([
    [
      "OpenSSL's text",
      coded("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", openssl),
      "the TLS handshake failed (ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION)",
    ],
    [
      "OpenSSL's text with the code of the system",
      coded("EPROTO", `write EPROTO ${openssl}`),
      "the TLS handshake failed (EPROTO)",
    ],
    ["OpenSSL's text under any code", coded("ECONNRESET", openssl.trim()), "ECONNRESET"],
    ["a message of several lines", coded("ECONNRESET", "one\ntwo"), "ECONNRESET"],
    ["an assertion of undici", coded("ERR_ASSERTION", "assert(statusCode >= 100)"), "the response is not valid HTTP"],
  ])("keeps %s out of the message", (_name, error, message) => {
    expect(toTransportFailure(error, { sent: true, status: undefined }).message).toBe(message);
  });

  test.each([
    [
      "the first of several addresses",
      new AggregateError([coded("ECONNREFUSED", "connect ECONNREFUSED ::1:1")], ""),
      "connect ECONNREFUSED ::1:1",
    ],
    ["the code when there is no message", coded("ENOTFOUND", ""), "ENOTFOUND"],
    ["the name when there is nothing else", new TypeError(""), "TypeError"],
    ["something that is no error", "boom", "unknown network error"],
    ["nothing", null, "unknown network error"],
  ])("describes %s", (_name, error, message) => {
    expect(toTransportFailure(error, { sent: false, status: undefined }).message).toBe(message);
  });
});

describe("errorFromFailure", () => {
  const failure = (reason: TransportFailure["reason"], sent: boolean) =>
    new TransportFailure({ reason, message: "it failed", sent });

  test.each([
    ["untrusted", "unavailable", "not trusted (it failed)"],
    ["proxyCredentials", "unavailable", "the proxy in HTTPS_PROXY rejects the credentials"],
    ["timeout", "unavailable", "did not respond"],
    ["network", "unavailable", "did not respond"],
    ["tooLarge", "badAnswer", "base URL"],
    ["protocol", "badAnswer", "base URL"],
    ["aborted", "aborted", "stopped by its caller"],
    ["closed", "aborted", "stopped by its caller"],
  ] as const)("makes %s of a request that reads %s", (reason, kind, words) => {
    const error = errorFromFailure(failure(reason, true), { ...context, operation: "listDatabaseUserCertificates" });
    expect(error).toMatchObject({ kind, message: expect.stringContaining(words), cause: { reason } });
  });

  test.each([
    "untrusted",
    "proxyCredentials",
    "timeout",
    "network",
    "tooLarge",
    "protocol",
    "aborted",
    "closed",
  ] as const)("makes %s of a create ambiguous once it was sent, and never before", (reason) => {
    const create = { ...context, operation: "createDatabaseUserCertificate" } as const;
    expect(errorFromFailure(failure(reason, true), create).kind).toBe("ambiguous");
    expect(errorFromFailure(failure(reason, false), create).kind).not.toBe("ambiguous");
  });

  test.each([
    ["an unknown issuer", "SELF_SIGNED_CERT_IN_CHAIN", true],
    ["an expired certificate", "CERT_HAS_EXPIRED", false],
    ["a certificate that is not valid yet", "CERT_NOT_YET_VALID", false],
    ["a certificate for another host", "ERR_TLS_CERT_ALTNAME_INVALID", false],
  ])("advises an extra CA where that can help: %s", (_name, code, advises) => {
    const untrusted = toTransportFailure(coded(code), { sent: false, status: undefined });
    const { message } = errorFromFailure(untrusted, { ...context, operation: "listDatabaseUserCertificates" });
    expect(message.includes("extra CA")).toBe(advises);
  });

  test("throws on what it does not know", () => {
    const bug = new RangeError("a bug");
    const create = { ...context, operation: "createDatabaseUserCertificate" } as const;
    expect(() => errorFromFailure(bug, create)).toThrow(bug);
  });

  test.each(["listRateLimits", "getUserSecurity", "disableCustomerManagedX509", "authenticate"] as const)(
    "finds words for %s",
    (operation) => {
      const { message } = errorFromFailure(failure("network", false), { ...context, operation });
      expect(message).toMatch(/^Cannot [a-z].*: Atlas did not respond \(it failed\)/);
    },
  );
});
