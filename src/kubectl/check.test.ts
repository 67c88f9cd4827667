import { beforeEach, describe, expect, test } from "vitest";
import { customResourceDefinition, KINDS } from "../api/crd.ts";
import { PROJECT_X509 } from "../api/project-x509.ts";
import type { UserCertificateSpec } from "../api/user-certificate.ts";
import type { AtlasErrorKind } from "../atlas/errors/atlas-error.ts";
import { atlasError } from "../controllers/user-certificate/testing/memory-atlas.ts";
import { NOW, PROJECT, SETTLED_STATUS } from "../controllers/user-certificate/testing/snapshots.ts";
import { SECRETS } from "../kube/core-types.ts";
import { KubeError } from "../kube/kube-error.ts";
import { LEASES } from "../kube/lease/lease-object.ts";
import { microTime } from "../kube/micro-time.ts";
import type { ReadOnlyAtlas } from "./atlas-checks.ts";
import { checkReport, commandLines, quoted } from "./check.ts";
import { checkSections } from "./check-sections.ts";
import { DEFINITIONS, DEPLOYMENTS, POLICIES } from "./kinds.ts";
import { object, PAGE, TestCluster } from "./testing.ts";

const HOME = "operators";
/** As parsed from crds/. */
const definitions = () =>
  KINDS.map((kind) => structuredClone(customResourceDefinition(kind)) as never as { metadata: { name: string } });
const forbidden = new KubeError({ reason: "Forbidden", operation: "test" });
const base64 = (text: string) => Buffer.from(text).toString("base64");

/** An installation without a flaw, and an Atlas that has user orders-api. */
class Scene {
  readonly cluster: TestCluster;
  readonly denied = new Set<string>();
  readonly users = new Map<string, string | undefined>([["orders-api", "MANAGED"]]);
  certificates = 2;
  customerX509: { cas?: string } = {};
  answeredAt: Date | undefined = new Date(NOW);
  fault: AtlasErrorKind | undefined;
  connections = 0;

  constructor(spec: Partial<UserCertificateSpec> = {}, status = SETTLED_STATUS) {
    const cluster = new TestCluster(object("orders-api", spec, status));
    const { memory } = cluster;
    for (const definition of definitions()) memory.put(DEFINITIONS, definition as never);
    memory.put(DEPLOYMENTS, deployment());
    memory.put(LEASES, lease());
    memory.put(POLICIES, { metadata: { name: "atlas-cert-operator.operators", labels: LABELS } });
    const data = { clientId: base64("mdb_sa_id_0123"), clientSecret: base64("a-secret") };
    const metadata = { labels: { "atlascerts.io/credentials": "true" } };
    memory.put(SECRETS, { metadata: { namespace: "shop", name: "atlas-api" }, data });
    memory.put(SECRETS, { metadata: { ...metadata, namespace: HOME, name: "production" }, data });
    // Reviews are answered, and stored nowhere.
    Object.assign(cluster.kube, {
      create: async (_: unknown, review: { spec: { resourceAttributes: { verb: string; resource: string } } }) => {
        if (this.denied.has("reviews")) throw forbidden;
        const { resource, verb } = review.spec.resourceAttributes;
        return { ...review, status: { allowed: !this.denied.has(`${verb} ${resource}`) } };
      },
    });
    this.cluster = cluster;
  }

  get atlas(): ReadOnlyAtlas {
    const user = (username: string) => {
      if (!this.users.has(username)) throw atlasError("userNotFound");
      return this.users.get(username);
    };
    return {
      getUserSecurity: async () => {
        if (this.fault !== undefined) throw atlasError(this.fault);
        return { customerX509: this.customerX509, answeredAt: this.answeredAt };
      },
      getDatabaseUser: async ({ username }) => ({ x509Type: user(username), answeredAt: undefined }),
      listAllDatabaseUserCertificates: async () => ({
        certificates: Array.from({ length: this.certificates }, (_, index) => {
          return { serialNumber: String(index), notAfter: new Date(NOW) };
        }),
        answeredAt: undefined,
      }),
    };
  }

