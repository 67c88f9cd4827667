import { beforeEach, describe, expect, test } from "vitest";
import { MANAGED_LABEL, SECRET_ANNOTATIONS } from "../../../api/names.ts";
import { secretData } from "../../../certificate/secret-data.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import type { KubeErrorReason } from "../../../kube/kube-error.ts";
import { blockerMessage } from "../core/model/blocker.ts";
import { type Call, kubeError } from "../testing/memory-cluster.ts";
import { SECRET } from "../testing/scene.ts";
import { billing, newer, old, ours, SecretRig } from "../testing/secret-rig.ts";
import { ABSENT, issuance, resource } from "../testing/snapshots.ts";
import { secretMetadata } from "./secret-metadata.ts";
import type { StoreResult } from "./secret-writer.ts";

const STORED = { kind: "stored" };
const isWrite = ({ verb }: Call) => verb !== "get";
const messageOf = (result: StoreResult) => (result.kind === "waiting" ? blockerMessage(result.blocker) : undefined);
let rig: SecretRig;

beforeEach(() => {
  rig = new SecretRig();
});

describe("a fresh certificate", () => {
  test("is stored where there was no Secret, all keys in one write", async () => {
    expect(await rig.store(ABSENT)).toEqual(STORED);
    expect(rig.cluster.writes).toHaveLength(1);
    expect(rig.stored()).toMatchObject({
      type: "kubernetes.io/tls",
      data: secretData(ours),
      metadata: { labels: { [MANAGED_LABEL]: "true" }, annotations: { [SECRET_ANNOTATIONS.username]: "orders-api" } },
    });
  });

  test("replaces the old one and leaves the labels and data of others", async () => {
    rig.put(old);
    rig.relabel({ team: "x" });
    rig.change((secret) => ({ ...secret, data: { ...secret.data, "ca.crt": "eA==" } }));
    expect(await rig.store(await rig.seen())).toEqual(STORED);
    expect(rig.serial()).toBe(ours.facts.serialNumber);
    expect(rig.stored()?.metadata.labels).toEqual({ [MANAGED_LABEL]: "true", team: "x" });
    expect(rig.stored()?.data).toEqual({ ...secretData(ours), "ca.crt": "eA==" });
  });

  test("is known to the inspector without another read", async () => {
    await rig.store(ABSENT);
    rig.cluster.calls.length = 0;
    expect(await rig.inspector.cached(SECRET)).toMatchObject({
      kind: "managed",
      content: { kind: "pair", facts: { serialNumber: ours.facts.serialNumber }, formatsCurrent: true },
    });
    expect(rig.cluster.calls).toEqual([]);
  });

  test("makes known what others changed before it, since a later watch event will not", async () => {
    rig.put(old);
    rig.cache.labelled.observe(secretMetadata(rig.stored()));
    rig.relabel({ team: "x" });
    await rig.store(await rig.seen());
    expect(rig.foreign).toEqual(["modified shop/orders-api-mongodb"]);
  });

  test("reports no change of others if no one else changed anything", async () => {
    await rig.store(ABSENT);
    await rig.writer.store(resource(), await rig.seen(), { attempt: issuance(), pair: newer });
    expect([rig.cluster.writes.length, rig.foreign]).toEqual([2, []]);
  });

  test("counts as what an admission webhook made of it", async () => {
    const create = rig.cluster.create.bind(rig.cluster);
    rig.cluster.create = async (type, object, options) => {
      const changed = { ...object, data: { "tls.crt": "eA==", "tls.key": "eA==" } };
      return create(type, changed, options);
    };
    await rig.store(ABSENT);
    expect(await rig.inspector.cached(SECRET)).toMatchObject({ content: { kind: "undecodable" } });
  });

  test("is stored once if the answer of its write was lost", async () => {
    rig.failing(1, isWrite, "answerLost");
    expect(await rig.store(ABSENT)).toMatchObject({ kind: "waiting", blocker: { reason: "SecretNotWritable" } });
    expect(await rig.store(await rig.seen())).toEqual(STORED);
    expect(rig.cluster.writes).toHaveLength(1);
  });

  test("is fitted to a Secret whose label someone else changed meanwhile", async () => {
    rig.put();
    const first = await rig.seen();
    rig.relabel({ team: "x" });
    expect(await rig.store(first)).toEqual(STORED);
    expect([rig.serial(), rig.stored()?.metadata.labels]).toEqual([
      ours.facts.serialNumber,
      { [MANAGED_LABEL]: "true", team: "x" },
    ]);
  });

  test("is stored in a new Secret if the one that was seen was deleted meanwhile", async () => {
    rig.put();
    const first = await rig.seen();
    rig.cluster.remove(SECRETS, SECRET);
    expect(await rig.store(first)).toEqual(STORED);
    expect(rig.serial()).toBe(ours.facts.serialNumber);
  });

  test("takes the place of what a deleted resource left behind", async () => {
    rig.putBillings();
    expect(await rig.store(await rig.seen(), [newer.facts.serialNumber])).toEqual(STORED);
    expect(rig.serial()).toBe(ours.facts.serialNumber);
  });
});

