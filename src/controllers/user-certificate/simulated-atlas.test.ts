import { describe, expect, test } from "vitest";
import { nextStatus } from "./next-status.ts";
import type { Observed } from "./observed.ts";
import { FOREIGN, following, listed, POLICY, refused, round, settled } from "./testing/observations.ts";

const simulated = { ...POLICY, simulatedAtlas: true };

function messages(observed: Observed): readonly string[] {
  return (nextStatus(round(observed)).conditions ?? []).map(({ message }) => message);
}

describe("with a simulated Atlas", () => {
  test.each<readonly [string, Observed]>([
    ["of a certificate that is good", settled({ atlas: listed("1001") })],
    ["of a certificate that is being renewed", settled({ renewRequest: "a", atlas: listed("1001") })],
    ["of a resource that somebody has to mend", settled({ secret: FOREIGN })],
  ])("every condition's message says so: %s", (_what, observed) => {
    expect(messages({ ...observed, policy: simulated })).toEqual(
      messages(observed).map((message) => `[simulated Atlas] ${message}`),
    );
  });

  test("a message that is carried from round to round says so once", () => {
    const failed = round(settled({ atlas: refused("AtlasUnavailable"), policy: simulated }));
    const carried = messages(following(failed, { atlas: { kind: "notAsked" } }));
    expect(carried.map((message) => message.split("[simulated Atlas]").length - 1)).toEqual([1, 1, 1]);
    expect(carried[0]).toContain("AtlasUnavailable happened.");
  });
});

test("with the real Atlas no message speaks of a simulated one", () => {
  expect(messages(settled({ atlas: listed("1001") })).join()).not.toContain("simulated");
});