  async run(operatorNamespace?: string, atlas = { origin: "https://cloud.mongodb.com", isGiven: false }) {
    const connect = () => {
      this.connections += 1;
      return this.atlas;
    };
    const report = checkReport(await checkSections(this.cluster, { connect, operatorNamespace, atlas }));
    const text = report.lines(PAGE).join("\n");
    return { ...report, text, sentences: text.replaceAll(/\s+/g, " ") };
  }

  /** The lines that are not ok. */
  async flaws(...options: Parameters<Scene["run"]>): Promise<string> {
    const { text } = await this.run(...options);
    const lines = text.split("\n").slice(0, -2);
    return lines
      .filter((_, index) => {
        const head = lines.slice(0, index + 1).findLast((one) => !one.startsWith(" ")) ?? "";
        return /^(?:warn|fail|\?) /.test(head);
      })
      .join("\n");
  }
}

const LABELS = {
  "app.kubernetes.io/name": "atlas-cert-operator",
  "app.kubernetes.io/component": "operator",
  "app.kubernetes.io/version": "0.1.0",
  "app.kubernetes.io/instance": "certs",
  "app.kubernetes.io/managed-by": "Helm",
};

function deployment(
  args: readonly string[] = [],
  readyReplicas = 2,
  version = "0.1.0",
  atlas = "https://cloud.mongodb.com",
) {
  const containers = [{ args: ["run", `--atlas-base-url=${atlas}`, "--projects", ...args] }];
  return {
    metadata: { namespace: HOME, name: "operator", labels: { ...LABELS, "app.kubernetes.io/version": version } },
    spec: { template: { spec: { serviceAccountName: "operator", containers } } },
    status: { readyReplicas },
  };
}

