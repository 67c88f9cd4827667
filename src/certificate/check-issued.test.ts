import { describe, expect, test } from "vitest";
import { DAY_MS, MINUTE_MS } from "../clock.ts";
import type { CertificateFacts } from "./certificate-facts.ts";
import { checkIssued, MONTH_MS } from "./check-issued.ts";

const NOW = Date.parse("2030-01-01T00:00:00Z");
const request = { username: "orders-api", monthsUntilExpiration: 3, monthMs: MONTH_MS };

function facts(days: number, commonName = "orders-api"): CertificateFacts {
  return {
    serialNumber: "1",
    fingerprint: "00",
    notBefore: new Date(NOW),
    notAfter: new Date(NOW + days * DAY_MS),
    subject: [{ type: "CN", value: commonName }],
  };
}

describe("takes a certificate of three months", () => {
  test.each([
    ["that lasts 91 days", 91],
    ["that lasts three times 28 days", 84],
    ["that lasts three times 31 days and a day", 94],
  ])("%s", (_what, days) => {
    expect(checkIssued(facts(days), request, NOW)).toBeUndefined();
  });

  test("whose serial number is none of those before the request", () => {
    expect(checkIssued(facts(91), { ...request, knownSerials: ["2", "11"] }, NOW)).toBeUndefined();
  });

  test("although its authority dates it back", () => {
    const certificate = { ...facts(91), notBefore: new Date(NOW - 60 * DAY_MS) };
    expect(checkIssued(certificate, request, NOW)).toBeUndefined();
  });

  test.each([
    ["a minute later", MINUTE_MS],
    ["although the clock is a minute behind Atlas'", -MINUTE_MS],
    ["although the clock is forty days behind Atlas'", -40 * DAY_MS],
    ["a millisecond before it expires", 91 * DAY_MS - 1],
  ])("%s", (_what, ms) => {
    expect(checkIssued(facts(91), request, NOW + ms)).toBeUndefined();
  });
});

test("takes the months of the calendar where no length of a month is given", () => {
  expect(checkIssued(facts(91), { username: "orders-api", monthsUntilExpiration: 3 }, NOW)).toBeUndefined();
});

describe("refuses a certificate", () => {
  test.each([
    ["of another user", facts(91, "other"), "the certificate's subject is CN=other, not user orders-api"],
    [
      "that lasts a month",
      facts(30),
      "the certificate is valid from 2030-01-01T00:00:00Z to 2030-01-31T00:00:00Z, instead of for about 3 months",
    ],
    [
      "that lasts a year",
      facts(365),
      "the certificate is valid from 2030-01-01T00:00:00Z to 2031-01-01T00:00:00Z, instead of for about 3 months",
    ],
  ])("%s", (_what, certificate, problem) => {
    expect(checkIssued(certificate, request, NOW)).toBe(problem);
  });
});

describe("refuses an answer that is not for this request:", () => {
  test("a certificate whose serial number was known before", () => {
    const again = { ...request, knownSerials: ["7", "1"] };
    expect(checkIssued(facts(91), again, NOW)).toBe("certificate 1 was issued before the request");
  });

  test.each([
    ["at its last moment", facts(91), 91 * DAY_MS, "the certificate expired at 2030-04-02T00:00:00Z"],
    ["a year ago", facts(91), 456 * DAY_MS, "the certificate expired at 2030-04-02T00:00:00Z"],
    ["before it begins", facts(-1), 0, "the certificate expired at 2029-12-31T00:00:00Z"],
  ])("a certificate that expired %s by Atlas' clock", (_what, certificate, ms, problem) => {
    expect(checkIssued(certificate, request, NOW + ms)).toBe(problem);
  });

  test("a certificate of a month, however old the answer", () => {
    for (const days of [-400, 0, 29]) {
      expect(checkIssued(facts(30), request, NOW + days * DAY_MS)).toContain("instead of for about 3 months");
    }
  });

  test("a certificate of another user, whatever else is wrong with it", () => {
    for (const days of [-400, 0, 400]) {
      const certificate = facts(91, "other");
      expect(checkIssued(certificate, { ...request, knownSerials: ["1"] }, NOW + days * DAY_MS)).toContain(
        "the certificate's subject",
      );
    }
  });

  test("a certificate whose subject holds the user and a second common name", () => {
    const subject = ["orders-api", "admin"].map((value) => ({ type: "CN", value }));
    expect(checkIssued({ ...facts(91), subject }, request, NOW)).toBe(
      "the certificate's subject is CN=orders-api,CN=admin, not user orders-api",
    );
  });
});

test("measures in a simulator's months where they are that short", () => {
  const simulated = { ...request, monthMs: 30_000 };
  expect(checkIssued(facts(90_000 / DAY_MS), simulated, NOW)).toBeUndefined();
  expect(checkIssued(facts(91), simulated, NOW)).toContain("instead of for about 3 months");
});

describe("takes what Atlas gives for every number of months", () => {
  test.each(Array.from({ length: 24 }, (_, index) => index + 1))("%i", (months) => {
    for (const start of ["2030-01-31T12:00:00Z", "2032-02-29T00:00:00Z", "2030-07-01T23:59:59Z"]) {
      const notBefore = new Date(start);
      const notAfter = new Date(notBefore);
      notAfter.setUTCMonth(notAfter.getUTCMonth() + months);
      const certificate = { ...facts(0), notBefore, notAfter };
      const asked = { ...request, monthsUntilExpiration: months };
      expect(checkIssued(certificate, asked, notBefore.getTime())).toBeUndefined();
    }
  });
});
