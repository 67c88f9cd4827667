import { beforeEach, expect, test } from "vitest";
import { commandLines, quoted } from "./check.ts";
import { CheckScene } from "./testing/check-scene.ts";

let scene: CheckScene;
beforeEach(() => {
  scene = new CheckScene();
});

test("an installation without a flaw is ok everywhere", async () => {
  const { exitCode, text } = await scene.run();
  expect(text).toMatchInlineSnapshot(`
    "Installation
    ok    CustomResourceDefinition atlasusercertificates.atlascerts.io is current.
    ok    CustomResourceDefinition atlasprojectx509s.atlascerts.io is current.
    ok    CustomResourceDefinition atlascustomerx509removals.atlascerts.io is current.
    ok    Deployment operators/operator, version 0.1.0: 2 ready.
    ok    Lease operators/atlas-cert-operator is held by pod-1.
    ok    ServiceAccount operators/operator has its rights in namespace shop.
    ok    The operator's admission policies are installed.

    Atlas project 32b6e34b3d91647abb20e7b8
    ok    Atlas accepts service account mdb_sa_id_0123 as Project Owner.
    ok    Customer-managed X.509 is off, so Atlas issues certificates.
    ok    The clock of this machine agrees with that of Atlas.
    ok    Database user orders-api has x509Type MANAGED (2 unexpired certificates, at most 10).

    Resources
    ok    shop/orders-api is Ready: Issued.

    12 ok."
  `);
  expect(exitCode).toBe(0);
});

test("as data, each command is a line for a shell", async () => {
  scene.users.clear();
  expect(JSON.stringify((await scene.run()).data)).toContain(
    "atlas dbusers create --username=orders-api --x509Type=MANAGED",
  );
});

test("a name in a command runs nothing else", async () => {
  expect(["$external", "CN=a b", "it's; rm -rf /", "plain@a.b"].map(quoted)).toEqual([
    "'$external'",
    "'CN=a b'",
    "'it'\\''s; rm -rf /'",
    "plain@a.b",
  ]);
  expect(commandLines(["atlas", "dbusers", "--username=a --b"], 30)).toEqual([
    "$ atlas dbusers \\",
    "   '--username=a --b'",
  ]);
});