function lease(holderIdentity = "pod-1", renewedMs = NOW - 2_000, name = "atlas-cert-operator") {
  const spec = { holderIdentity, leaseDurationSeconds: 15, renewTime: microTime(renewedMs) };
  return { metadata: { namespace: HOME, name }, spec };
}

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
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
    scene.cluster.memory.put(DEPLOYMENTS, deployment([], 0, "9.9.9"));
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "fail  Deployment operators/operator, version 9.9.9: 0 ready.
            $ kubectl describe pods -n operators -l \\
               app.kubernetes.io/name=atlas-cert-operator,app.kubernetes.io/component=operator
      warn  Deployment operators/operator is of version 9.9.9, and this command of version 0.1.0.
            Use the command of the operator's version."
    `);
  });

  test.each([
    ["is held by no one", lease(""), "fail  Lease operators/atlas-cert-operator has no holder"],
    ["is old", lease("pod-1", NOW - 60_000), "was last renewed 1m ago by pod-1"],
    ["has another name", lease("pod-1", NOW, "other"), "Lease operators/atlas-cert-operator does not exist"],
  ])("a lease that %s fails", async (_, wrong, sentence) => {
    scene.cluster.memory.remove(LEASES, { namespace: HOME, name: "atlas-cert-operator" });
    scene.cluster.memory.put(LEASES, wrong);
    expect(await scene.flaws()).toContain(sentence);
  });

  test("a holder whose clock is ahead is a warning", async () => {
    scene.cluster.memory.put(LEASES, lease("pod-1", NOW + 600_000));
    expect(await scene.flaws()).toContain("Its clock is 10m ahead of that of this machine");
  });

  test("the flags of the operator say which lease it has, or that it has none", async () => {
    scene.cluster.memory.put(LEASES, lease("pod-2", NOW, "other"));
    scene.cluster.memory.put(DEPLOYMENTS, deployment(["--lease-name=other"]));
    expect((await scene.run()).text).toContain("Lease operators/other is held by pod-2.");
    scene.cluster.memory.put(DEPLOYMENTS, deployment(["--leader-elect=false"]));
    expect((await scene.run()).text).not.toContain("Lease");
  });

  test("rights that the operator lacks are named", async () => {
    scene.denied.add("patch secrets").add("list pods").add("watch atlasprojectx509s");
    expect((await scene.run()).sentences).toContain(
      "lacks rights in namespace shop: patch secrets, list pods, watch atlasprojectx509s.",
    );
    scene.cluster.memory.put(DEPLOYMENTS, deployment(["--consumers=false"]));
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
    memory.put(DEPLOYMENTS, deployment(["--watch-namespaces=billing", "--max-unexpired-per-user=3"]));
    expect((await scene.run()).text).toContain("(2 unexpired certificates).");
    const { metadata, ...rest } = deployment(["--watch-namespaces=billing, shop", "--max-unexpired-per-user=2"]);
    memory.put(DEPLOYMENTS, { metadata: { ...metadata, namespace: "others" }, ...rest });
    const { text } = await scene.run();
    expect(text).toContain("(2 unexpired certificates, at most 2).");
    // The other one needs no rights here.
    expect(text.match(/ServiceAccount \S+ has its rights in namespace shop/g)).toEqual([
      "ServiceAccount others/operator has its rights in namespace shop",
    ]);
  });
});

describe("where the operator asks another Atlas", () => {
  const GOVERNMENT = "https://cloud.mongodbgov.com";
  beforeEach(() => {
    scene.cluster.memory.put(DEPLOYMENTS, deployment([], 2, "0.1.0", GOVERNMENT));
  });

  test("the public Atlas is not asked", async () => {
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "warn  Deployment operators/operator asks https://cloud.mongodbgov.com, and this command
            https://cloud.mongodb.com.
            If the address of the operator is right, check with it.
            $ kubectl atlascerts check shop --atlas-base-url=https://cloud.mongodbgov.com
      ?     Atlas was not asked: the operator asks another address."
    `);
    expect([scene.connections, (await scene.run(HOME)).exitCode]).toEqual([0, 0]);
    expect((await scene.run(HOME)).text).toContain("--operator-namespace=operators");
  });

  test("an address that was given is asked, and its refusals advise no change of the credentials", async () => {
    scene.fault = "credentials";
    const { exitCode, sentences } = await scene.run(undefined, { origin: "https://cloud.mongodb.com", isGiven: true });
    expect([scene.connections, exitCode]).toEqual([1, 0]);
    expect(sentences).toContain("so this says nothing about its credentials.");
    expect(sentences).not.toContain("Put valid credentials");
  });

  test("the same address in other letters is the same Atlas", async () => {
    scene.cluster.memory.put(DEPLOYMENTS, deployment([], 2, "0.1.0", "https://Cloud.MongoDB.com:443/"));
    expect(await scene.flaws()).toBe("");
  });

  test.each<[string, { args: string[]; env?: { name: string; value: string }[] }]>([
    ["as two words", { args: ["run", "--atlas-base-url", GOVERNMENT] }],
    ["in the environment", { args: ["run"], env: [{ name: "ATLAS_CERTS_ATLAS_BASE_URL", value: GOVERNMENT }] }],
  ])("its address is found %s", async (_, container) => {
    const { spec: _spec, ...rest } = deployment();
    const template = { spec: { serviceAccountName: "operator", containers: [container] } };
    scene.cluster.memory.put(DEPLOYMENTS, { ...rest, spec: { template } });
    expect(await scene.flaws()).toContain("Atlas was not asked: the operator asks another address.");
  });

  test("an operator without a flag asks the public Atlas", async () => {
    const { spec: _spec, ...rest } = deployment();
    scene.cluster.memory.put(DEPLOYMENTS, {
      ...rest,
      spec: { template: { spec: { serviceAccountName: "operator" } } },
    });
    expect(await scene.flaws()).toBe("");
    expect(scene.connections).toBe(1);
  });

  test("an address that is none is shown, in a command that runs nothing else", async () => {
    scene.cluster.memory.put(DEPLOYMENTS, deployment([], 2, "0.1.0", "$(id)"));
    expect(await scene.flaws()).toContain("'--atlas-base-url=$(id)'");
    expect(scene.connections).toBe(0);
  });
});

