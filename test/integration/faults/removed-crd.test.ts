import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { Scene } from "../operator/scene.ts";
import { expectRecovered } from "./outcome.ts";
import { ownControlPlane } from "./own-control-plane.ts";

const own = ownControlPlane();
const DEFINITION = path.join(import.meta.dirname, "../../../crds/atlascerts.io_atlasusercertificates.yaml");
const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

test("a CustomResourceDefinition that is removed in the middle of an issue and put back costs no certificate", async () => {
  const definition = await readDefinition();
  const { rest, place, must } = own();
  let isMet = false;
  const scene = await Scene.open({
    place: await place(`removed-${Date.now()}`),
    onStep: async (step) => {
      if (step !== "create" || isMet) return;
      isMet = true;
      await must("DELETE", `${DEFINITIONS}/${definition.metadata.name}`);
      await expect
        .poll(async () => (await rest("GET", `${DEFINITIONS}/${definition.metadata.name}`)).status, { timeout: 20_000 })
        .toBe(404);
    },
  });
  await scene.apply();
  // The certificate exists, and its Secret is written although no resource asks for it any more.
  await expect.poll(() => scene.secret(), { timeout: 40_000 }).toBeDefined();

  const since = performance.now();
  await must("POST", DEFINITIONS, definition);
  await expect.poll(() => scene.apply().then(() => "applied", String), { timeout: 20_000 }).toBe("applied");
  await expectRecovered(scene, { certificates: 1, orphans: 0 }, { since });
  expect(scene.creates).toBe(1);
});

async function readDefinition() {
  return z
    .looseObject({ metadata: z.looseObject({ name: z.string() }) })
    .parse(parse(await readFile(DEFINITION, "utf8")));
}
