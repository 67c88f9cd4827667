import { describe, expect, test } from "vitest";
import { ApiUnderTest, failureOf } from "./testing/api-under-test.ts";
import { answer, tokenAnswer } from "./testing/recording-server.ts";
import { GROUP_ID, PEM, pageBody, SERVICE_ACCOUNT, USERNAME } from "./testing/samples.ts";
import { X509AuthenticationApi } from "./x509-authentication-api.ts";

const MEDIA_TYPE = "application/vnd.atlas.2023-01-01+json";
const USER = { groupId: GROUP_ID, username: USERNAME };

describe("createDatabaseUserCertificate", () => {
  test.each([
    ["200 with raw text", 200, PEM],
    ["201 with raw text", 201, PEM],
    ["201 with a JSON string", 201, JSON.stringify(PEM)],
  ])("gives the PEM of %s", async (_name, status, body) => {
    await using under = await ApiUnderTest.start({ answers: [answer(status, body, { "content-type": MEDIA_TYPE })] });
    const pem = await under.api.createDatabaseUserCertificate(USER);
    expect(pem.reveal()).toBe(PEM);
    expect(JSON.stringify({ pem })).not.toContain("PRIVATE KEY");
  });

  test.each([
    ["a project id in capitals", { ...USER, groupId: GROUP_ID.toUpperCase() }, "groupId"],
    ["no username", { ...USER, username: "" }, "username"],
    ["25 months", { ...USER, userCert: { monthsUntilExpiration: 25 } }, "monthsUntilExpiration"],
    ["no month", { ...USER, userCert: { monthsUntilExpiration: 0 } }, "monthsUntilExpiration"],
  ])("sends nothing for %s", async (_name, parameters, word) => {
    await using under = await ApiUnderTest.start();
    const error = await failureOf(under.api.createDatabaseUserCertificate(parameters));
    expect(error).toMatchObject({ kind: "badRequest", message: expect.stringContaining(word) });
    expect(under.server.requests).toEqual([]);
  });
});

describe("listDatabaseUserCertificates", () => {
  test.each([
    ["a small number", "7", "7"],
    ["a number past 2^53", "9223372036854775807", "9223372036854775807"],
    ["the number next to it", "9223372036854775806", "9223372036854775806"],
    ["a negative number", "-9223372036854775808", "-9223372036854775808"],
    ["a string", '"9223372036854775807"', "9223372036854775807"],
    ["a string with zeros in front", '"007"', "7"],
  ])("keeps a serial number exact that is %s", async (_name, json, serialNumber) => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, pageBody([json], 1))] });
    const page = await under.api.listDatabaseUserCertificates(USER);
    expect(page).toEqual({
      results: [
        {
          serialNumber,
          createdAt: new Date("2026-01-01T00:00:00Z"),
          notAfter: new Date("2026-04-01T00:00:00Z"),
          groupId: GROUP_ID,
          subject: "CN=orders-api",
        },
      ],
      totalCount: 1,
      links: [],
      answeredAt: undefined,
    });
  });

  const LISTED = { _id: 7, notAfter: "2026-04-01T00:00:00Z" };

  test("needs of a certificate nothing but its serial number and its end", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, { results: [LISTED] })] });
    expect((await under.api.listDatabaseUserCertificates(USER)).results).toEqual([
      { serialNumber: "7", notAfter: new Date("2026-04-01T00:00:00Z") },
    ]);
  });

  test.each([
    [
      "fields of a certificate that are null",
      { results: [{ ...LISTED, createdAt: null, groupId: null, subject: null }] },
    ],
    ["a time of creation that is none", { results: [{ ...LISTED, createdAt: "soon" }] }],
    ["links that are null", { results: [LISTED], links: null }],
    ["a link without rel and href", { results: [LISTED], links: [{}] }],
    ["a link with rel and href that are null", { results: [LISTED], links: [{ rel: null, href: null }] }],
    ["a count that is null", { results: [LISTED], totalCount: null }],
    ["a time with +0000", { results: [{ ...LISTED, notAfter: "2026-04-01T00:00:00+0000" }] }],
    ["a time with a fraction", { results: [{ ...LISTED, notAfter: "2026-04-01T00:00:00.000Z" }] }],
  ])("accepts %s", async (_name, body) => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, body)] });
    const { results } = await under.api.listDatabaseUserCertificates(USER);
    expect(results).toEqual([{ serialNumber: "7", notAfter: new Date("2026-04-01T00:00:00Z") }]);
  });

  test.each([
    ["results.0.notAfter", { results: [{ _id: 7, notAfter: "soon" }] }],
    ["results.1.notAfter", { results: [LISTED, { _id: 7 }] }],
    ["results.0._id", { results: [{ notAfter: "2026-04-01T00:00:00Z" }] }],
    ["results", {}],
    ["links.0", { results: [LISTED], links: ["next"] }],
  ])("names %s where that is what is wrong, and blames no proxy", async (path, body) => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, body)] });
    const error = await failureOf(under.api.listDatabaseUserCertificates(USER));
    expect(error.problem).toContain(`with something other than a list of certificates (at ${path})`);
    expect(error.message).not.toContain("proxy");
  });

  test.each([
    ["a fraction as serial number", pageBody(["1.5"])],
    ["words as serial number", pageBody(['"abc"'])],
    ["no list", "{}"],
    ["no JSON", "<html>"],
    ["JSON that is cut", pageBody(["1"]).slice(0, -5)],
    ["nothing", ""],
    ["a time that is none", pageBody(["1"]).replace("2026-04-01T00:00:00Z", "soon")],
    ["a serial number of 49 digits", pageBody(["1".repeat(49)])],
    ["a serial number of 49 digits as a string", pageBody([`"${"1".repeat(49)}"`])],
  ])("refuses %s", async (_name, body) => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, body)] });
    const error = await failureOf(under.api.listDatabaseUserCertificates(USER));
    expect(error).toMatchObject({ kind: "badAnswer", status: 200, operation: "listDatabaseUserCertificates" });
    expect(under.calls).toHaveLength(1);
  });

  test.each([
    ["itemsPerPage", { itemsPerPage: 501 }],
    ["itemsPerPage", { itemsPerPage: 0 }],
    ["pageNum", { pageNum: 0 }],
  ])("sends nothing for a wrong %s", async (name, parameters) => {
    await using under = await ApiUnderTest.start();
    const error = await failureOf(under.api.listDatabaseUserCertificates({ ...USER, ...parameters }));
    expect(error).toMatchObject({ kind: "badRequest", message: expect.stringContaining(name) });
    expect(under.server.requests).toEqual([]);
  });
});

