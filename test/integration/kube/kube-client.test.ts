import { describe, expect, test } from "vitest";
import { SECRETS } from "../../../src/kube/core-types.ts";
import { KubeError, type KubeErrorReason } from "../../../src/kube/kube-error.ts";
import type { KubeObject, ResourceType } from "../../../src/kube/resource-type.ts";
import { freshNamespace } from "../../control-plane/control-plane.ts";
import { connect } from "./connect.ts";

const CONFIG_MAPS: ResourceType<KubeObject & { readonly data?: Readonly<Record<string, string>> }> = {
  group: "",
  version: "v1",
  plural: "configmaps",
  kind: "ConfigMap",
  namespaced: true,
};

const value = Buffer.from("value").toString("base64");

async function rig() {
  const client = await connect();
  const namespace = await freshNamespace();
  return { client, namespace, ref: (name: string) => ({ namespace, name }) };
}

async function reasonOf(call: Promise<unknown>): Promise<KubeErrorReason | undefined> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return KubeError.is(error) ? error.reason : undefined;
}

describe("the API server takes", () => {
  test("a create and gives the object back", async () => {
    const { client, namespace, ref } = await rig();
    const created = await client.create(SECRETS, { metadata: ref("a"), data: { key: value } });
    const read = await client.get(SECRETS, ref("a"));
    expect([read.metadata.uid, read.metadata.namespace, read.data]).toEqual([
      created.metadata.uid,
      namespace,
      { key: value },
    ]);
  });

  test("a merge patch with and without its precondition", async () => {
    const { client, ref } = await rig();
    const { metadata } = await client.create(CONFIG_MAPS, { metadata: ref("a"), data: { one: "1", two: "2" } });
    const patched = await client.mergePatch(CONFIG_MAPS, ref("a"), {
      metadata: { resourceVersion: metadata.resourceVersion },
      data: { one: null },
    });
    const stale = client.mergePatch(CONFIG_MAPS, ref("a"), {
      metadata: { resourceVersion: metadata.resourceVersion },
      data: { two: null },
    });
    expect([patched.data, await reasonOf(stale)]).toEqual([{ two: "2" }, "Conflict"]);
  });

  test("dry runs, which store nothing", async () => {
    const { client, ref } = await rig();
    await client.create(SECRETS, { metadata: ref("a"), data: { key: value } });
    await client.mergePatch(SECRETS, ref("a"), { data: { key: null } }, { dryRun: true });
    await client.create(SECRETS, { metadata: ref("b") }, { dryRun: true });
    expect((await client.get(SECRETS, ref("a"))).data).toEqual({ key: value });
    expect(await reasonOf(client.get(SECRETS, ref("b")))).toBe("NotFound");
  });
});

describe("metadata only", () => {
  test("no read and no write gives a Secret's data back", async () => {
    const { client, namespace, ref } = await rig();
    const created = await client.create(SECRETS, { metadata: ref("a"), data: { key: value } }, { metadataOnly: true });
    const answers: KubeObject[] = [
      created,
      await client.mergePatch(SECRETS, ref("a"), { data: { l: value } }, { metadataOnly: true }),
      await client.get(SECRETS, ref("a"), { metadataOnly: true }),
    ];
    for await (const page of client.list(SECRETS, { namespace, metadataOnly: true })) {
      answers.push(...page.items);
    }
    for await (const event of client.watch(SECRETS, { namespace, metadataOnly: true, resourceVersion: "0" })) {
      if (event.type === "ADDED") {
        answers.push(event.object);
        break;
      }
    }
    expect([answers.length, answers.filter((answer) => "data" in answer)]).toEqual([5, []]);
  });
});

describe("lists", () => {
  test("come page by page and show one state", async () => {
    const { client, namespace, ref } = await rig();
    const names = Array.from({ length: 25 }, (_, index) => `object-${index}`);
    await Promise.all(names.map((name) => client.create(CONFIG_MAPS, { metadata: ref(name) })));
    const listed: string[] = [];
    const versions = new Set<string>();
    let pages = 0;
    for await (const page of client.list(CONFIG_MAPS, { namespace, limit: 10 })) {
      pages += 1;
      versions.add(page.resourceVersion);
      listed.push(...page.items.map((item) => item.metadata.name));
    }
    expect([pages, versions.size, listed.toSorted()]).toEqual([3, 1, names.toSorted()]);
  });
});

describe("refusals have their reason", () => {
  test("an object that is there already", async () => {
    const { client, ref } = await rig();
    await client.create(SECRETS, { metadata: ref("a") });
    expect(await reasonOf(client.create(SECRETS, { metadata: ref("a") }))).toBe("AlreadyExists");
  });

  test("a value that is not allowed, with the field", async () => {
    const { client, ref } = await rig();
    const error = await client.create(SECRETS, { metadata: ref("Not_A_Name") }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ reason: "Invalid", status: 422, details: [{ field: "metadata.name" }] });
  });
});
