import { expect, test } from "vitest";
import { SECRETS } from "../../kube/core-types.ts";
import type { KubeApi } from "../../kube/kube-api.ts";
import { ManualClock } from "../../testing/manual-clock.ts";
import { settle } from "../../testing/settle.ts";
import { SecretCache } from "../user-certificate/cluster/resource-cache.ts";
import { secretMetadata } from "../user-certificate/cluster/secret-metadata.ts";
import { MemoryAtlas } from "../user-certificate/testing/memory-atlas.ts";
import { MemoryCluster } from "../user-certificate/testing/memory-cluster.ts";
import { AtlasAccess } from "./atlas-access.ts";
import { CredentialsGate } from "./credentials-gate.ts";

const REF = { namespace: "shop", name: "atlas-api" };
const base64 = (text: string) => Buffer.from(text).toString("base64");

/** The resource's credentials Secret, in an API server and in a cache that sees each change at once. */
class Scene {
  readonly cluster = new MemoryCluster();
  readonly secrets = new SecretCache();
  readonly clock = new ManualClock();
  /** Holds back the answers of the API server. */
  answered: Promise<void> = Promise.resolve();
  connections = 0;
  readonly #kube: Pick<KubeApi, "get"> = {
    get: async (type, ref) => {
      const answer = await this.cluster.get(type, ref);
      await this.answered;
      return answer;
    },
  };
  readonly access = new AtlasAccess({
    kube: this.#kube,
    secrets: this.secrets,
    labelled: this.secrets.ofProjects,
    connect: () => {
      this.connections++;
      return new MemoryAtlas(this.clock);
    },
    gate: new CredentialsGate({ recheckIntervalMs: 1000, clock: this.clock }),
  });

  put(clientSecret: string, annotations: Readonly<Record<string, string>> = {}): void {
    const data = { clientId: base64("mdb_sa_id_1"), clientSecret: base64(clientSecret) };
    this.cluster.put(SECRETS, { metadata: { ...REF, annotations }, data });
    const secret = this.cluster.peek(SECRETS, REF);
    if (secret !== undefined) this.secrets.others.observe(secretMetadata(secret));
  }

  label(): void {
    const secret = this.cluster.peek(SECRETS, REF);
    if (secret !== undefined) this.secrets.ofProjects.observe(secretMetadata(secret));
  }

  read() {
    return this.access.of(REF);
  }
}

test("a Secret in which only an annotation changes opens the same client and counts as the same version", async () => {
  const scene = new Scene();
  scene.put("a");
  const before = await scene.read();
  scene.put("a", { touched: "1" });
  expect(await scene.read()).toBe(before);
  expect(scene.connections).toBe(1);
});

test("changed credentials open another client and count as another version", async () => {
  const scene = new Scene();
  scene.put("a");
  const before = await scene.read();
  scene.put("b");
  const after = await scene.read();
  expect(after).toMatchObject({ kind: "usable", version: scene.cluster.peek(SECRETS, REF)?.metadata.resourceVersion });
  expect(after).not.toMatchObject({ version: before.version });
  expect(scene.connections).toBe(2);
});

test("an older answer of the API server that arrives late does not bring old credentials back", async () => {
  const scene = new Scene();
  const late = Promise.withResolvers<void>();
  scene.put("a");
  scene.answered = late.promise;
  const first = scene.read();
  await settle();
  scene.answered = Promise.resolve();
  scene.put("b");
  const second = scene.read();
  await settle();
  late.resolve();
  const access = await second;
  await first;
  expect(await scene.read()).toBe(access);
  if (access.kind !== "usable") throw new Error("the credentials are not usable");
  const list = access.api.listAllDatabaseUserCertificates({ groupId: "p", username: "orders-api" });
  await expect(list).resolves.toMatchObject({ certificates: [] });
});

test("a Secret that could not be read is read again by the next caller", async () => {
  const scene = new Scene();
  scene.put("a");
  scene.answered = Promise.reject(new Error("the API server is away"));
  await expect(scene.read()).rejects.toThrow("is away");
  scene.answered = Promise.resolve();
  expect(await scene.read()).toMatchObject({ kind: "usable" });
});

test("an AtlasProjectX509 opens a Secret only if it is labelled as credentials", async () => {
  const scene = new Scene();
  scene.put("a");
  expect(await scene.access.ofProject(REF)).toMatchObject({ kind: "unusable", version: undefined });
  expect(scene.connections).toBe(0);
  scene.label();
  expect(await scene.access.ofProject(REF)).toMatchObject({ kind: "usable" });
});
