import { beforeEach, describe, expect, test } from "vitest";
import { NOW } from "../controllers/user-certificate/testing/snapshots.ts";
import { KubeError } from "../kube/kube-error.ts";
import { LEASES } from "../kube/lease/lease-object.ts";
import { DEFINITIONS, DEPLOYMENTS, POLICIES } from "./kinds.ts";
import { CheckScene, definitions, deployment, forbidden, HOME, lease } from "./testing/check-scene.ts";

let scene: CheckScene;
beforeEach(() => {
  scene = new CheckScene();
});

describe("the installation", () => {
  test("a CustomResourceDefinition that is missing or older fails", async () => {
    const { memory } = scene.cluster;
    const [userCertificates, projects] = definitions();
    const older = structuredClone(userCertificates) as never as {
      spec: {
        versions: [
          { schema: { openAPIV3Schema: { properties: { status: { properties: Record<string, unknown> } } } } },
        ];
      };
    };
    delete older.spec.versions[0].schema.openAPIV3Schema.properties.status.properties.lastAttempt;
    memory.put(DEFINITIONS, older as never);
    memory.remove(DEFINITIONS, { name: projects?.metadata.name ?? "" });
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "fail  CustomResourceDefinition atlasusercertificates.atlascerts.io is older than this version
            (0.1.0): it lacks status.lastAttempt.
            $ helm upgrade certs deploy/charts/atlas-cert-operator --namespace=operators \\
               --reset-then-reuse-values
      fail  CustomResourceDefinition atlasprojectx509s.atlascerts.io is not installed.
            $ helm upgrade certs deploy/charts/atlas-cert-operator --namespace=operators \\
               --reset-then-reuse-values"
    `);
    expect((await scene.run()).exitCode).toBe(3);
  });

  test("an operator that is not there fails, and the page that says how to install it is named", async () => {
    scene.cluster.memory.remove(DEPLOYMENTS, { namespace: HOME, name: "operator" });
    scene.cluster.memory.remove(POLICIES, { name: "atlas-cert-operator.operators" });
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "fail  No Deployment of the operator was found.
            docs/install.md says how to install it.
      warn  No admission policy limits which Secrets the operator may write.
            docs/install.md says how to install it."
    `);
  });

  test("of an operator that Helm does not manage, no command names a release", async () => {
    const { metadata, ...rest } = deployment();
    const { "app.kubernetes.io/managed-by": _, ...labels } = metadata.labels;
    scene.cluster.memory.put(DEPLOYMENTS, { metadata: { ...metadata, labels }, ...rest });
    scene.denied.add("patch secrets");
    scene.cluster.memory.remove(POLICIES, { name: "atlas-cert-operator.operators" });
    const text = await scene.flaws();
    expect(text).not.toContain("helm");
    expect(text).toContain("docs/install.md");
  });

  test("an operator without a ready pod fails, and one of another version is worth a word", async () => {
    scene.cluster.memory.put(DEPLOYMENTS, deployment({ readyReplicas: 0, version: "9.9.9" }));
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "fail  Deployment operators/operator, version 9.9.9: 0 ready.
            $ kubectl describe pods -n operators -l \\
               app.kubernetes.io/name=atlas-cert-operator,app.kubernetes.io/component=operator
      warn  Deployment operators/operator is of version 9.9.9, and this command of version 0.1.0.
            Use the command of the operator's version."
    `);
  });

  test.each([
    ["is held by no one", lease({ holderIdentity: "" }), "fail  Lease operators/atlas-cert-operator has no holder"],
    ["is old", lease({ renewedMs: NOW - 60_000 }), "was last renewed 1m ago by pod-1"],
    [
      "has another name",
      lease({ renewedMs: NOW, name: "other" }),
      "Lease operators/atlas-cert-operator does not exist",
    ],
  ])("a lease that %s fails", async (_, wrong, sentence) => {
    scene.cluster.memory.remove(LEASES, { namespace: HOME, name: "atlas-cert-operator" });
    scene.cluster.memory.put(LEASES, wrong);
    expect(await scene.flaws()).toContain(sentence);
  });

  test("a holder whose clock is ahead is a warning", async () => {
    scene.cluster.memory.put(LEASES, lease({ renewedMs: NOW + 600_000 }));
    expect(await scene.flaws()).toContain("Its clock is 10m ahead of that of this machine");
  });

  test("the flags of the operator say which lease it has, or that it has none", async () => {
    scene.cluster.memory.put(LEASES, lease({ holderIdentity: "pod-2", renewedMs: NOW, name: "other" }));
    scene.cluster.memory.put(DEPLOYMENTS, deployment({ args: ["--lease-name=other"] }));
    expect((await scene.run()).text).toContain("Lease operators/other is held by pod-2.");
    scene.cluster.memory.put(DEPLOYMENTS, deployment({ args: ["--leader-elect=false"] }));
    expect((await scene.run()).text).not.toContain("Lease");
  });

  test("rights that the operator lacks are named", async () => {
    scene.denied.add("patch secrets").add("list pods").add("watch atlasprojectx509s");
    expect((await scene.run()).sentences).toContain(
      "lacks rights in namespace shop: patch secrets, list pods, watch atlasprojectx509s.",
    );
    scene.cluster.memory.put(DEPLOYMENTS, deployment({ args: ["--consumers=false"] }));
    expect(await scene.flaws()).not.toContain("list pods");
  });

  test("without an admission policy, or without the kind, a warning says what is missing", async () => {
    scene.cluster.memory.remove(POLICIES, { name: "atlas-cert-operator.operators" });
    expect(await scene.flaws()).toContain("warn  No admission policy limits");
    const missing = new KubeError({ reason: "NotFound", operation: "list" });
    scene.cluster.failing.set("validatingadmissionpolicies.admissionregistration.k8s.io", missing);
    expect(await scene.flaws()).toContain("they need Kubernetes 1.30");
    expect((await scene.run()).exitCode).toBe(0);
  });

  test("without the rights to read the installation, a line says so, and the rest is checked", async () => {
    scene.cluster.failing.set("deployments.apps", forbidden);
    scene.cluster.failing.set("validatingadmissionpolicies.admissionregistration.k8s.io", forbidden);
    scene.cluster.memory.fault = ({ what }) => (what.startsWith("customresourcedefinitions") ? forbidden : undefined);
    const { exitCode, text } = await scene.run();
    expect(text).toMatchInlineSnapshot(`
      "Installation
      ?     CustomResourceDefinition atlasusercertificates.atlascerts.io: not readable.
      ?     CustomResourceDefinition atlasprojectx509s.atlascerts.io: not readable.
      ?     CustomResourceDefinition atlascustomerx509removals.atlascerts.io: not readable.
      ?     The operator's Deployment: you may not list Deployments in its namespace.
      ?     The operator's admission policies: not readable.

      Atlas project 32b6e34b3d91647abb20e7b8
      ok    Atlas accepts service account mdb_sa_id_0123 as Project Owner.
      ok    Customer-managed X.509 is off, so Atlas issues certificates.
      ok    The clock of this machine agrees with that of Atlas.
      ok    Database user orders-api has x509Type MANAGED (2 unexpired certificates).

      Resources
      ok    shop/orders-api is Ready: Issued.

      5 ok, 5 not checked."
    `);
    expect(exitCode).toBe(0);
  });

  test("without the rights to read the lease and to review access, a line says so", async () => {
    scene.denied.add("reviews");
    scene.cluster.memory.fault = ({ what }) => (what.startsWith("leases") ? forbidden : undefined);
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "?     Lease operators/atlas-cert-operator: not readable.
      ?     ServiceAccount operators/operator: you may not review its rights."
    `);
  });

  test("another failure of the API server ends the check", async () => {
    scene.cluster.failing.set("deployments.apps", new KubeError({ reason: "Unavailable", operation: "list" }));
    await expect(scene.run()).rejects.toThrow("Unavailable");
  });

  test("of several operators, that of the namespace says how many certificates a user may have", async () => {
    const { memory } = scene.cluster;
    memory.put(DEPLOYMENTS, deployment({ args: ["--watch-namespaces=billing", "--max-unexpired-per-user=3"] }));
    expect((await scene.run()).text).toContain("(2 unexpired certificates).");
    const { metadata, ...rest } = deployment({
      args: ["--watch-namespaces=billing, shop", "--max-unexpired-per-user=2"],
    });
    memory.put(DEPLOYMENTS, { metadata: { ...metadata, namespace: "others" }, ...rest });
    const { text } = await scene.run();
    expect(text).toContain("(2 unexpired certificates, at most 2).");
    // The other one needs no rights here.
    expect(text.match(/ServiceAccount \S+ has its rights in namespace shop/g)).toEqual([
      "ServiceAccount others/operator has its rights in namespace shop",
    ]);
  });
});
