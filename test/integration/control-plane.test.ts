import { randomBytes } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import {
  apiServerWrites,
  controlPlane,
  freshNamespace,
  kubectl,
  kubectlWithInput,
  rest,
  writesBetween,
} from "../control-plane/control-plane.ts";

/** What garbage collection and the deletion of namespaces may take, with a wide margin. */
const SOON = { timeout: 20_000, interval: 100 };

function configMaps(namespace: string, name = ""): string {
  return `/api/v1/namespaces/${namespace}/configmaps${name && `/${name}`}`;
}

async function createConfigMap(namespace: string, name: string, metadata: object = {}) {
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...metadata } };
  const created = await rest("POST", configMaps(namespace), body);
  expect(created.status).toBe(201);
  return created.body;
}

describe("the control plane", () => {
  it("is a real API server of the version that it says", async () => {
    const { body } = await rest("GET", "/version");
    expect(body).toMatchObject({ gitVersion: controlPlane().version });
  });

  it("gives each test a namespace of its own", async () => {
    const [one, other] = [await freshNamespace(), await freshNamespace()];
    expect(one).not.toBe(other);
    expect((await rest("GET", `/api/v1/namespaces/${one}`)).body).toMatchObject({ status: { phase: "Active" } });
  });

  it("deletes what an owner leaves behind", async () => {
    const namespace = await freshNamespace();
    const owner = await createConfigMap(namespace, "owner");
    const { uid } = (owner as { metadata: { uid: string } }).metadata;
    await createConfigMap(namespace, "dependent", {
      ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "owner", uid }],
    });
    await createConfigMap(namespace, "bystander");
    await rest("DELETE", configMaps(namespace, "owner"));
    await vi.waitFor(async () => {
      expect((await rest("GET", configMaps(namespace, "dependent"))).status).toBe(404);
    }, SOON);
    expect((await rest("GET", configMaps(namespace, "bystander"))).status).toBe(200);
  });

  it("deletes a namespace with all that is in it", async () => {
    const namespace = await freshNamespace();
    await createConfigMap(namespace, "content");
    await rest("DELETE", `/api/v1/namespaces/${namespace}`);
    await vi.waitFor(async () => {
      expect((await rest("GET", `/api/v1/namespaces/${namespace}`)).status).toBe(404);
    }, SOON);
  });

  it("has a kubectl that applies what it is given", async () => {
    const namespace = await freshNamespace();
    const manifest = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "from-kubectl" } });
    const output = await kubectlWithInput(manifest, "apply", "--namespace", namespace, "-f", "-");
    expect(output).toBe("configmap/from-kubectl created\n");
  });

  it("passes on what kubectl complains about", async () => {
    await expect(kubectl("get", "nonsense")).rejects.toThrow(`the server doesn't have a resource type "nonsense"`);
  });

  it("counts writes, dry runs apart", async () => {
    const namespace = await freshNamespace();
    // A kind that no other test writes: they share the API server with this one. The end of their namespaces deletes some.
    const range = `/api/v1/namespaces/${namespace}/limitranges/${randomBytes(4).toString("hex")}`;
    const body = { apiVersion: "v1", kind: "LimitRange", spec: { limits: [] } };
    const before = await apiServerWrites();
    const apply = "application/apply-patch+yaml";
    await rest("PATCH", `${range}?fieldManager=test&dryRun=All`, body, apply);
    await rest("PATCH", `${range}?fieldManager=test`, body, apply);
    await rest("PATCH", range, { metadata: { labels: { a: "b" } } }, "application/merge-patch+json");
    const writes = writesBetween(before, await apiServerWrites());
    expect(Object.fromEntries([...writes].filter(([key]) => /^(APPLY|PATCH) limitranges/.test(key)))).toEqual({
      "APPLY limitranges": 1,
      "APPLY limitranges (dry run)": 1,
      "PATCH limitranges": 1,
    });
  });
});
