import { describe, expect, test } from "vitest";
import { freshNamespace, kubectl, kubectlWithInput } from "../../control-plane/control-plane.ts";
import { create, type JsonObject, read, userCertificate } from "./sample.ts";

const READY = {
  type: "Ready",
  status: "True",
  reason: "Issued",
  message: "The Secret holds a certificate.",
  lastTransitionTime: "2026-01-01T00:00:00Z",
};

/** What the API server adds to a resource that no operator has written a status for. */
const UNSEEN = { observedGeneration: -1 };

async function namespaceWithOne(change: JsonObject = {}): Promise<string> {
  const namespace = await freshNamespace("status");
  await create(namespace, "orders", change);
  return namespace;
}

/** Runs `kubectl patch` on the resource, or with `--subresource=status` on its status. */
function patch(namespace: string, change: JsonObject, ...flags: string[]): Promise<string> {
  return kubectl("-n", namespace, "patch", "auc", "orders", "--type=merge", ...flags, "-p", JSON.stringify(change));
}

describe("those who write the spec", () => {
  test("can't set a status when they create the resource", async () => {
    const namespace = await freshNamespace("status");
    const manifest = { ...userCertificate("orders"), status: { serialNumber: "1", conditions: [READY] } };
    await kubectlWithInput(JSON.stringify(manifest), "-n", namespace, "create", "-f", "-");
    expect((await read(namespace, "orders")).status).toEqual(UNSEEN);
  });

  test("can't change the status, while their change of the spec is stored", async () => {
    const namespace = await namespaceWithOne();
    await patch(namespace, { status: { serialNumber: "1" } }, "--subresource=status");
    await patch(namespace, { spec: { username: "other" }, status: { serialNumber: "2" } });
    const { spec, status } = await read(namespace, "orders");
    expect([spec.username, status]).toEqual(["other", { ...UNSEEN, serialNumber: "1" }]);
  });

  test("make a new generation", async () => {
    const namespace = await namespaceWithOne();
    await patch(namespace, { spec: { suspend: true } });
    expect((await read(namespace, "orders")).metadata.generation).toBe(2);
  });

  test("read in kubectl patch what is allowed", async () => {
    const namespace = await namespaceWithOne();
    await expect(patch(namespace, { spec: { monthsUntilExpiration: 25 } })).rejects.toThrow(
      "spec.monthsUntilExpiration: Invalid value: 25: monthsUntilExpiration must be a whole number from 1 to 24",
    );
    expect((await read(namespace, "orders")).spec.monthsUntilExpiration).toBe(3);
  });
});

describe("those who write the status", () => {
  test("can't change the spec, while their change of the status is stored", async () => {
    const namespace = await namespaceWithOne();
    await patch(namespace, { spec: { username: "other" }, status: { serialNumber: "1" } }, "--subresource=status");
    const { spec, status } = await read(namespace, "orders");
    expect([spec.username, status]).toEqual(["orders-api", { ...UNSEEN, serialNumber: "1" }]);
  });

  test("make no new generation", async () => {
    const namespace = await namespaceWithOne();
    await patch(namespace, { status: { revision: 1, conditions: [READY] } }, "--subresource=status");
    expect((await read(namespace, "orders")).metadata.generation).toBe(1);
  });

  test("keep every field that the schema has", async () => {
    const namespace = await namespaceWithOne();
    const time = "2026-01-01T00:00:00Z";
    const status = {
      conditions: [{ ...READY, observedGeneration: 1 }],
      observedGeneration: 1,
      secretName: "orders-api-mongodb",
      serialNumber: "9223372036854775807123",
      fingerprint: "AB:CD",
      notBefore: time,
      notAfter: time,
      renewalTime: time,
      lastVerifiedTime: time,
      unlisted: { serialNumber: "1", since: time, latest: time, lists: 1, replaced: true },
      revision: 2,
      issuance: {
        id: "1",
        startedAt: time,
        reason: "SecretMissing",
        projectId: "32b6e34b3d91647abb20e7b8",
        username: "orders-api",
        knownSerials: ["1", "2"],
        replaces: "2",
        renewRequest: "now",
        parked: { pod: "pod-1", serialNumber: "3", notAfter: time, until: time },
      },
      recentIssuances: [
        {
          ...{ time, reason: "SecretMissing", projectId: "32b6e34b3d91647abb20e7b8", username: "orders-api" },
          ...{ serialNumber: "1", notAfter: time, replaces: "0", lost: "NotStored" },
        },
      ],
      renewRequest: "now",
      lastAttempt: {
        time,
        reason: "UserNotFound",
        message: "Atlas does not know the user.",
        remedy: "Create it.",
        needsPerson: true,
        failures: 1,
        nextAttemptTime: time,
        notRechecked: "Not rechecked since then.",
        generation: 1,
        credentialsVersion: "7",
        renewRequest: "now",
      },
      unexpiredCertificates: 2,
      unaccounted: [{ serialNumber: "4", createdAt: time, notAfter: time }],
      leftBehind: [{ secretName: "old", serialNumber: "5", notAfter: time }],
    };
    await patch(namespace, { status }, "--subresource=status");
    expect((await read(namespace, "orders")).status).toEqual(status);
  });

  test("find out by observedGeneration whether the operator has seen the resource, until it writes one", async () => {
    const namespace = await namespaceWithOne();
    expect((await read(namespace, "orders")).status).toEqual(UNSEEN);
    await patch(namespace, { status: { observedGeneration: 1 } }, "--subresource=status");
    expect((await read(namespace, "orders")).status).toEqual({ observedGeneration: 1 });
    await patch(namespace, { status: { observedGeneration: null } }, "--subresource=status");
    expect((await read(namespace, "orders")).status).toEqual(UNSEEN);
    await patch(namespace, { status: null }, "--subresource=status");
    expect((await read(namespace, "orders")).status).toEqual(UNSEEN);
  });

  test.each<[what: string, status: JsonObject, sentence: string]>([
    ["two conditions of one type", { conditions: [READY, READY] }, "status.conditions[1]: Duplicate value"],
    [
      "a condition that is neither True, False nor Unknown",
      { conditions: [{ ...READY, status: "Maybe" }] },
      'supported values: "True", "False", "Unknown"',
    ],
    ["a time that is none", { notAfter: "tomorrow" }, "notAfter in body must be of type date-time"],
    ["a serial number that is not a string", { serialNumber: 5 }, "serialNumber in body must be of type string"],
    ["an open issuance without its serials", { issuance: { id: "1" } }, "status.issuance.knownSerials: Required value"],
  ])("can't store %s", async (_, status, sentence) => {
    const namespace = await namespaceWithOne();
    await expect(patch(namespace, { status }, "--subresource=status")).rejects.toThrow(sentence);
  });
});
