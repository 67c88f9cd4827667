import { createPrivateKey, X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import { call, certsPath, create, errorOf, PRODUCTION, STAGING, splitPem, startSimulated, V1 } from "./testing.ts";

describe("createDatabaseUserCertificate", () => {
  test("answers 201 with certificate and key as raw text under the JSON media type", async () => {
    const { url } = await startSimulated();
    const response = await create(url);
    expect([response.status, response.headers.get("content-type")]).toEqual([201, `${V1};charset=utf-8`]);
    expect(await response.text()).toMatch(
      /^-----BEGIN CERTIFICATE-----\n[\s\S]+\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n[\s\S]+\n-----END PRIVATE KEY-----\n$/,
    );
  });

  test.each(["ec-p256", "rsa-2048"] as const)(
    "gives a %s key that belongs to the certificate",
    async (keyAlgorithm) => {
      const { url } = await startSimulated({ keyAlgorithm });
      const { certificate, key } = splitPem(await (await create(url)).text());
      expect(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))).toBe(true);
    },
  );

  test("signs with the authority of the project and of no other", async () => {
    const { url, simulator } = await startSimulated();
    const certificate = new X509Certificate(splitPem(await (await create(url)).text()).certificate);
    const authorities = (simulator.caPem.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g) ?? []).map(
      (pem) => new X509Certificate(pem),
    );
    expect(authorities.map((one) => certificate.verify(one.publicKey) && certificate.checkIssued(one))).toEqual([
      true,
      false,
    ]);
  });

  test("makes a client certificate", async () => {
    const { url } = await startSimulated();
    const certificate = new X509Certificate(splitPem(await (await create(url)).text()).certificate);
    expect([certificate.keyUsage, certificate.ca]).toEqual([["1.3.6.1.5.5.7.3.2"], false]);
  });

  test.each([
    ["orders-api", "CN=orders-api"],
    ["CN=reports,OU=analytics,O=Example", "O=Example\nOU=analytics\nCN=reports"],
  ])("names the user %s in the subject", async (username, subject) => {
    const { url } = await startSimulated();
    const { certificate } = splitPem(await (await create(url, 3, certsPath(username))).text());
    expect(new X509Certificate(certificate).subject).toBe(subject);
  });

  test.each(["a/b", "50% off", "a+b", "größe", "semi;colon", "x".repeat(64)])(
    "knows the user %j by its encoded name",
    async (username) => {
      const { url, simulator } = await startSimulated();
      simulator.addUser(PRODUCTION, username);
      expect((await create(url, 3, certsPath(username))).status).toBe(201);
      expect(simulator.certificates(PRODUCTION, username)).toHaveLength(1);
    },
  );

  test("gives every certificate a serial of its own beyond 2^53", async () => {
    const { url, simulator } = await startSimulated();
    for (let count = 0; count < 5; count++) await create(url);
    const serials = simulator.certificates(PRODUCTION, "orders-api").map(({ serialNumber }) => BigInt(serialNumber));
    expect(new Set(serials).size).toBe(5);
    expect(serials.every((serial) => serial > 2n ** 53n && serial < 2n ** 63n)).toBe(true);
  });

  test.each([
    ["three months where nothing is said", "{}", "2026-04-15T10:00:00.000Z"],
    ["one month", '{"monthsUntilExpiration":1}', "2026-02-15T10:00:00.000Z"],
    ["24 months", '{"monthsUntilExpiration":24}', "2028-01-15T10:00:00.000Z"],
  ])("makes it last %s", async (_, body, notAfter) => {
    const { url, simulator } = await startSimulated();
    await call(url, certsPath(), { method: "POST", body });
    expect(simulator.certificates(PRODUCTION, "orders-api")[0]?.notAfter.toISOString()).toBe(notAfter);
  });

  test("writes the same times into the certificate that it lists", async () => {
    const { url, simulator } = await startSimulated({ monthMs: 30_000 });
    const certificate = new X509Certificate(splitPem(await (await create(url, 2)).text()).certificate);
    const [listed] = simulator.certificates(PRODUCTION, "orders-api");
    expect([certificate.validFromDate, certificate.validToDate]).toEqual([listed?.notBefore, listed?.notAfter]);
    expect(listed?.notAfter.toISOString()).toBe("2026-01-15T10:01:00.000Z");
  });

  test.each([0, 25, 1.5, "3", null, -1])("refuses %j months", async (months) => {
    const { url, simulator } = await startSimulated();
    const { status, body } = await errorOf(await create(url, months));
    expect([status, body]).toMatchObject([
      400,
      { errorCode: "VALIDATION_ERROR", badRequestDetail: { fields: [{ field: "monthsUntilExpiration" }] } },
    ]);
    expect(simulator.certificates(PRODUCTION, "orders-api")).toEqual([]);
  });

  test("accepts the read-only fields that a client has read", async () => {
    const { url } = await startSimulated();
    const body = JSON.stringify({ monthsUntilExpiration: 3, links: [], _id: 1, groupId: PRODUCTION });
    expect((await call(url, certsPath(), { method: "POST", body })).status).toBe(201);
  });

  test.each(["NONE", "CUSTOMER"] as const)("refuses a user whose X.509 type is %s", async (x509Type) => {
    const { url, simulator } = await startSimulated();
    simulator.addUser(PRODUCTION, "other", x509Type);
    expect(await errorOf(await create(url, 3, certsPath("other")))).toMatchObject({
      status: 400,
      body: { errorCode: "USER_NOT_MANAGED_X509", detail: "The user does not have managed mode X509 enabled." },
    });
  });

  test.each([
    ["broken JSON", "{", "INVALID_JSON"],
    ["no body", "", "INVALID_JSON"],
    ["a body that is no object", "[]", "INVALID_JSON"],
    ["an unknown attribute", '{"months":3}', "INVALID_ATTRIBUTE"],
  ])("refuses %s", async (_, body, errorCode) => {
    const { url } = await startSimulated();
    const response = await call(url, certsPath(), { method: "POST", body });
    expect(await errorOf(response)).toMatchObject({ status: 400, body: { errorCode } });
  });

  test("refuses a body of another type", async () => {
    const { url } = await startSimulated();
    const response = await call(url, certsPath(), {
      method: "POST",
      body: "{}",
      headers: { "content-type": "text/plain" },
    });
    expect(response.status).toBe(415);
  });

  test("refuses a body beyond 1 MiB", async () => {
    const { url } = await startSimulated();
    const body = " ".repeat(1024 * 1024 + 1);
    expect((await call(url, certsPath(), { method: "POST", body })).status).toBe(413);
  });

  test("refuses while customer-managed X.509 is on", async () => {
    const { url, simulator } = await startSimulated();
    simulator.setCustomerManagedX509(PRODUCTION, "-----BEGIN CERTIFICATE-----");
    expect(await errorOf(await create(url))).toMatchObject({
      status: 400,
      body: { errorCode: "CANNOT_GENERATE_CERT_IF_ADVANCED_X509", reason: "Bad Request" },
    });
  });

  test("refuses beyond the limit of unexpired certificates, until one has expired", async () => {
    const { url, clock } = await startSimulated({ certificateLimit: 1, monthMs: 10_000 });
    await create(url, 1);
    expect((await errorOf(await create(url, 1))).body).toMatchObject({
      errorCode: "ATLAS_GENERATED_CERTS_LIMIT_EXCEEDED",
    });
    clock.advanceNow(10_000);
    expect((await create(url, 1)).status).toBe(201);
  });
});

