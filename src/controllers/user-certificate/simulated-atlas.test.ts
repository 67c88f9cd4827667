import { describe, expect, test } from "vitest";
import { nextStatus } from "./core/status/next-status.ts";
import type { Snapshot } from "./core/model/snapshot.ts";
import { FOREIGN, following, listed, POLICY, refused, reconciled, settled } from "./testing/snapshots.ts";

const simulated = { ...POLICY, simulatedAtlas: true };

function messages(snapshot: Snapshot): readonly string[] {
  return (nextStatus(reconciled(snapshot)).conditions ?? []).map(({ message }) => message);
}

describe("with a simulated Atlas", () => {
  test.each<readonly [string, Snapshot]>([
    ["of a certificate that is good", settled({ atlas: listed("1001") })],
    ["of a certificate that is being renewed", settled({ renewRequest: "a", atlas: listed("1001") })],
    ["of a resource that somebody has to mend", settled({ secret: FOREIGN })],
  ])("every condition's message says so: %s", (_what, snapshot) => {
    expect(messages({ ...snapshot, policy: simulated })).toEqual(
      messages(snapshot).map((message) => `[simulated Atlas] ${message}`),
    );
  });

  test("a message that is carried from round to round says so once", () => {
    const failed = reconciled(settled({ atlas: refused("AtlasUnavailable"), policy: simulated }));
    const carried = messages(following(failed, { atlas: { kind: "notAsked" } }));
    expect(carried.map((message) => message.split("[simulated Atlas]").length - 1)).toEqual([1, 1, 1]);
    expect(carried[0]).toContain("AtlasUnavailable happened.");
  });
});

test("with the real Atlas no message speaks of a simulated one", () => {
  expect(messages(settled({ atlas: listed("1001") })).join()).not.toContain("simulated");
});
