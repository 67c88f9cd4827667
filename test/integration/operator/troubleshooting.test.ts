import { afterAll, describe, expect, test } from "vitest";
import { userCertificateSamples } from "../../../deploy/generate/messages/user-certificate.ts";
import { systemClock } from "../../../src/clock.ts";
import { freshNamespace, kubectl, rest } from "../../control-plane/control-plane.ts";
import { MERGE_PATCH } from "./platform.ts";
import { PRODUCTION, Scene } from "./scene.ts";
import { NAME, type State } from "./states.ts";
import { describedState } from "./troubleshooting/description.ts";
import { type ConditionReason, REASONS, SAMPLED } from "./troubleshooting/reasons.ts";
import { TroubleshootingPage } from "./troubleshooting/troubleshooting-page.ts";

/**
 * docs/troubleshooting.md shows what `kubectl describe` says for each reason. With UPDATE_TROUBLESHOOTING=1
 * (`make reasons`) the page is written instead of compared.
 */

const isWriting = process.env.UPDATE_TROUBLESHOOTING === "1";
const page = await TroubleshootingPage.read();
const samples = await userCertificateSamples();
const of = (wanted: boolean) =>
  Object.entries(REASONS).filter(([, state]) => (state === SAMPLED) === wanted) as [ConditionReason, State][];

afterAll(async () => {
  if (isWriting) await page.write();
});

test("docs/troubleshooting.md has a section for each reason, and no other", () => {
  expect(page.reasons.toSorted()).toEqual(Object.keys(REASONS).toSorted());
});

test.each(Object.keys(REASONS))(
  "the section %s says what it means, what is safe, what happens next and what to do",
  (reason) => {
    const section = page.section(reason);
    for (const part of ["Meaning", "Safe now", "Next", "To do"])
      expect(section).toMatch(new RegExp(`^- \\*\\*${part}:\\*\\* \\S`, "m"));
  },
);

describe("docs/troubleshooting.md shows what kubectl says of", () => {
  test.each(of(false))("%s, in a real run", async (reason, { options, produce, undo }) => {
    const scene = await Scene.open(options);
    try {
      await produce(scene);
      await compare(reason, scene.namespace);
    } finally {
      await undo?.(scene);
    }
  });

  test.each(of(true))("%s, with the sample values of docs/messages.md", async (reason) => {
    const namespace = await freshNamespace("described");
    const path = `/apis/atlascerts.io/v1alpha1/namespaces/${namespace}/atlasusercertificates`;
    const spec = { projectId: PRODUCTION, credentialsRef: { name: "atlas-api" }, username: NAME, secretName: "x" };
    await rest("POST", path, { ...KIND, metadata: { name: NAME }, spec });
    const conditions = samples[reason].find((sample) =>
      sample.conditions.some((one) => one.reason === reason),
    )?.conditions;
    const { status, body } = await rest("PATCH", `${path}/${NAME}/status`, { status: { conditions } }, MERGE_PATCH);
    expect(status, JSON.stringify(body)).toBe(200);
    await compare(reason, namespace);
  });
});

const KIND = { apiVersion: "atlascerts.io/v1alpha1", kind: "AtlasUserCertificate" };

/** Waits until kubectl says what the page shows, or brings into the page what kubectl says once that stays the same. */
async function compare(reason: ConditionReason, namespace: string): Promise<void> {
  const described = async () =>
    describedState(await kubectl("describe", "auc", NAME, "--namespace", namespace), namespace);
  if (!isWriting) {
    await expect.poll(described, { timeout: 10_000, interval: 200 }).toBe(page.shown(reason));
    return;
  }
  for (let last = "", rounds = 0; rounds < 20; rounds++) {
    await systemClock.sleep(700);
    const now = await described();
    if (now === last && now.includes(reason)) {
      page.show(reason, now);
      return;
    }
    last = now;
  }
  throw new Error(`${reason} did not come to rest: ${await described()}`);
}
