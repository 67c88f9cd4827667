import { describe, expect, test } from "vitest";
import { errorFromFailure } from "./errors.ts";
import { GROUP_ID, USERNAME } from "./testing/samples.ts";
import { TransportFailure, toTransportFailure } from "./transport-failure.ts";

const coded = (code: string, message = "it failed") => Object.assign(new Error(message), { code });
const named = (name: string) => Object.assign(new Error("it failed"), { name });
const context = { caller: "API key abcdefgh", groupId: GROUP_ID, username: USERNAME };

describe("toTransportFailure", () => {
  test.each([
    ["a certificate that has expired", coded("CERT_HAS_EXPIRED"), "untrusted"],
    ["a certificate for another host", coded("ERR_TLS_CERT_ALTNAME_INVALID"), "untrusted"],
    ["a certificate from an unknown CA", coded("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "untrusted"],
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
    ["untrusted", "unavailable", "extra CA"],
    ["timeout", "unavailable", "did not answer"],
    ["network", "unavailable", "did not answer"],
    ["tooLarge", "badAnswer", "base URL"],
    ["protocol", "badAnswer", "base URL"],
    ["aborted", "aborted", "stopped by its caller"],
    ["closed", "aborted", "stopped by its caller"],
  ] as const)("makes %s of a request that reads %s", (reason, kind, words) => {
    const error = errorFromFailure(failure(reason, true), { ...context, operation: "listDatabaseUserCertificates" });
    expect(error).toMatchObject({ kind, message: expect.stringContaining(words), cause: { reason } });
  });

  test.each(["untrusted", "timeout", "network", "tooLarge", "protocol", "aborted", "closed"] as const)(
    "makes %s of a create ambiguous once it was sent, and never before",
    (reason) => {
      const create = { ...context, operation: "createDatabaseUserCertificate" } as const;
      expect(errorFromFailure(failure(reason, true), create).kind).toBe("ambiguous");
      expect(errorFromFailure(failure(reason, false), create).kind).not.toBe("ambiguous");
    },
  );

  test("throws on what it does not know", () => {
    const bug = new RangeError("a bug");
    const create = { ...context, operation: "createDatabaseUserCertificate" } as const;
    expect(() => errorFromFailure(bug, create)).toThrow(bug);
  });

  test.each(["listRateLimits", "getUserSecurity", "disableCustomerManagedX509", "authenticate"] as const)(
    "finds words for %s",
    (operation) => {
      const { message } = errorFromFailure(failure("network", false), { caller: "API key abcdefgh", operation });
      expect(message).toMatch(/^Cannot [a-z].* now: Atlas did not answer \(it failed\)/);
    },
  );
});