describe("listAllDatabaseUserCertificates", () => {
  test("reads the pages one after the other, and once more, because the list may have changed", async () => {
    const pages = [answer(200, pageBody(["1", "2"], 3)), answer(200, pageBody(["3"], 3))];
    await using under = await ApiUnderTest.start({ answers: [...pages, ...pages] });
    const { certificates } = await under.api.listAllDatabaseUserCertificates({ ...USER, itemsPerPage: 2 });
    expect(certificates.map(({ serialNumber }) => serialNumber)).toEqual(["1", "2", "3"]);
    expect(under.calls.map(({ target }) => target.split("?")[1])).toEqual([
      "includeCount=true&itemsPerPage=2&pageNum=1",
      "includeCount=true&itemsPerPage=2&pageNum=2",
      "includeCount=true&itemsPerPage=2&pageNum=1",
      "includeCount=true&itemsPerPage=2&pageNum=2",
    ]);
  });

  test("asks for the largest pages unless told otherwise", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, pageBody([], 0))] });
    await under.api.listAllDatabaseUserCertificates(USER);
    expect(under.calls[0]?.target).toContain("itemsPerPage=500");
  });

  test("tells when Atlas answered, by its own clock", async () => {
    const page = answer(200, pageBody(["1"]), { date: "Wed, 06 May 2026 12:00:10 GMT" });
    await using under = await ApiUnderTest.start({ answers: [page] });
    expect(await under.api.listAllDatabaseUserCertificates(USER)).toMatchObject({
      certificates: [{ serialNumber: "1" }],
      answeredAt: new Date("2026-05-06T12:00:10Z"),
    });
  });

  test.each([
    ["no date", {}],
    ["a date that is none", { date: "yesterday" }],
  ])("does not guess when Atlas answered from %s", async (_name, headers) => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, pageBody(["1"]), headers)] });
    expect((await under.api.listAllDatabaseUserCertificates(USER)).answeredAt).toBeUndefined();
  });

  test("takes a list whose count includes expired certificates", async () => {
    const page = answer(200, pageBody(["1", "2"], 3));
    await using under = await ApiUnderTest.start({ answers: [page, page] });
    expect((await under.api.listAllDatabaseUserCertificates(USER)).certificates).toHaveLength(2);
  });

  test("fails on pages that never end", async () => {
    await using under = await ApiUnderTest.start({
      react: ({ target }) => (target === "/api/oauth/token" ? tokenAnswer() : answer(200, pageBody(["1"]))),
    });
    const error = await failureOf(under.api.listAllDatabaseUserCertificates({ ...USER, itemsPerPage: 1 }));
    expect(error).toMatchObject({ kind: "badAnswer", message: expect.stringContaining("pages") });
  });
});

