import { expect, test } from "vitest";
import { HOUR_MS } from "../../../clock.ts";
import { atlasError } from "../testing/memory-atlas.ts";
import { kubeError } from "../testing/memory-cluster.ts";
import { issuedScene, Scene, SECRET } from "../testing/scene.ts";

const MARK = "[simulated Atlas] ";
const MARKED_ONCE = /^\[simulated Atlas\] (?!.*simulated)/;

const messages = (scene: Scene) => (scene.status().conditions ?? []).map(({ message }) => message);

const scenes: readonly (readonly [string, () => Promise<Scene>])[] = [
  ["while the certificate is good", async () => (await issuedScene({}, { mark: MARK })).scene],
  [
    "while a person has to act, also while a backoff runs",
    async () => {
      const scene = new Scene();
      scene.apply();
      scene.atlas.listFault = () => atlasError("userNotFound");
      const process = scene.start({ mark: MARK });
      for (let count = 0; count < 3; count++) {
        await scene.settle(process);
        scene.clock.advanceNow(3000);
      }
      return scene;
    },
  ],
  [
    "while an expired certificate cannot be read",
    async () => {
      const { scene, process } = await issuedScene({}, { mark: MARK });
      scene.changeSecret((secret) => ({ ...secret, metadata: { ...secret.metadata, labels: { a: "b" } } }));
      scene.cluster.fault = ({ verb, what }) =>
        verb === "get" && what.includes(SECRET.name) ? kubeError("Forbidden") : undefined;
      scene.clock.advanceNow(3000 * HOUR_MS);
      await scene.settle(process).catch(() => {});
      expect(scene.ready()).toBe("False Expired");
      return scene;
    },
  ],
];

test.each(scenes)("with a simulated Atlas each condition's message starts with the mark, once, %s", async (_, make) => {
  const written = messages(await make());
  expect(written).toHaveLength(3);
  for (const message of written) expect(message).toMatch(MARKED_ONCE);
});

test("without a mark no message speaks of a simulated Atlas", async () => {
  const { scene } = await issuedScene();
  expect(messages(scene).join()).not.toContain("simulated");
});