describe("listDatabaseUserCertificates", () => {
  test("gives the serial as a bare number, exact to the last digit", async () => {
    const { url, simulator } = await startSimulated();
    await create(url);
    const [record] = simulator.certificates(PRODUCTION, "orders-api");
    expect(await (await call(url, certsPath())).text()).toBe(
      `{"links":[{"href":"${url}${certsPath()}?includeCount=true&pageNum=1&itemsPerPage=100","rel":"self"}],` +
        `"results":[{"_id":${record?.serialNumber},"createdAt":"2026-01-15T09:00:00Z","groupId":"${PRODUCTION}",` +
        '"notAfter":"2026-04-15T10:00:00Z","subject":"CN=orders-api"}],"totalCount":1}',
    );
  });

  test("leaves the expired ones out, to the second", async () => {
    const { url, clock } = await startSimulated({ monthMs: 10_000 });
    await create(url, 1);
    await create(url, 2);
    const counts = [];
    for (const ms of [9_999, 1, 10_000]) {
      clock.advanceNow(ms);
      const page = await (await call(url, certsPath())).json();
      counts.push((page as { totalCount: number }).totalCount);
    }
    expect(counts).toEqual([2, 1, 0]);
  });

  test("remembers the expired ones for the controls", async () => {
    const { url, clock, simulator } = await startSimulated({ monthMs: 10_000 });
    await create(url, 1);
    clock.advanceNow(60_000);
    expect(simulator.certificates(PRODUCTION, "orders-api")).toHaveLength(1);
  });

  test("pages through all of them, with links to the neighbours", async () => {
    const { url } = await startSimulated();
    for (let count = 0; count < 5; count++) await create(url);
    const pages = [];
    for (const pageNum of [1, 2, 3, 4]) {
      const response = await call(url, `${certsPath()}?itemsPerPage=2&pageNum=${pageNum}`);
      const { results, links } = (await response.json()) as { results: { _id: number }[]; links: { rel: string }[] };
      pages.push([results.length, links.map(({ rel }) => rel).join(" ")]);
    }
    expect(pages).toEqual([
      [2, "self next"],
      [2, "self previous next"],
      [1, "self previous"],
      [0, "self previous"],
    ]);
  });

  test("orders the parameters of a link to a neighbour as the real API does", async () => {
    const { url } = await startSimulated();
    await create(url);
    await create(url);
    const response = await call(url, `${certsPath()}?itemsPerPage=1`);
    expect(await response.json()).toMatchObject({
      links: [
        { href: `${url}${certsPath()}?includeCount=true&pageNum=1&itemsPerPage=1`, rel: "self" },
        { href: `${url}${certsPath()}?includeCount=true&itemsPerPage=1&pageNum=2`, rel: "next" },
      ],
    });
  });

  test("leaves the count out when told to", async () => {
    const { url } = await startSimulated();
    expect(await (await call(url, `${certsPath()}?includeCount=false`)).json()).not.toHaveProperty("totalCount");
  });

  test.each(["itemsPerPage=0", "itemsPerPage=501", "itemsPerPage=x", "pageNum=0", "pageNum=1.5", "includeCount=yes"])(
    "refuses %s",
    async (query) => {
      const { url } = await startSimulated();
      expect(await errorOf(await call(url, `${certsPath()}?${query}`))).toMatchObject({
        status: 400,
        body: { errorCode: "INVALID_QUERY_PARAMETER", parameters: [query.split("=")[0]] },
      });
    },
  );

  test("keeps the users and the projects apart", async () => {
    const { url } = await startSimulated();
    await create(url);
    for (const path of [certsPath("billing"), certsPath("orders-api", STAGING)]) {
      expect(await (await call(url, path)).json()).toMatchObject({ totalCount: 0 });
    }
  });

  test("does not list a certificate that was forgotten", async () => {
    const { url, simulator } = await startSimulated();
    await create(url);
    const serial = simulator.certificates(PRODUCTION, "orders-api")[0]?.serialNumber ?? "";
    simulator.forgetCertificate(PRODUCTION, serial);
    expect(await (await call(url, certsPath())).json()).toMatchObject({ results: [], totalCount: 0 });
  });
});

