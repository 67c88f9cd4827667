import { beforeEach, describe, expect, test } from "vitest";
import { MANAGED_LABEL } from "../../../api/names.ts";
import { secretData } from "../../../certificate/secret-data.ts";
import { dataDifferences } from "../core/decide/secret-differences.ts";
import { situationOf } from "../core/decide/situation.ts";
import { desiredExtras } from "../core/model/desired-data.ts";
import type { SecretState } from "../core/model/snapshot.ts";
import { kubeError } from "../testing/memory-cluster.ts";
import { SECRET } from "../testing/scene.ts";
import { newer, old, SecretRig } from "../testing/secret-rig.ts";
import { resource, settled } from "../testing/snapshots.ts";
import { secretMetadata } from "./secret-metadata.ts";

const signal = new AbortController().signal;
let rig: SecretRig;

beforeEach(() => {
  rig = new SecretRig();
});

describe("a repair", () => {
  const repair = async (wishes: Parameters<typeof resource>[0] = {}, first?: SecretState) => {
    const before = first ?? (await rig.seen());
    if (before.kind !== "managed" || before.content.kind !== "pair") throw new Error("there is nothing to repair");
    const wanted = resource(wishes);
    const rewritesData = dataDifferences(situationOf(settled({ spec: wanted.spec, secret: before }))).length > 0;
    return rig.writer.repair(wanted, { secret: before, held: before.content.facts, rewritesData }, signal);
  };
  const connectionString = { host: "a.example.com", scheme: "mongodb", mountPath: "/etc/mongodb" } as const;

  test("writes the connection string, and takes it away again, without touching another's key", async () => {
    rig.put(old);
    rig.change((secret) => ({ ...secret, data: { ...secret.data, "ca.crt": "eA==" } }));
    await repair({ spec: { connectionString } });
    expect(rig.stored()?.data).toEqual({ ...secretData(old, desiredExtras({ connectionString })), "ca.crt": "eA==" });
    expect(await rig.seen()).toMatchObject({
      content: { formatsCurrent: true },
      metadata: { ownDataKeys: ["connectionString"] },
    });
    await repair();
    expect(rig.stored()?.data).toEqual({ ...secretData(old), "ca.crt": "eA==" });
  });

  test("remembers the connection string that it wrote", async () => {
    rig.put(old);
    const calls = rig.cluster.calls.length;
    await repair({ spec: { connectionString } });
    expect(rig.cluster.calls.length - calls).toBe(3);
    const remembered = await rig.inspector.cached(SECRET);
    expect(rig.cluster.calls.length - calls).toBe(3);
    expect(dataDifferences(situationOf(settled({ spec: { connectionString }, secret: remembered })))).toEqual([]);
  });

  test("restores labels without reading or sending the key", async () => {
    rig.put(old, { labels: {} });
    const first = await rig.seen();
    rig.cluster.calls.length = 0;
    expect(await repair({}, first)).toBeUndefined();
    expect(rig.stored()?.metadata.labels).toEqual({ [MANAGED_LABEL]: "true" });
    expect(rig.cluster.calls).toHaveLength(1);
    expect(rig.cluster.calls[0]?.body).not.toHaveProperty("data");
  });

  test("of the label reports no change of others if the watch has shown that the label is gone", async () => {
    rig.put(old, { labels: {} });
    rig.cache.others.observe(secretMetadata(rig.stored()));
    await repair();
    expect([rig.cache.labelled.size, rig.foreign]).toEqual([1, []]);
  });

  test("restores the formats from the pair in the Secret", async () => {
    rig.put(old);
    const { "tls-combined.pem": _gone, ...data } = secretData(old);
    rig.change((secret) => ({ ...secret, data }));
    expect(await repair()).toBeUndefined();
    expect(rig.stored()?.data).toEqual(secretData(old));
  });

  test("removes a label that the operator set and no one asks for any more, and nothing else", async () => {
    rig.put(old, { labels: { [MANAGED_LABEL]: "true", app: "orders" } });
    rig.relabel({ team: "x" });
    expect(await repair()).toBeUndefined();
    expect(rig.stored()?.metadata.labels).toEqual({ [MANAGED_LABEL]: "true", team: "x" });
  });

  test("leaves the owner references of others", async () => {
    const other = { apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "y" };
    rig.put(old, { ownerReferences: [other] });
    expect(await repair({ spec: { deletionPolicy: "Delete" } })).toBeUndefined();
    expect(rig.stored()?.metadata.ownerReferences).toMatchObject([
      other,
      { kind: "AtlasUserCertificate", controller: true },
    ]);
  });

  test.each([["Conflict"], ["NotFound"]] as const)("is overtaken by %s", async (reason) => {
    rig.put(old, { labels: {} });
    const first = await rig.seen();
    rig.cluster.fault = () => kubeError(reason);
    expect(await repair({}, first)).toBe("overtaken");
  });

  test("never restores a pair that was replaced while the repair read it", async () => {
    rig.put(old);
    rig.change((secret) => ({ ...secret, data: { ...secretData(old), "tls-combined.pem": "eA==" } }));
    const first = await rig.seen();
    let isReplaced = false;
    rig.cluster.fault = ({ verb }) => {
      if (verb === "patch" && !isReplaced) rig.put(newer);
      isReplaced ||= verb === "patch";
      return undefined;
    };
    expect(await repair({}, first)).toBe("overtaken");
    expect(rig.stored()?.data).toEqual(secretData(newer));
  });

  test("reports what stands in its way", async () => {
    rig.put(old, { labels: {} });
    const first = await rig.seen();
    rig.cluster.fault = () => kubeError("Forbidden", "no patch for you");
    expect(await repair({}, first)).toMatchObject({ reason: "SecretNotWritable", needsPerson: true });
  });
});