describe("the user security settings", () => {
  test("say whether customer-managed X.509 is on, and keep the passwords of LDAP out", async () => {
    const settings = { customerX509: { cas: "-----BEGIN CERTIFICATE-----" }, ldap: { bindPassword: "hunter2" } };
    await using under = await ApiUnderTest.start({ answers: [answer(200, settings)] });
    expect(await under.api.getUserSecurity({ groupId: GROUP_ID })).toEqual({
      customerX509: { cas: "-----BEGIN CERTIFICATE-----" },
    });
  });

  test.each([
    ["an empty text", { customerX509: { cas: "" } }],
    ["null", { customerX509: { cas: null } }],
    ["an empty object", { customerX509: {} }],
    ["nothing", {}],
  ])("take %s for off", async (_name, settings) => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, settings)] });
    expect(await under.api.getUserSecurity({ groupId: GROUP_ID })).toEqual({ customerX509: {} });
  });

  test("may come empty from disableCustomerManagedX509", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(202)] });
    expect(await under.api.disableCustomerManagedX509({ groupId: GROUP_ID })).toEqual({ customerX509: {} });
  });

  test.each(["disableCustomerManagedX509", "getUserSecurity"] as const)(
    "come with the time at Atlas from %s",
    async (operation) => {
      const settings = answer(200, {}, { date: "Wed, 06 May 2026 12:00:10 GMT" });
      await using under = await ApiUnderTest.start({ answers: [settings] });
      expect(await under.api[operation]({ groupId: GROUP_ID })).toEqual({
        customerX509: {},
        answeredAt: new Date("2026-05-06T12:00:10Z"),
      });
    },
  );

  test.each(["disableCustomerManagedX509", "getUserSecurity", "refreshRateLimits"] as const)(
    "%s sends nothing for a wrong project id",
    async (operation) => {
      await using under = await ApiUnderTest.start();
      expect(await failureOf(under.api[operation]({ groupId: "x" }))).toMatchObject({ kind: "badRequest" });
      expect(under.server.requests).toEqual([]);
    },
  );
});

describe("getDatabaseUser", () => {
  test.each([
    ["MANAGED", { x509Type: "MANAGED", username: USERNAME }],
    [undefined, { username: USERNAME }],
    [undefined, { x509Type: null }],
  ])("says that the type is %s", async (x509Type, body) => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, body)] });
    expect(await under.api.getDatabaseUser(USER)).toEqual({ x509Type, answeredAt: undefined });
  });

  test("a user that is not there has a kind of its own, also where Atlas gives no code", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(404, { error: 404, detail: "No such user." })] });
    const error = await failureOf(under.api.getDatabaseUser(USER));
    expect(error).toMatchObject({ kind: "userNotFound", operation: "getDatabaseUser" });
  });

  test("says what could not be read where Atlas does not answer", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(400, { error: 400, detail: "No." })] });
    const error = await failureOf(under.api.getDatabaseUser(USER));
    expect(error.message).toContain(`read database user "${USERNAME}"`);
  });
});

describe("refreshRateLimits", () => {
  const body = { results: [{ capacity: 60, refillRate: 30, refillDurationSeconds: 30 }] };

  test("hands Atlas' limits to the pacer", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, body)] });
    const limits = await under.api.refreshRateLimits({ groupId: GROUP_ID });
    expect(limits).toEqual({ capacityTokens: 60, refillTokens: 30, refillPeriodMs: 30_000 });
    expect(under.pacer.tokensLeft(GROUP_ID)).toBe(60);
    expect(under.calls[0]?.target).toBe(
      `/api/atlas/v2/rateLimits?groupId=${GROUP_ID}&endpointPath=%2Fapi%2Fatlas%2Fv2%2Fgroups%2F%7BgroupId%7D%2FdatabaseUsers%2F%7Busername%7D%2Fcerts`,
    );
  });

  test("leaves the pacer alone when the answer has none", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, { results: [] })] });
    expect(await under.api.refreshRateLimits({ groupId: GROUP_ID })).toBeUndefined();
    expect(under.pacer.tokensLeft(GROUP_ID)).toBe(1200);
  });
});

describe("an api object without a transport", () => {
  test("opens its own connections and closes them", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, {}), answer(200, {})] });
    const api = new X509AuthenticationApi({ credentials: SERVICE_ACCOUNT, baseUrl: under.server.url });
    await api.getUserSecurity({ groupId: GROUP_ID });
    await api[Symbol.asyncDispose]();
    expect(await failureOf(api.getUserSecurity({ groupId: GROUP_ID }))).toMatchObject({ kind: "aborted" });
  });

  test("refuses a base URL that is not Atlas'", () => {
    const make = () => new X509AuthenticationApi({ credentials: SERVICE_ACCOUNT, baseUrl: "http://atlas.example" });
    expect(make).toThrow(TypeError);
  });

  test("leaves a shared transport open", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, {})] });
    await under.api.close();
    await expect(under.api.getUserSecurity({ groupId: GROUP_ID })).resolves.toEqual({ customerX509: {} });
  });
});