describe("customer-managed X.509", () => {
  const PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
  const path = `/api/atlas/v2/groups/${PRODUCTION}/userSecurity`;

  test("shows its CA while it is on", async () => {
    const { url, simulator } = await startSimulated();
    simulator.setCustomerManagedX509(PRODUCTION, PEM);
    expect(await (await call(url, path)).json()).toMatchObject({ customerX509: { cas: PEM } });
  });

  test("shows no CA while it is off", async () => {
    const { url } = await startSimulated();
    expect(await (await call(url, path)).json()).toEqual({
      customerX509: {},
      ldap: { authenticationEnabled: false, authorizationEnabled: false },
    });
  });

  test("is switched on with a CA", async () => {
    const { url, simulator } = await startSimulated();
    const body = JSON.stringify({ customerX509: { cas: PEM } });
    const response = await call(url, path, { method: "PATCH", body });
    expect([response.status, await response.json()]).toMatchObject([202, { customerX509: { cas: PEM } }]);
    expect(simulator.projects[0]).toMatchObject({ customerManagedX509: PEM });
    expect((await create(url)).status).toBe(400);
  });

  test("is not switched on by an attribute that does not exist", async () => {
    const { url } = await startSimulated();
    const response = await call(url, path, { method: "PATCH", body: JSON.stringify({ x509: {} }) });
    expect(await errorOf(response)).toMatchObject({ status: 400, body: { errorCode: "INVALID_ATTRIBUTE" } });
  });

  test("is switched off with 202, and for good", async () => {
    const { url, simulator } = await startSimulated();
    simulator.setCustomerManagedX509(PRODUCTION, PEM);
    const response = await call(url, `${path}/customerX509`, { method: "DELETE" });
    expect([response.status, await response.json()]).toMatchObject([202, { customerX509: {} }]);
    expect(simulator.projects[0]).not.toHaveProperty("customerManagedX509");
  });
});