describe("a fresh certificate is superseded, and not stored", () => {
  test("if another process has stored a newer one since the attempt began", async () => {
    rig.put(newer);
    expect(await rig.store(await rig.seen())).toEqual({ kind: "superseded" });
    expect(rig.serial()).toBe(newer.facts.serialNumber);
  });

  test("if another process stores a newer one while this one writes", async () => {
    rig.put(old);
    const first = await rig.seen();
    rig.put(newer);
    expect(await rig.store(first)).toEqual({ kind: "superseded" });
    expect(rig.serial()).toBe(newer.facts.serialNumber);
  });

  test("not by an older one that someone restores meanwhile", async () => {
    rig.failing(1, isWrite, kubeError("AlreadyExists"), () => rig.put(old));
    expect(await rig.store(ABSENT, [])).toEqual(STORED);
    expect(rig.serial()).toBe(ours.facts.serialNumber);
  });

  test("not by one that was there before the attempt, however young", async () => {
    rig.put(newer);
    expect(await rig.store(await rig.seen(), [newer.facts.serialNumber])).toEqual(STORED);
  });
});

describe("a fresh certificate waits", () => {
  const passing: readonly KubeErrorReason[] = ["Network", "Forbidden", "Invalid", "Unavailable", "Unauthorized"];
  test.each(passing)("if the API server answers its write with %s, and is stored later", async (reason) => {
    rig.failing(1, isWrite, kubeError(reason, "words of the API server"));
    const result = await rig.store(ABSENT);
    expect(messageOf(result)).toMatch(
      /^Secret orders-api-mongodb cannot be written \(.*words of the API server.*\)\. Fix what the API server reports/,
    );
    expect(result).toMatchObject({ blocker: { needsPerson: true } });
    expect(await rig.store(ABSENT)).toEqual(STORED);
  });

  test("after four conflicts: others change the Secret without a pause", async () => {
    rig.put();
    const first = await rig.seen();
    rig.failing(99, ({ verb }) => verb === "patch", kubeError("Conflict"));
    expect(await rig.store(first)).toMatchObject({ kind: "waiting", blocker: { reason: "SecretNotWritable" } });
    expect(rig.cluster.writes).toHaveLength(4);
  });

  test("if the Secret has changed and cannot be read", async () => {
    rig.put();
    const first = await rig.seen();
    rig.cluster.fault = ({ verb }) => kubeError(verb === "get" ? "Unavailable" : "Conflict");
    expect(messageOf(await rig.store(first))).toContain("Conflict");
  });

  test("if a bug gets in the way, without the words of that error", async () => {
    rig.cluster.create = () => Promise.reject(new TypeError("a key: c2VjcmV0"));
    const message = messageOf(await rig.store(ABSENT));
    expect(message).toContain("because of a bug in the operator. See the operator's log.");
    expect(message).not.toContain("c2VjcmV0");
  });

  test("while the Secret is foreign, which stays byte for byte what it was", async () => {
    rig.putForeign();
    const before = structuredClone(rig.stored());
    expect(messageOf(await rig.store(await rig.seen()))).toBe(
      "Secret orders-api-mongodb does not belong to the operator: its type is Opaque, not kubernetes.io/tls (written by " +
        "argocd). Choose another spec.secretName, or delete that Secret if nothing needs it.",
    );
    expect(rig.stored()).toEqual(before);
  });

  test("if a foreign Secret appears while it is written", async () => {
    rig.failing(1, isWrite, kubeError("AlreadyExists"), () => rig.putForeign());
    expect(await rig.store(ABSENT)).toMatchObject({ kind: "waiting", blocker: { reason: "SecretForeign" } });
    expect(rig.cluster.writes.map(({ verb }) => verb)).toEqual(["create"]);
  });

  test("while the Secret is being deleted: what is written into it is lost with it", async () => {
    rig.put(old, { deletionTimestamp: "2030-01-11T00:00:00Z" });
    expect(await rig.store(await rig.seen())).toMatchObject({
      kind: "waiting",
      blocker: {
        reason: "SecretTerminating",
        needsPerson: true,
      },
    });
    expect(rig.serial()).toBe(old.facts.serialNumber);
  });

  test("while the Secret belongs to another living resource, which keeps its certificate", async () => {
    rig.living.set(billing.uid, billing);
    rig.failing(1, isWrite, kubeError("AlreadyExists"), () => rig.putBillings());
    expect(await rig.store(ABSENT)).toMatchObject({
      kind: "waiting",
      blocker: {
        reason: "SecretClaimedTwice",
        problem: expect.stringContaining("Secret orders-api-mongodb belongs to AtlasUserCertificate billing."),
      },
    });
    expect(rig.serial()).toBe(newer.facts.serialNumber);
  });

  test("while the Secret holds the certificate of a living resource that names another Secret by now", async () => {
    rig.living.set(billing.uid, { ...billing, spec: { ...billing.spec, secretName: "billing-mongodb" } });
    rig.putBillings();
    expect(messageOf(await rig.store(await rig.seen()))).toContain("which now uses Secret billing-mongodb.");
    expect(rig.serial()).toBe(newer.facts.serialNumber);
  });

  test("and nothing of its key is in the message", async () => {
    rig.failing(1, isWrite, kubeError("Network", `cut while sending ${JSON.stringify(secretData(ours))}`));
    const key = ours.privateKeyPem.reveal().split("\n")[1] ?? "-";
    const message = messageOf(await rig.store(ABSENT));
    expect(message).toContain("cannot be written");
    expect(message).not.toContain(key.slice(0, 30));
    expect(message).not.toContain(Buffer.from(key).toString("base64").slice(8, 30));
  });
});
