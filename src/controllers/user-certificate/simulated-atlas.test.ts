import { describe, expect, test } from "vitest";
import type { Snapshot } from "./core/model/snapshot.ts";
import type { Assessment } from "./core/status/assessment.ts";
import { nextStatus } from "./core/status/next-status.ts";
import { atlasError } from "./testing/memory-atlas.ts";
import { Scene } from "./testing/scene.ts";
import { FOREIGN, following, listed, reconciled, refused, settled } from "./testing/snapshots.ts";

const MARK = "[simulated Atlas] ";

function messages(assessment: Assessment, mark?: string): readonly string[] {
  const before = assessment.snapshot.resource.status.conditions ?? [];
  return (nextStatus(assessment, { before, mark }).conditions ?? []).map(({ message }) => message);
}

describe("with a simulated Atlas the message of every condition starts with the mark", () => {
  test.each<readonly [string, Snapshot]>([
    ["while the certificate is good", settled({ atlas: listed("1001") })],
    ["while the certificate is renewed", settled({ renewRequest: "a", atlas: listed("1001") })],
    ["while a person has to act", settled({ secret: FOREIGN })],
  ])("%s", (_what, snapshot) => {
    const assessment = reconciled(snapshot);
    expect(messages(assessment, MARK)).toEqual(messages(assessment).map((message) => MARK + message));
  });

  test("once, also while a backoff runs", () => {
    const failed = reconciled(settled({ atlas: refused("AtlasUnavailable") }));
    const carried = messages(reconciled(following(failed, { atlas: { kind: "notAsked" } })), MARK);
    expect(carried.map((message) => message.split(MARK.trim()).length - 1)).toEqual([1, 1, 1]);
    expect(carried[0]).toContain("AtlasUnavailable happened.");
  });
});

test("the mark reaches the API server, and no message carries it twice", async () => {
  const scene = new Scene();
  scene.apply();
  const process = scene.start({ mark: MARK });
  scene.atlas.listFault = () => atlasError("userNotFound");
  for (let count = 0; count < 3; count++) {
    await scene.settle(process);
    scene.clock.advanceNow(3000);
  }
  const written = (scene.status().conditions ?? []).map(({ message }) => message);
  expect(written).toHaveLength(3);
  for (const message of written) expect(message).toMatch(/^\[simulated Atlas\] (?!.*simulated)/);
});

test("without a mark no message speaks of a simulated Atlas", () => {
  expect(messages(reconciled(settled({ atlas: listed("1001") }))).join()).not.toContain("simulated");
});
