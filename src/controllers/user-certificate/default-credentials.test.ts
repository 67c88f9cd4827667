import { describe, expect, test } from "vitest";
import { SECRETS } from "../../kube/core-types.ts";
import { objectKey } from "../../kube/resource-type.ts";
import { atlasError } from "./testing/memory-atlas.ts";
import { CREDENTIALS, Scene } from "./testing/scene.ts";

/** Resources that name no credentials, and an operator that has default ones. */

const PLATFORM = { namespace: "operators", name: "atlas-of-the-platform" };
const NONE_NAMED = { credentialsRef: undefined };

function scene(): Scene {
  const scene = new Scene();
  const { data } = scene.cluster.peek(SECRETS, CREDENTIALS) ?? {};
  scene.cluster.put(SECRETS, { metadata: PLATFORM, ...(data && { data }) });
  return scene;
}

const message = (of: Scene) => of.status().conditions?.find(({ type }) => type === "Stalled")?.message;

describe("a resource that names no credentials", () => {
  test("uses the operator's default ones", async () => {
    const at = scene();
    at.apply(NONE_NAMED);
    await at.settle(at.start({ defaultCredentials: PLATFORM }));
    expect(at.ready()).toBe("True Issued");
    expect(at.cluster.calls.filter(({ what }) => what === `secrets ${objectKey(PLATFORM)}`)).toHaveLength(1);
    expect(at.cluster.calls.filter(({ what }) => what === `secrets ${objectKey(CREDENTIALS)}`)).toEqual([]);
  });

  test("says what to set if the operator has none", async () => {
    const at = scene();
    at.apply(NONE_NAMED);
    await at.settle(at.start());
    expect(at.ready()).toBe("False CredentialsMissing");
    expect(message(at)).toMatch(/this operator has no default credentials\. Set spec\.credentialsRef\.name .*clientId/);
    expect(at.atlas.creates).toBe(0);
  });

  test("says that the operator's Secret is missing, and goes on once it exists", async () => {
    const at = scene();
    const { data = {} } = at.cluster.peek(SECRETS, PLATFORM) ?? {};
    at.cluster.remove(SECRETS, PLATFORM);
    at.apply(NONE_NAMED);
    const process = at.start({ defaultCredentials: PLATFORM });
    await at.settle(process);
    expect(message(at)).toMatch(
      /^Secret atlas-of-the-platform does not exist in namespace operators\. Create it; the operator picks it up at once\.$/,
    );
    at.cluster.put(SECRETS, { metadata: PLATFORM, data });
    expect(process.resources.reading(objectKey(PLATFORM)).map(({ name }) => name)).toEqual(["orders-api"]);
    await at.settle(process);
    expect(at.ready()).toBe("True Issued");
  });

  test("names the default credentials if their role is missing", async () => {
    const at = scene();
    at.apply(NONE_NAMED);
    at.atlas.listFault = () => atlasError("role");
    await at.settle(at.start({ defaultCredentials: PLATFORM }));
    expect(message(at)).toContain(
      "Grant the credentials in the Secret with the operator's default credentials the role",
    );
  });
});

test("a resource that names its own credentials never gets the operator's", async () => {
  const at = scene();
  at.apply();
  at.cluster.remove(SECRETS, CREDENTIALS);
  const process = at.start({ defaultCredentials: PLATFORM });
  await at.settle(process);
  expect(at.ready()).toBe("False CredentialsMissing");
  expect(at.atlas.creates).toBe(0);
  expect(process.resources.reading(objectKey(PLATFORM))).toEqual([]);
});
