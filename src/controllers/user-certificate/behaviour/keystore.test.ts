import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { KEYSTORE_ANNOTATION } from "../../../api/names.ts";
import { DAY_MS } from "../../../clock.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import { kubeError } from "../testing/memory-cluster.ts";
import { NAMESPACE, Scene } from "../testing/scene.ts";

const PASSWORD_SECRET = { namespace: NAMESPACE, name: "keystore" };
const KEYSTORES = { pkcs12: { passwordSecretRef: { name: "keystore", key: "password" } } };

function setPassword(scene: Scene, password: string, labels: Readonly<Record<string, string>> = {}): void {
  const data = { password: Buffer.from(password).toString("base64") };
  scene.cluster.put(SECRETS, { metadata: { ...PASSWORD_SECRET, labels }, data }, "kubectl");
}

/** Whether a password opens the keystore in the Secret. */
async function opens(scene: Scene, password: string): Promise<boolean> {
  const folder = await mkdtemp(path.join(tmpdir(), "keystore-"));
  try {
    const file = path.join(folder, "keystore.p12");
    await writeFile(file, Buffer.from(scene.secret()?.data?.["keystore.p12"] ?? "", "base64"));
    await promisify(execFile)("openssl", ["pkcs12", "-in", file, "-passin", `pass:${password}`, "-noout"]);
    return true;
  } catch {
    return false;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function keystoreScene(password: string | undefined) {
  const scene = new Scene();
  if (password !== undefined) setPassword(scene, password);
  scene.apply({ keystores: KEYSTORES });
  const process = scene.start();
  await scene.settle(process);
  const state = () => ({
    keystore: scene.secret()?.data?.["keystore.p12"],
    mark: scene.secret()?.metadata.annotations?.[KEYSTORE_ANNOTATION],
    creates: scene.atlas.creates,
  });
  return { scene, process, state };
}

test("the keystore is written together with the certificate", async () => {
  const { scene, state } = await keystoreScene("first-1");
  expect(scene.ready()).toBe("True Issued");
  expect(await opens(scene, "first-1")).toBe(true);
  expect(scene.cluster.writes.filter(({ what }) => what.startsWith("secrets"))).toHaveLength(1);
  expect(state().mark).toMatch(/^[0-9a-f]{64}$/);
});

test("a changed password rewrites the keystore without a new certificate", async () => {
  const { scene, process, state } = await keystoreScene("first-1");
  setPassword(scene, "second-2");
  await scene.settle(process);
  expect([await opens(scene, "second-2"), await opens(scene, "first-1")]).toEqual([true, false]);
  expect(state().creates).toBe(1);
});

test("neither another change of the password's Secret nor another process rewrites the keystore", async () => {
  const { scene, process, state } = await keystoreScene("first-1");
  const before = state();
  setPassword(scene, "first-1", { app: "x" });
  await scene.settle(process);
  await scene.settle(scene.start());
  expect(state()).toEqual(before);
});

test("a keystore that someone damaged is restored", async () => {
  const { scene, process } = await keystoreScene("first-1");
  scene.changeSecret((secret) => ({ ...secret, data: { ...secret.data, "keystore.p12": "eA==" } }));
  await scene.settle(process);
  expect(await opens(scene, "first-1")).toBe(true);
});

test("without its password the PEM files are issued and renewed, and the keystore follows once it is there", async () => {
  const { scene, process, state } = await keystoreScene(undefined);
  expect(scene.ready()).toBe("True KeystorePasswordMissing");
  expect(scene.stalled()).toBe("False KeystorePasswordMissing");
  expect(scene.condition("Ready").message).toContain("Secret keystore does not exist.");
  expect(scene.events.map(({ reason }) => reason)).toEqual(["Issued", "KeystorePasswordMissing"]);
  scene.clock.advanceNow(61 * DAY_MS);
  await scene.settle(process);
  expect(state()).toMatchObject({ creates: 2, keystore: undefined, mark: undefined });
  setPassword(scene, "late-1");
  await scene.settle(process);
  expect(scene.ready()).toBe("True Issued");
  expect(await opens(scene, "late-1")).toBe(true);
  expect(state().creates).toBe(2);
});

test("a password that can't be read when the certificate is stored leaves the keystore to a repair", async () => {
  const scene = new Scene();
  setPassword(scene, "first-1");
  scene.apply({ keystores: KEYSTORES });
  const process = scene.start();
  const isPassword = (what: string) => what.includes("keystore");
  let reads = 0;
  scene.cluster.fault = ({ verb, what }) =>
    verb === "get" && isPassword(what) && ++reads === 2 ? kubeError("Network") : undefined;
  await scene.reconcile(process);
  expect(scene.secret()?.data).not.toHaveProperty("keystore.p12");
  expect(scene.status().revision).toBe(1);
  await scene.settle(process);
  expect(await opens(scene, "first-1")).toBe(true);
  expect(scene.atlas.creates).toBe(1);
});

test("rights to read the password that come later are noticed", async () => {
  const scene = new Scene();
  setPassword(scene, "first-1");
  scene.apply({ keystores: KEYSTORES });
  const process = scene.start();
  scene.cluster.fault = ({ verb, what }) =>
    verb === "get" && what.includes("keystore") ? kubeError("Forbidden") : undefined;
  await scene.settle(process);
  expect(scene.ready()).toBe("True KeystorePasswordMissing");
  scene.cluster.fault = () => undefined;
  await scene.reconcile(process);
  expect(await opens(scene, "first-1")).toBe(true);
});

test("the keystore and its mark go when the spec no longer asks for them", async () => {
  const { scene, process, state } = await keystoreScene("first-1");
  scene.apply({});
  await scene.settle(process);
  expect(state()).toEqual({ keystore: undefined, mark: undefined, creates: 1 });
});

test("the password is in no status, Event, log line or annotation", async () => {
  const { scene } = await keystoreScene("S3cret-of-the-keystore");
  setPassword(scene, "S3cret-with-line-break\n");
  await scene.settle(scene.start());
  expect(scene.condition("Ready").message).toContain("printable ASCII");
  const told = JSON.stringify([scene.status(), scene.events, scene.logged, scene.secret()?.metadata]);
  expect(told).not.toContain("S3cret");
});
