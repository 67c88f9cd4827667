import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Credentials } from "../../../src/simulator/fixtures.ts";
import { type Simulator, startSimulator } from "../../../src/simulator/simulator.ts";
import { type AtlasGo, type AtlasGoReport, buildAtlasGo } from "../../library/atlas-go.ts";

const PROJECT = "32b6e34b3d91647abb20e7b8";
const DISTINGUISHED_NAME = "CN=reports,OU=analytics,O=Example";

let atlasGo: AtlasGo;
beforeAll(async () => {
  atlasGo = await buildAtlasGo();
  // The first build on a machine compiles half of Go's standard library.
}, 600_000);
afterAll(() => atlasGo?.[Symbol.asyncDispose]());

function useAtlas(atlas: Simulator, kind: "digest" | "oauth", username: string): Promise<AtlasGoReport> {
  const owner = (wanted: Credentials["kind"]) => atlas.credentials.find((each) => each.kind === wanted);
  const account = owner(kind === "digest" ? "apiKey" : "serviceAccount");
  if (account === undefined) throw new Error("the simulator lacks credentials");
  const [login, secret] =
    account.kind === "apiKey"
      ? [account.publicApiKey, account.privateApiKey]
      : [account.clientId, account.clientSecret];
  return atlasGo.run({ baseUrl: atlas.url, projectId: PROJECT, username, kind, login, secret });
}

describe("MongoDB's own Go code can't tell the simulator from Atlas:", () => {
  test.each([
    { kind: "oauth", as: "a service account", username: "orders-api", digestAlgorithm: "MD5" },
    { kind: "oauth", as: "a service account", username: DISTINGUISHED_NAME, digestAlgorithm: "MD5" },
    { kind: "digest", as: "API keys", username: "orders-api", digestAlgorithm: "MD5" },
    { kind: "digest", as: "API keys", username: DISTINGUISHED_NAME, digestAlgorithm: "MD5" },
    { kind: "digest", as: "API keys", username: "orders-api", digestAlgorithm: "SHA-256" },
  ] as const)("with $as ($digestAlgorithm) for $username", async ({ kind, username, digestAlgorithm }) => {
    await using atlas = await startSimulator({ keyAlgorithm: "ec-p256", digestAlgorithm });
    atlas.setCustomerManagedX509(PROJECT, "-----BEGIN CERTIFICATE-----\n");
    const { legacy, current } = await useAtlas(atlas, kind, username);

    const issued = atlas.certificates(PROJECT, username).map(({ serialNumber }) => serialNumber);
    expect(issued).toEqual([legacy.created, current.created]);
    expect(legacy.listed).toEqual(issued.slice(0, 1));
    expect(current.listed).toEqual(issued);
    expect([legacy.customerX509, current.customerX509]).toEqual([
      [true, false],
      [false, false],
    ]);
    for (const { subject, unknownUser, badMonths } of [legacy, current]) {
      expect(subject).toContain(username === DISTINGUISHED_NAME ? "OU=analytics" : "CN=orders-api");
      expect([unknownUser, badMonths]).toEqual(["USERNAME_NOT_FOUND", "VALIDATION_ERROR"]);
    }
  });

  test.each(["oauth", "digest"] as const)("the calls around certificates, with %s", async (kind) => {
    await using atlas = await startSimulator({ keyAlgorithm: "ec-p256" });
    const { users } = await useAtlas(atlas, kind, "orders-api");
    expect(users).toEqual({
      x509Types: ["MANAGED", "MANAGED"],
      listed: true,
      selfManaged: "USER_NOT_MANAGED_X509",
      customerX509: "CANNOT_GENERATE_CERT_IF_ADVANCED_X509",
      anew: 0,
      deleted: "USERNAME_NOT_FOUND",
    });
  });

  test("it learns that its secret is wrong", async () => {
    await using atlas = await startSimulator({ keyAlgorithm: "ec-p256" });
    const options = { baseUrl: atlas.url, projectId: PROJECT, username: "orders-api", secret: "wrong" };
    const login = "mdb_sa_id_000000000000000000000001";
    await expect(atlasGo.run({ ...options, kind: "oauth", login })).rejects.toThrow("invalid_client");
  });
});
