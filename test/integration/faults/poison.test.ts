import { expect, onTestFinished, test } from "vitest";
import { rest } from "../../control-plane/control-plane.ts";
import { condition, PRODUCTION, Scene } from "../operator/scene.ts";
import { fixturesWith, userNames } from "./many-users.ts";
import { expectRecovered } from "./outcome.ts";

/** Resources whose certificate exists and can't be written, for ever as far as anybody knows. */

const OTHERS = 50;
const WORKERS = 4;

test(`${WORKERS - 1} of ${WORKERS} workers hold certificates that no Secret takes: ${OTHERS} others are issued all the same`, {
  timeout: 120_000,
}, async () => {
  const poison = Array.from({ length: WORKERS - 1 }, (_, index) => `poison-${index}`);
  const others = userNames(OTHERS);
  const scene = await Scene.prepare({ simulator: { fixtures: fixturesWith([...poison, ...others]) } });
  const policy = await refuseSecrets(scene, "poison-");
  await scene.startOperator({ workers: WORKERS });
  for (const name of poison) await scene.apply(name, { username: name });
  const inHand = () => poison.filter((name) => scene.atlas.certificates(PRODUCTION, name).length === 1);
  await expect.poll(inHand, { timeout: 20_000 }).toEqual(poison);

  for (const name of others) await scene.apply(name, { username: name });
  for (const name of others) await expectRecovered(scene, { certificates: 1, orphans: 0 }, { name });
  expect(inHand(), "none of the refused was given up, or issued again").toEqual(poison);
  for (const name of poison) {
    const resource = await scene.get(name);
    expect([condition(resource, "Ready")?.status, condition(resource, "Issuing")?.status]).toEqual(["False", "True"]);
  }

  // The way out: the policy goes, and what waited in memory is written.
  await policy.remove();
  for (const name of poison) await expectRecovered(scene, { certificates: 1, orphans: 0 }, { name });
  expect(scene.creates).toBe(WORKERS - 1 + OTHERS);
});

/**
 * A policy that refuses every write of such Secrets in the scene's namespace, but no dry run: a certificate is asked
 * for before anybody can know. Resolves when it is in force.
 */
async function refuseSecrets(scene: Scene, prefix: string): Promise<{ readonly remove: () => Promise<void> }> {
  const name = `poison-${scene.namespace}`;
  const policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
  const bindings = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";
  const isWanted = `!object.metadata.name.startsWith("${prefix}") || (has(request.dryRun) && request.dryRun)`;
  await mustCreate(policies, {
    metadata: { name },
    spec: {
      failurePolicy: "Fail",
      matchConstraints: {
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": scene.namespace } },
        resourceRules: [
          { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["secrets"] },
        ],
      },
      validations: [{ expression: isWanted, message: "not in this namespace" }],
    },
  });
  const remove = async () => {
    await rest("DELETE", `${bindings}/${name}`);
    await rest("DELETE", `${policies}/${name}`);
  };
  onTestFinished(remove);
  await mustCreate(bindings, { metadata: { name }, spec: { policyName: name, validationActions: ["Deny"] } });
  const probe = async () => {
    const secrets = `/api/v1/namespaces/${scene.namespace}/secrets`;
    const { status } = await rest("POST", secrets, { metadata: { name: `${prefix}probe` } });
    if (status === 201) await rest("DELETE", `${secrets}/${prefix}probe`);
    return status;
  };
  await expect.poll(probe, { timeout: 20_000, interval: 100 }).toBe(422);
  return { remove };
}

async function mustCreate(requestPath: string, body: object): Promise<void> {
  const answer = await rest("POST", requestPath, body);
  if (answer.status !== 201) throw new Error(`${requestPath}: ${answer.status} ${JSON.stringify(answer.body)}`);
}
