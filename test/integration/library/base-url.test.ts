import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { freshNamespace, rest } from "../../control-plane/control-plane.ts";
import { startCommand } from "../command-process.ts";
import { condition, PRODUCTION, RENEW_REQUEST, Scene } from "../operator/scene.ts";
import { operatorKubeconfig } from "../operator/service-account.ts";
import { startDecoy } from "./decoy.ts";

const CRDS = path.join(import.meta.dirname, "../../../crds");
const GOVERNMENT_CLOUD = "https://cloud.mongodbgov.com";
const STARTED = { timeout: 30_000, interval: 100 };

const schemaNode = z.object({
  properties: z.record(z.string(), z.unknown()).optional(),
  additionalProperties: z.unknown().optional(),
  items: z.unknown().optional(),
});

/** The names of all fields of a schema. */
function fieldsOf(schema: unknown): readonly string[] {
  const node = schemaNode.safeParse(schema);
  if (!node.success) return [];
  const { properties = {}, additionalProperties, items } = node.data;
  return [
    ...Object.keys(properties),
    ...[...Object.values(properties), additionalProperties, items].flatMap((inner) => fieldsOf(inner)),
  ];
}

const crd = z.object({
  spec: z.object({ versions: z.array(z.object({ schema: z.object({ openAPIV3Schema: z.unknown() }) })) }),
});

describe("a tenant can't tell the operator where Atlas is", () => {
  test("by any field: none is about an address", () => {
    const fields = readdirSync(CRDS)
      .map((file) => crd.parse(parse(readFileSync(path.join(CRDS, file), "utf8"))))
      .flatMap(({ spec }) => spec.versions.flatMap(({ schema }) => fieldsOf(schema.openAPIV3Schema)));
    expect(fields).toContain("projectId");
    // The host is the app's, in a connection string that the operator writes and never uses.
    expect(fields.filter((field) => /ur[il]|host|address|endpoint|server|proxy|port$/i.test(field))).toEqual(["host"]);
  });

  test("by an address in the credentials Secret or in any text of the resource", async () => {
    const decoy = await startDecoy();
    const scene = await Scene.open();
    scene.atlas.addUser(PRODUCTION, decoy.url);
    const account = scene.credentials("owner-service-account");
    if (account.kind !== "serviceAccount") throw new Error("not a service account");
    const entries = ["baseUrl", "baseURL", "tokenUrl", "tokenURL", "url", "host", "endpoint", "server", "proxy"];
    await scene.putSecret("atlas-api", {
      clientId: account.clientId,
      clientSecret: account.clientSecret,
      ...Object.fromEntries(entries.map((entry) => [entry, decoy.url])),
      ATLAS_BASE_URL: decoy.url,
      ATLAS_CERTS_ATLAS_BASE_URL: decoy.url,
      HTTPS_PROXY: decoy.url,
    });
    const annotations = { "example.com/base-url": decoy.url, "atlascerts.io/base-url": decoy.url };
    await scene.apply("orders-api", {
      username: decoy.url,
      secretTemplate: { annotations: { "example.com/base-url": decoy.url } },
    });
    await scene.patch("orders-api", { metadata: { annotations: { ...annotations, [RENEW_REQUEST]: decoy.url } } });
    const issued = await scene.untilIssued();
    expect(condition(issued, "Ready")?.status).toBe("True");
    expect(scene.atlas.certificates(PRODUCTION, decoy.url).length).toBeGreaterThan(0);
    expect(decoy.visits).toEqual([]);
  });
});

describe("--atlas-base-url", () => {
  test("sends everything for Atlas to the government cloud, and nothing elsewhere", async () => {
    // A proxy sees the name of whoever is called, and lets nobody through.
    const proxy = await startDecoy();
    const namespace = await freshNamespace("government");
    const must = async (path: string, manifest: object) => {
      const { status, body } = await rest("POST", path, manifest);
      expect(status, JSON.stringify(body)).toBe(201);
    };
    await must(`/api/v1/namespaces/${namespace}/secrets`, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "atlas-api" },
      stringData: { clientId: "mdb_sa_id_000000000000000000000001", clientSecret: "not-a-real-secret" },
    });
    await must(`/apis/atlascerts.io/v1alpha1/namespaces/${namespace}/atlasusercertificates`, {
      apiVersion: "atlascerts.io/v1alpha1",
      kind: "AtlasUserCertificate",
      metadata: { name: "orders-api" },
      spec: {
        projectId: PRODUCTION,
        credentialsRef: { name: "atlas-api" },
        username: "orders-api",
        secretName: "orders-api-mongodb",
      },
    });
    const command = await startCommand(
      [
        "run",
        `--kubeconfig=${await operatorKubeconfig(namespace)}`,
        `--watch-namespaces=${namespace}`,
        `--atlas-base-url=${GOVERNMENT_CLOUD}`,
        "--leader-elect=false",
        "--metrics-bind-address=0",
        "--health-bind-address=0",
      ],
      { HTTPS_PROXY: proxy.url },
    );
    await vi.waitFor(() => expect(proxy.visits.length).toBeGreaterThan(1), STARTED);
    command.kill("SIGTERM");
    const { exitCode, stdout } = await command.ended;
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`"atlas":"${GOVERNMENT_CLOUD}"`);
    expect(new Set(proxy.visits)).toEqual(new Set(["CONNECT cloud.mongodbgov.com:443 HTTP/1.1"]));
  });
});
