import { expect, test } from "vitest";
import { base64, SECRET_TYPE, secretData } from "../certificate/secret-data.ts";
import { issuePair, issuePem } from "../certificate/testing.ts";
import { SETTLED_STATUS } from "../controllers/user-certificate/testing/snapshots.ts";
import { SECRETS } from "../kube/core-types.ts";
import { inspectSecret } from "./inspect.ts";
import { object, PAGE, TestCluster } from "./testing/test-cluster.ts";

const pair = await issuePair({ subject: "CN=orders-api", serialHex: "3e9" });
const other = await issuePem({ subject: "CN=Example CA,O=Example" });

function clusterWith(data: Readonly<Record<string, string>>, type: string = SECRET_TYPE): TestCluster {
  const cluster = new TestCluster(object("orders-api", {}, { ...SETTLED_STATUS, fingerprint: pair.facts.fingerprint }));
  cluster.memory.put(SECRETS, { metadata: { namespace: "shop", name: "orders-api-mongodb" }, type, data });
  return cluster;
}

test("decodes the certificate, checks it, and shows no byte of the key", async () => {
  const report = await inspectSecret(clusterWith(secretData(pair)), "orders-api");
  const text = report.lines(PAGE).join("\n");
  expect(
    text.replaceAll(/[0-9A-F:]{47,48}/g, "(fingerprint)").replaceAll(/ \d+ bytes/g, " N bytes"),
  ).toMatchInlineSnapshot(`
    "Secret shop/orders-api-mongodb
    ├─ Subject   CN=orders-api
    ├─ Issuer    CN=orders-api
    ├─ Serial    1001
    ├─ SHA-256   (fingerprint)
    │            (fingerprint)
    ├─ Valid     ━━━━━━●─────────────────────────────────◆───────────────────
    │            2030-01-01 00:00Z to 2030-04-01 00:00Z (in 80d)
    ├─ Key       EC prime256v1
    ├─ Chain     the certificate alone
    ├─ Files     tls.crt             N bytes
    │            tls.key             N bytes, never shown
    │            tls-combined.pem    N bytes, holds the key
    └─ Findings  ✓ The type is kubernetes.io/tls.
                 ✓ The private key belongs to the certificate.
                 ✓ The subject is user orders-api.
                 ✓ It is the certificate in the status.
                 ✓ It is valid now.
                 ✓ The PEM files agree with each other."
  `);
  expect(report.exitCode).toBe(0);
  const everything = text + JSON.stringify(report.data);
  const key = pair.privateKeyPem.reveal();
  for (const line of key.split("\n").filter((each) => each !== "")) expect(everything).not.toContain(line);
  expect(everything).not.toContain(base64(key).slice(0, 40));
});

test("names the entries that hold the key, and no other one", async () => {
  const data = {
    ...secretData(pair),
    "keystore.p12": "AAAA",
    "ca.crt": "AAAA",
    connectionString: "AAAA",
    constructor: "",
  };
  const text = (await inspectSecret(clusterWith(data), "orders-api")).lines(PAGE).join("\n");
  expect([...text.matchAll(/(\S+) +\d+ bytes, holds the key/g)].map(([, name]) => name)).toEqual([
    "tls-combined.pem",
    "keystore.p12",
  ]);
  expect(text).toMatch(/ca\.crt +3 bytes$/m);
  expect(text).toMatch(/constructor +0 bytes$/m);
});

test("shows the rest of the chain", async () => {
  const chain = base64(pair.certificatePem + other.certificatePem);
  const report = await inspectSecret(clusterWith({ ...secretData(pair), "tls.crt": chain }), "orders-api");
  expect(report.lines(PAGE).join("\n")).toMatch(
    /Chain +O=Example,CN=Example CA, until 2030-04-01 00:00Z|Chain +CN=Example CA,O=Example, until 2030-04-01 00:00Z/,
  );
  expect(report.lines(PAGE).join("\n")).toContain("✗ The PEM files differ from each other.");
});

test.each([
  ["of another type", secretData(pair), "Opaque", "✗ The type is Opaque, not kubernetes.io/tls."],
  [
    "without a key",
    { "tls.crt": base64(pair.certificatePem) },
    SECRET_TYPE,
    "✗ The Secret is unusable: tls.key is missing.",
  ],
  [
    "with no certificate",
    { "tls.crt": base64("x"), "tls.key": base64("x") },
    SECRET_TYPE,
    "✗ The Secret is unusable: it holds no CERTIFICATE block.",
  ],
  [
    "with someone else's key",
    { ...secretData(pair), "tls.key": base64(other.keyPem) },
    SECRET_TYPE,
    "✗ The Secret is unusable: the private key does not belong to the certificate.",
  ],
  [
    "with a damaged certificate",
    { ...secretData(pair), "tls.crt": base64("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n") },
    SECRET_TYPE,
    "✗ The Secret is unusable: a certificate in it cannot be decoded.",
  ],
])("ends with 3 for a Secret %s", async (_, data, type, finding) => {
  const report = await inspectSecret(clusterWith(data, type), "orders-api");
  expect([report.exitCode, report.lines(PAGE).join("\n")]).toEqual([3, expect.stringContaining(finding)]);
});

test.each([
  ["of another user", { subject: "CN=billing" }, "✗ The subject is not user orders-api."],
  ["that has expired", { notAfter: new Date("2030-01-10T00:00:00Z") }, "✗ It has expired."],
  ["that is not valid yet", { notBefore: new Date("2030-02-01T00:00:00Z") }, "✗ It is not valid yet."],
  ["that the status does not know", {}, "✗ The status names another one: 1001."],
])("ends with 3 for a certificate %s", async (_, wishes, finding) => {
  const report = await inspectSecret(clusterWith(secretData(await issuePair(wishes))), "orders-api");
  expect([report.exitCode, report.lines(PAGE).join("\n")]).toEqual([3, expect.stringContaining(finding)]);
});

test("is a sentence where there is no Secret, or nothing to read", async () => {
  await expect(inspectSecret(new TestCluster(object()), "orders-api")).rejects.toThrow(
    "Secret orders-api-mongodb does not exist in namespace shop",
  );
  const unreadable = new TestCluster({ ...object(), spec: {} as never });
  await expect(inspectSecret(unreadable, "orders-api")).rejects.toThrow("this version cannot read orders-api");
});