describe("the credentials", () => {
  test.each<[string, AtlasErrorKind, string]>([
    ["that Atlas rejects", "credentials", "Put valid credentials into Secret shop/atlas-api"],
    ["of another project", "projectNotFound", "give the credentials access to that project"],
  ])("%s fail, and no user is asked about", async (_, kind, sentence) => {
    scene.fault = kind;
    const { exitCode, sentences } = await scene.run();
    expect([exitCode, sentences]).toEqual([3, expect.stringContaining(sentence)]);
    expect(sentences).not.toContain("Database user");
  });

  test("without the role fail, and the users are looked at nevertheless", async () => {
    scene.fault = "role";
    const { text } = await scene.run();
    expect(text).toContain("Grant the credentials in Secret shop/atlas-api the role Project Owner");
    expect(text).toContain("Database user orders-api has x509Type MANAGED");
  });

  test.each<[AtlasErrorKind, string]>([
    ["accessList", "The address of the cluster must be on that list"],
    ["unavailable", "machine that runs this command: check its --atlas-ca-file and HTTPS_PROXY."],
    ["badAnswer", "machine that runs this command: check its --atlas-ca-file and HTTPS_PROXY."],
    ["rateLimited", "Run the check again later."],
  ])("that cannot be tried from here (%s) are no failure: the operator is elsewhere", async (kind, sentence) => {
    scene.fault = kind;
    const { exitCode, sentences } = await scene.run();
    expect([exitCode, sentences]).toEqual([0, expect.stringContaining(sentence)]);
    expect(sentences).toContain(`warn Atlas says ${kind}.`);
  });

  test("that are missing come with the command that creates them", async () => {
    scene.cluster.memory.remove(SECRETS, { namespace: "shop", name: "atlas-api" });
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "fail  Secret shop/atlas-api does not exist.
            $ kubectl create secret generic atlas-api --namespace=shop --from-literal=clientId=… \\
               --from-literal=clientSecret=…"
    `);
    expect(scene.connections).toBe(0);
  });

  test("that are incomplete are described without a value", async () => {
    const data = { clientSecret: base64("a-secret") };
    scene.cluster.memory.put(SECRETS, { metadata: { namespace: "shop", name: "atlas-api" }, data });
    const { text } = await scene.run();
    expect(text).toContain("fail  Secret shop/atlas-api: The credentials hold clientSecret but not clientId");
    expect(text).not.toContain("a-secret");
  });

  test("that the user may not read are not used", async () => {
    scene.cluster.memory.fault = ({ what }) => (what.startsWith("secrets") ? forbidden : undefined);
    const { exitCode, text } = await scene.run();
    expect([exitCode, text]).toEqual([0, expect.stringContaining("you may not read it, so Atlas was not asked")]);
    expect(scene.connections).toBe(0);
  });
});

describe("the project and its users", () => {
  test("customer-managed X.509 fails with the command that disables it", async () => {
    scene.customerX509 = { cas: "PEM" };
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "fail  Customer-managed X.509 is on: Atlas issues no certificates.
            Disable it, which restarts the database, or use another project.
            $ atlas security customerCerts disable --projectId=32b6e34b3d91647abb20e7b8"
    `);
  });

  test("a clock that differs from that of Atlas is a warning", async () => {
    scene.answeredAt = new Date(NOW + 600_000);
    expect(await scene.flaws()).toContain("warn  This machine's clock is 10m behind Atlas' clock.");
    scene.answeredAt = new Date(NOW - 300_000);
    expect(await scene.flaws()).toContain("warn  This machine's clock is 5m ahead of Atlas' clock.");
    scene.answeredAt = undefined;
    expect((await scene.run()).text).not.toContain("clock");
  });

  test("a user that is missing, or of another type, fails with the command that corrects it", async () => {
    scene.users.clear();
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "fail  Database user orders-api does not exist, or X.509 does not authenticate it.
            $ atlas dbusers create --username=orders-api --x509Type=MANAGED \\
               --projectId=32b6e34b3d91647abb20e7b8 --role=readWrite@DATABASE"
    `);
    scene.users.set("orders-api", undefined);
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "fail  Database user orders-api has x509Type NONE, not MANAGED: Atlas issues no certificate for it.
            $ atlas dbusers update orders-api '--authDB=$external' --x509Type=MANAGED \\
               --projectId=32b6e34b3d91647abb20e7b8"
    `);
  });

  test("a user with as many certificates as are allowed is a warning", async () => {
    scene.certificates = 10;
    expect(await scene.flaws()).toContain("Only renewals that are due are issued");
    scene.cluster.memory.put(DEPLOYMENTS, deployment(["--max-unexpired-per-user=20"]));
    expect(await scene.flaws()).toBe("");
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
});

