import { describe, expect, test } from "vitest";
import type { CertificateFacts } from "./certificate-facts.ts";
import { checkIssued, MONTH_MS } from "./check-issued.ts";

const NOW = Date.parse("2030-01-01T00:00:00Z");
const DAY_MS = 86_400_000;
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
});

test("takes the months of the calendar where no length of a month is given", () => {
  expect(checkIssued(facts(91), { username: "orders-api", monthsUntilExpiration: 3 }, NOW)).toBeUndefined();
});

describe("refuses a certificate", () => {
  test.each([
    ["of another user", facts(91, "other"), "its subject is CN=other, not the user orders-api"],
    [
      "that lasts a month",
      facts(30),
      "it is valid from 2030-01-01T00:00:00.000Z to 2030-01-31T00:00:00.000Z, which is not about 3 months",
    ],
    [
      "that lasts a year",
      facts(365),
      "it is valid from 2030-01-01T00:00:00.000Z to 2031-01-01T00:00:00.000Z, which is not about 3 months",
    ],
    [
      "that expires before it begins",
      facts(-1),
      "it is valid from 2030-01-01T00:00:00.000Z to 2029-12-31T00:00:00.000Z, which is not about 3 months",
    ],
  ])("%s", (_what, certificate, problem) => {
    expect(checkIssued(certificate, request, NOW)).toBe(problem);
  });
});

describe("does not throw away a certificate", () => {
  test.each([
    ["because this clock is a month ahead", 30],
    ["because this clock is a year ahead, and the certificate has expired by it", 365],
    ["because this clock is behind", -40],
  ])("%s", (_what, days) => {
    expect(checkIssued(facts(91), request, NOW + days * DAY_MS)).toBeUndefined();
  });

  test("because its authority dates it back", () => {
    const certificate = { ...facts(91), notBefore: new Date(NOW - 60 * DAY_MS) };
    expect(checkIssued(certificate, request, NOW)).toBeUndefined();
  });

  test("but one for another request is refused in any time", () => {
    for (const days of [-400, 40, 400]) {
      expect(checkIssued(facts(30), request, NOW + days * DAY_MS)).toContain("not about 3 months");
      expect(checkIssued(facts(91, "other"), request, NOW + days * DAY_MS)).toContain("its subject");
    }
  });
});

test("measures in a simulator's months where they are that short", () => {
  const simulated = { ...request, monthMs: 30_000 };
  expect(checkIssued(facts(90_000 / DAY_MS), simulated, NOW)).toBeUndefined();
  expect(checkIssued(facts(91), simulated, NOW)).toContain("not about 3 months");
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
