import { beforeAll, describe, expect, test } from "vitest";
import {
  create,
  DEFAULTS,
  type JsonObject,
  LEAST_SPEC,
  merged,
  namespaceOfFile,
  stored,
  tryCreate,
  tryUpdate,
} from "./sample.ts";

const namespace = namespaceOfFile("accepted");

const CONNECTION_STRING = {
  host: "cluster0.abcde.mongodb.net",
  scheme: "mongodb+srv",
  database: "orders",
  mountPath: "/etc/mongodb",
  options: { appName: "orders & more", retryWrites: "true" },
};

const THROUGH_PROJECT = { projectRef: { name: "production" }, projectId: null, credentialsRef: null };

const ACCEPTED_SPECS: readonly (readonly [what: string, change: JsonObject])[] = [
  ["a username of one character", { username: "u" }],
  ["a username of 1024 characters", { username: "u".repeat(1024) }],
  ["a username of 1024 characters outside ASCII", { username: "ü".repeat(1024) }],
  ["a distinguished name", { username: "CN=reports,OU=analytics,O=Example,C=DE" }],
  ["a distinguished name with blanks and slashes", { username: "CN=orders api/eu-west, OU=Shop / Web" }],
  ["a distinguished name with UTF-8", { username: "CN=Bücher,O=Müller & Söhne,L=Zürich" }],
  ["a distinguished name with escapes", { username: "CN=Doe\\, Jane+UID=7,O=A\\+B\\=C" }],
  ["a username in another script", { username: "注文サービス" }],
  ["a username with characters that URLs give a meaning to", { username: "orders+api%2F?#&=@example.com" }],
  ["a username that is an ARN", { username: "arn:aws:iam::123456789012:user/orders" }],
  ["a username of dots and more", { username: "..orders" }],
  ["1 month", { monthsUntilExpiration: 1 }],
  ["24 months", { monthsUntilExpiration: 24 }],
  ["a username with spaces inside", { username: "orders api\u00a0eu" }],
  ["a username with combining marks and an emoji", { username: "bu\u0308cher-\u{1f4da}" }],
  ["the shortest renewBefore", { renewBefore: "24h" }],
  ["the shortest renewBefore in seconds", { renewBefore: "86400s" }],
  ["a renewBefore in three units", { renewBefore: "36h30m10s" }],
  ["a renewBefore an hour short of three short months", { renewBefore: "2015h" }],
  ["a renewBefore a second short of three short months", { renewBefore: "2015h59m59s" }],
  ["a renewBefore an hour short of one short month", { renewBefore: "671h", monthsUntilExpiration: 1 }],
  ["a renewBefore an hour short of 24 short months", { renewBefore: "16127h", monthsUntilExpiration: 24 }],
  ["1 percent", { renewBeforePercentage: 1 }],
  ["99 percent", { renewBeforePercentage: 99 }],
  ["a secret name of one character", { secretName: "s" }],
  ["a secret name of 253 characters", { secretName: "s".repeat(253) }],
  ["a secret name with dots, dashes and digits", { secretName: "1.orders-api.v2" }],
  ["a project that grants it the user", THROUGH_PROJECT],
  ["the usual name of the credentials Secret without one", { ...THROUGH_PROJECT, secretName: "atlas-api" }],
  ["another credentials Secret", { credentialsRef: { name: "atlas.staging" } }],
  [
    "restarts of workloads of one name",
    { rolloutRestart: ["Deployment", "StatefulSet", "DaemonSet"].map((kind) => ({ kind, name: "orders.v2" })) },
  ],
  ["an empty template", { secretTemplate: {} }],
  ["an empty label value", { secretTemplate: { labels: { app: "" } } }],
  ["a label value of 63 characters", { secretTemplate: { labels: { app: "v".repeat(63) } } }],
  ["a label with somebody's prefix", { secretTemplate: { labels: { "app.kubernetes.io/name": "Orders_api.v2" } } }],
  ["a label with a name of 63 characters", { secretTemplate: { labels: { ["n".repeat(63)]: "x" } } }],
  ["a label with a prefix of 253 characters", { secretTemplate: { labels: { [`${"p".repeat(253)}/app`]: "x" } } }],
  ["an annotation with any text", { secretTemplate: { annotations: { note: "Für den\nBestelldienst / EU\t✓" } } }],
  ["a connection string with all of its parts", { connectionString: CONNECTION_STRING }],
  [
    "a connection string to several hosts",
    {
      connectionString: {
        ...CONNECTION_STRING,
        scheme: "mongodb",
        host: "a.example.com:27017,b.example.com,localhost:1",
      },
    },
  ],
  [
    "a mount path with spaces and UTF-8",
    { connectionString: { ...CONNECTION_STRING, mountPath: "/run/Bücher 1/..x/" } },
  ],
  ["a keystore", { keystores: { pkcs12: { passwordSecretRef: { name: "keystore", key: "p12.password" } } } }],
  ["no keystore", { keystores: {} }],
  ["the deletion policy Delete", { deletionPolicy: "Delete" }],
  ["suspension", { suspend: true }],
];

describe("the API server, asked to create a resource,", () => {
  test("fills in 3 months, Retain and no suspension", async () => {
    expect(stored(await tryCreate(namespace, {})).spec).toEqual({
      ...LEAST_SPEC,
      monthsUntilExpiration: 3,
      userSharedWithOtherClusters: false,
      deletionPolicy: "Retain",
      suspend: false,
    });
  });

  test("fills in the scheme and the mount path of a connection string", async () => {
    const { spec } = stored(await tryCreate(namespace, { connectionString: { host: "a.b.mongodb.net" } }));
    expect(spec).toMatchObject({
      connectionString: { host: "a.b.mongodb.net", scheme: "mongodb+srv", mountPath: "/etc/mongodb" },
    });
  });

  test.each(ACCEPTED_SPECS)("takes %s as it is, and adds the defaults", async (_, change) => {
    const { spec } = stored(await tryCreate(namespace, change));
    expect(spec).toEqual(merged({ ...DEFAULTS, ...LEAST_SPEC }, change));
  });
});

describe("the API server, asked to change a resource,", () => {
  beforeAll(() => create(namespace, "stored"));

  test.each(ACCEPTED_SPECS)("takes %s as it is, and leaves the rest alone", async (_, change) => {
    const { spec } = stored(await tryUpdate(namespace, "stored", change));
    expect(spec).toEqual(merged({ ...DEFAULTS, ...LEAST_SPEC }, change));
  });

  test("goes back to the defaults where a field is taken away", async () => {
    const others = { monthsUntilExpiration: 12, deletionPolicy: "Delete", suspend: true, renewBefore: "720h" };
    await create(namespace, "changed", others);
    const without = { monthsUntilExpiration: null, deletionPolicy: null, suspend: null, renewBefore: null };
    expect(stored(await tryUpdate(namespace, "changed", without)).spec).toEqual({ ...DEFAULTS, ...LEAST_SPEC });
  });
});