describe("a project with grants", () => {
  const spec = { projectId: undefined, credentialsRef: undefined, projectRef: { name: "production" } };
  const condition = { type: "Ready", reason: "Reachable", lastTransitionTime: "2030-01-01T00:00:00Z" };

  function withProject(status: "True" | "False" = "True", projectSpec: object = {}) {
    scene = new Scene(spec);
    scene.cluster.memory.put(PROJECT_X509, {
      metadata: { name: "production" },
      spec: { projectId: PROJECT, credentialsRef: { name: "production" }, ...projectSpec },
      status: { conditions: [{ ...condition, status, message: "The project is reachable." }] },
    } as never);
    return scene;
  }

  test("is asked about with its credentials in the operator's namespace", async () => {
    const { text } = await withProject().run();
    expect(text).toMatch(/AtlasProjectX509 production\nok {4}The project is reachable\.\nok {4}Atlas accepts/);
  });

  test("with customer-managed X.509 names the object that says how to disable it", async () => {
    withProject().customerX509 = { cas: "PEM" };
    expect(await scene.flaws()).toContain("$ kubectl describe apx production");
  });

  test("that is not reachable fails", async () => {
    expect(await withProject("False").flaws()).toContain("fail  The project is reachable.");
  });

  test("that was never reconciled is a warning", async () => {
    scene = withProject();
    scene.cluster.memory.put(PROJECT_X509, {
      metadata: { name: "production" },
      spec: { projectId: PROJECT, credentialsRef: { name: "production" } },
    } as never);
    expect(await scene.flaws()).toContain("warn  The operator has not reconciled it yet.");
  });

  test("that does not exist, or cannot be read, fails", async () => {
    expect(await new Scene(spec).flaws()).toContain("fail  AtlasProjectX509 production does not exist.");
    expect(await withProject("True", { projectId: 7 }).flaws()).toContain("fail  This version cannot read it");
  });

  test("whose credentials are not labelled fails with the command that labels them", async () => {
    scene = withProject();
    scene.cluster.memory.put(SECRETS, { metadata: { namespace: HOME, name: "production", labels: {} } });
    expect(await scene.flaws()).toContain(
      "$ kubectl label secret production --namespace=operators atlascerts.io/credentials=true",
    );
  });

  test("whose credentials do not exist fails with the commands that create and label them", async () => {
    scene = withProject();
    scene.cluster.memory.remove(SECRETS, { namespace: HOME, name: "production" });
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "fail  Secret operators/production does not exist.
            $ kubectl create secret generic production --namespace=operators --from-literal=clientId=… \\
               --from-literal=clientSecret=…
            $ kubectl label secret production --namespace=operators atlascerts.io/credentials=true"
    `);
    expect(JSON.stringify((await scene.run()).data)).toContain(
      "clientSecret=… && kubectl label secret production --namespace=operators atlascerts.io/credentials=true",
    );
  });

  test("is asked about in the namespace of the operator that serves projects", async () => {
    scene = withProject();
    const { metadata, ...rest } = deployment(["--projects=false", "--watch-namespaces=shop"]);
    scene.cluster.memory.remove(DEPLOYMENTS, { namespace: HOME, name: "operator" });
    scene.cluster.memory.put(DEPLOYMENTS, { metadata: { ...metadata, namespace: "first" }, ...rest });
    scene.cluster.memory.put(DEPLOYMENTS, deployment());
    expect((await scene.run()).text).toContain("Atlas accepts");
  });

  test("that the user may not read is not a failure", async () => {
    scene = withProject();
    scene.cluster.memory.fault = ({ what }) => (what.startsWith("atlasprojectx509s") ? forbidden : undefined);
    expect(await scene.flaws()).toContain("?     You may not read it");
  });

  test("is not asked about where the operator's namespace is not known", async () => {
    scene = withProject();
    scene.cluster.failing.set("deployments.apps", forbidden);
    expect((await scene.run()).sentences).toContain("so Atlas was not asked. Set --operator-namespace.");
    expect((await scene.run(HOME)).text).toContain("Atlas accepts");
  });
});

describe("the resources", () => {
  test("that need someone come with the command that says why", async () => {
    const unaccounted = [{ serialNumber: "7", notAfter: "2030-02-01T00:00:00Z" }];
    scene = new Scene({ suspend: true }, { ...SETTLED_STATUS, unaccounted });
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "warn  shop/orders-api is Ready: Issued.
            $ kubectl atlascerts status orders-api --namespace=shop
      warn  shop/orders-api: 1 certificate of its user that no resource explains.
            $ kubectl atlascerts status orders-api --namespace=shop"
    `);
    scene = new Scene({ userSharedWithOtherClusters: true }, { ...SETTLED_STATUS, unaccounted });
    expect(await scene.flaws()).toBe("");
  });

  test("that are Ready and need someone are a warning", async () => {
    const conditions = (SETTLED_STATUS.conditions ?? []).map((one) => ({ ...one, reason: "UsernameTaken" }));
    const { text } = await new Scene({}, { ...SETTLED_STATUS, conditions }).run();
    expect(text).toContain("warn  shop/orders-api is Ready: UsernameTaken.");
  });

  test("that were never reconciled are a warning", async () => {
    expect(await new Scene({}, {}).flaws()).toContain("warn  shop/orders-api: The operator has not reconciled");
  });

  test.each([
    ["may not be listed", forbidden, "?     You may not list AtlasUserCertificates in namespace shop"],
    [
      "have no kind",
      new KubeError({ reason: "NotFound", operation: "list" }),
      "the cluster has no kind AtlasUserCertificate",
    ],
  ])("that %s leave the rest of the check as it is", async (_, error, sentence) => {
    scene.cluster.failing.set("atlasusercertificates.atlascerts.io", error);
    expect(await scene.flaws()).toContain(sentence);
    scene.cluster.failing.set(
      "atlasusercertificates.atlascerts.io",
      new KubeError({ reason: "Timeout", operation: "list" }),
    );
    await expect(scene.run()).rejects.toThrow("Timeout");
  });

  test("may be none", async () => {
    scene.cluster.namespace = "empty";
    expect((await scene.run()).text).toContain("there is nothing to ask Atlas about");
    expect(scene.connections).toBe(0);
  });
});

test("as data, each command is a line for a shell", async () => {
  scene.users.clear();
  expect(JSON.stringify((await scene.run()).data)).toContain(
    "atlas dbusers create --username=orders-api --x509Type=MANAGED",
  );
});
