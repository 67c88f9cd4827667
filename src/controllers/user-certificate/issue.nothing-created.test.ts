import { describe, expect, test } from "vitest";
import { SECRETS } from "../../kube/core-types.ts";
import type { CertificateApi } from "../access/atlas-api.ts";
import { issueRig } from "./testing/issue-rig.ts";
import { kubeError } from "./testing/memory-cluster.ts";
import { SECRET } from "./testing/scene.ts";

describe("nothing is created", () => {
  test("if the preflight fails", async () => {
    const { issue, cluster, atlas, scene } = issueRig();
    cluster.fault = ({ dryRun }) => (dryRun ? kubeError("Forbidden") : undefined);
    expect(await issue()).toMatchObject({
      kind: "failed",
      blocker: { reason: "SecretNotWritable" },
      staysOpen: false,
      attempt: undefined,
    });
    expect(scene.status()).toEqual({});
    expect(atlas.creates).toBe(0);
  });

  test("if the Secret has changed since the snapshot", async () => {
    const { issue, atlas, cluster } = issueRig();
    cluster.put(SECRETS, { metadata: SECRET });
    expect(await issue()).toEqual({ kind: "overtaken" });
    expect(atlas.creates).toBe(0);
  });

  test("if another process recorded its attempt first", async () => {
    const { issue, atlas, scene } = issueRig({ onStep: (step) => void (step === "record" && scene.apply()) });
    expect(await issue()).toEqual({ kind: "overtaken" });
    expect(atlas.creates).toBe(0);
  });

  test("if the resource was deleted meanwhile", async () => {
    const { issue, atlas, cluster } = issueRig();
    cluster.fault = ({ verb }) => (verb === "patch status" ? kubeError("NotFound") : undefined);
    expect(await issue()).toEqual({ kind: "overtaken" });
    expect(atlas.creates).toBe(0);
  });

  test("if the answer to the record was lost", async () => {
    const { issue, atlas, cluster } = issueRig();
    cluster.fault = ({ verb }) => (verb === "patch status" ? "answerLost" : undefined);
    await expect(issue()).rejects.toMatchObject({ reason: "Network" });
    expect(atlas.creates).toBe(0);
  });

  test("if the API server did not keep the whole record, and the rest is taken back", async () => {
    const { issue, atlas, cluster, scene } = issueRig();
    const patch = cluster.mergePatch.bind(cluster);
    cluster.mergePatch = async (type, ref, body, options) => {
      const status = Object(Reflect.get(body, "status"));
      const attempt = Reflect.get(status, "issuance");
      const pruned = attempt ? { ...attempt, knownSerials: undefined } : attempt;
      return patch(type, ref, { ...body, status: { ...status, issuance: pruned } }, options);
    };
    // Without knownSerials this version can't even parse it.
    expect(await issue()).toMatchObject({ kind: "failed", blocker: { reason: "CrdOutdated", needsPerson: true } });
    expect(atlas.creates).toBe(0);
    expect(scene.status()).not.toHaveProperty("issuance");
  });

  test.each([["record"], ["create"]] as const)("if the lease ran out before the %s", async (step) => {
    let isLeading = true;
    const { issue, atlas, scene } = issueRig({
      onStep: (now) => {
        if (now === step) isLeading = false;
      },
      leadership: () => () => {
        if (!isLeading) throw new Error("the lease ran out");
      },
    });
    await expect(issue()).rejects.toThrow("the lease ran out");
    expect(atlas.creates).toBe(0);
    expect(scene.status().issuance !== undefined).toBe(step === "create");
  });

  test.each([["record"], ["create"]] as const)(
    "if another process may have led before the %s, although this one leads again",
    async (step) => {
      let term = 1;
      const { issue, atlas } = issueRig({
        onStep: (now) => {
          if (now === step) term += 1;
        },
        leadership: () => {
          const begun = term;
          return () => {
            if (term !== begun) throw new Error("another leadership");
          };
        },
      });
      await expect(issue()).rejects.toThrow("another leadership");
      expect(atlas.creates).toBe(0);
    },
  );

  test("if the lease ran out while the call waited for its turn at Atlas", async () => {
    let isLeading = true;
    const { issue, atlas } = issueRig({
      leadership: () => () => {
        if (!isLeading) throw new Error("the lease ran out");
      },
    });
    let sent = 0;
    const waiting: CertificateApi = {
      listAllDatabaseUserCertificates: (parameters) => atlas.listAllDatabaseUserCertificates(parameters),
      createDatabaseUserCertificate: async (_parameters, options) => {
        isLeading = false;
        options?.beforeSending?.();
        sent++;
        throw new Error("it must not be sent");
      },
    };
    await expect(issue(new AbortController().signal, waiting)).rejects.toThrow("the lease ran out");
    expect(sent).toBe(0);
  });

  test("if the shutdown began before the record", async () => {
    const stop = new AbortController();
    const { issue, atlas, scene } = issueRig({
      onStep: (step) => void (step === "record" && stop.abort(new Error("bye"))),
    });
    await expect(issue(stop.signal)).rejects.toThrow("bye");
    expect(atlas.creates).toBe(0);
    expect(scene.status()).toEqual({});
  });
});
