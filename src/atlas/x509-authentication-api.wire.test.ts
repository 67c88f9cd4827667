import { describe, expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { ApiUnderTest } from "./testing/api-under-test.ts";
import { answer } from "./testing/recording-server.ts";
import { CLIENT_SECRET, GROUP_ID, PEM, pageBody, USERNAME } from "./testing/samples.ts";

const MEDIA_TYPE = "application/vnd.atlas.2023-01-01+json";
const USER_AGENT = `atlas-cert-operator/${packageJson.version}`;
const USER = { groupId: GROUP_ID, username: USERNAME };

describe("what goes over the wire, every byte", () => {
  test("of the request for an access token", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, pageBody([]))] });
    await under.api.listDatabaseUserCertificates(USER);
    const basic = Buffer.from(`mdb_sa_id_0123:${CLIENT_SECRET}`).toString("base64");
    expect(under.tokenRequests[0]?.head.split("\r\n")).toEqual([
      "POST /api/oauth/token HTTP/1.1",
      `host: 127.0.0.1:${under.server.port}`,
      "connection: close",
      "Accept: application/json",
      `Authorization: Basic ${basic}`,
      "Content-Type: application/x-www-form-urlencoded",
      "Accept-Encoding: identity",
      `User-Agent: ${USER_AGENT}`,
      "content-length: 29",
    ]);
    expect(under.tokenRequests[0]?.body).toBe("grant_type=client_credentials");
  });

  test("of createDatabaseUserCertificate", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(201, PEM)] });
    await under.api.createDatabaseUserCertificate({ ...USER, userCert: { monthsUntilExpiration: 6 } });
    expect(under.calls[0]?.head.split("\r\n")).toEqual([
      `POST /api/atlas/v2/groups/${GROUP_ID}/databaseUsers/orders-api/certs HTTP/1.1`,
      `host: 127.0.0.1:${under.server.port}`,
      "connection: close",
      `Accept: ${MEDIA_TYPE}`,
      `Content-Type: ${MEDIA_TYPE}`,
      "Authorization: Bearer token-1",
      "Accept-Encoding: identity",
      `User-Agent: ${USER_AGENT}`,
      "content-length: 27",
    ]);
    expect(under.calls[0]?.body).toBe('{"monthsUntilExpiration":6}');
  });

  test("of listDatabaseUserCertificates", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, pageBody([]))] });
    await under.api.listDatabaseUserCertificates({ ...USER, includeCount: false, itemsPerPage: 7, pageNum: 2 });
    expect(under.calls[0]?.head.split("\r\n")).toEqual([
      `GET /api/atlas/v2/groups/${GROUP_ID}/databaseUsers/orders-api/certs?includeCount=false&itemsPerPage=7&pageNum=2 HTTP/1.1`,
      `host: 127.0.0.1:${under.server.port}`,
      "connection: keep-alive",
      `Accept: ${MEDIA_TYPE}`,
      "Authorization: Bearer token-1",
      "Accept-Encoding: identity",
      `User-Agent: ${USER_AGENT}`,
    ]);
  });

  test("of disableCustomerManagedX509", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(202, { customerX509: {} })] });
    await under.api.disableCustomerManagedX509({ groupId: GROUP_ID });
    expect(under.calls[0]?.head.split("\r\n")).toEqual([
      `DELETE /api/atlas/v2/groups/${GROUP_ID}/userSecurity/customerX509 HTTP/1.1`,
      `host: 127.0.0.1:${under.server.port}`,
      "connection: close",
      `Accept: ${MEDIA_TYPE}`,
      "Authorization: Bearer token-1",
      "Accept-Encoding: identity",
      `User-Agent: ${USER_AGENT}`,
    ]);
  });

  test("of getUserSecurity", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, { customerX509: {} })] });
    await under.api.getUserSecurity({ groupId: GROUP_ID });
    expect(under.calls[0]?.head.split("\r\n")[0]).toBe(`GET /api/atlas/v2/groups/${GROUP_ID}/userSecurity HTTP/1.1`);
  });

  test("of getDatabaseUser", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, { x509Type: "MANAGED" })] });
    await under.api.getDatabaseUser({ groupId: GROUP_ID, username: "CN=a,OU=b" });
    expect(under.calls[0]?.head.split("\r\n")[0]).toBe(
      `GET /api/atlas/v2/groups/${GROUP_ID}/databaseUsers/%24external/CN%3Da%2COU%3Db HTTP/1.1`,
    );
  });

  test.each([
    ["CN=orders,OU=shop/eu", "CN%3Dorders%2COU%3Dshop%2Feu"],
    ["a+b c%20d", "a%2Bb%20c%2520d"],
    ["Größe&?#", "Gr%C3%B6%C3%9Fe%26%3F%23"],
    ["../../x", "..%2F..%2Fx"],
  ])("of the username %j in the path", async (username, encoded) => {
    await using under = await ApiUnderTest.start({ answers: [answer(200, pageBody([]))] });
    await under.api.listDatabaseUserCertificates({ groupId: GROUP_ID, username });
    expect(under.calls[0]?.target).toBe(`/api/atlas/v2/groups/${GROUP_ID}/databaseUsers/${encoded}/certs`);
  });

  test("of a create that leaves the lifetime to Atlas", async () => {
    await using under = await ApiUnderTest.start({ answers: [answer(201, PEM)] });
    await under.api.createDatabaseUserCertificate(USER);
    expect(under.calls[0]?.body).toBe("{}");
  });
});
