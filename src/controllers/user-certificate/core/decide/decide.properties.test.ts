import { describe, expect, test } from "vitest";
import { always } from "../../testing/walk-properties.ts";
import type { Situation } from "../model/situation.ts";
import { decide, needsAtlas } from "./decide.ts";
import { isExempt } from "./limits.ts";

describe("never issues", () => {
  const never: Readonly<Record<string, (situation: Situation) => boolean>> = {
    "while the resource is suspended": ({ resource }) => resource.spec.suspend,
    "over a foreign Secret": ({ secret }) => secret.kind === "foreign",
    "into a Secret that another resource holds": ({ secretHolder }) => secretHolder !== undefined,
    "into a Secret that is being deleted": ({ secret }) => secret.kind === "managed" && secret.metadata.deleting,
    "without usable credentials": ({ credentials }) => credentials.kind !== "usable",
    "after Atlas has refused its list": ({ atlas }) => atlas.kind === "refused",
    "while a backoff runs": ({ backoffEndMs }) => backoffEndMs !== undefined,
    "while a certificate is parked in this process": ({ isParkedHere }) => isParkedHere,
    "while a certificate is parked in the process before": ({ isParkedElsewhere }) => isParkedElsewhere,
    "before a list has told what came of the open attempt": ({ atlas, resource, settled }) =>
      atlas.kind !== "notAsked" && resource.status.issuance !== undefined && settled === undefined,
  };
  test.each(Object.entries(never))("%s", (_what, isForbidden) => {
    let seen = 0;
    always(({ situation }) => {
      if (!isForbidden(situation)) return;
      seen++;
      expect(decide(situation).kind).not.toBe("issue");
    });
    expect(seen).toBeGreaterThan(0);
  });

  const limits: Readonly<Record<string, (situation: Situation) => boolean>> = {
    "more certificates of a user in a day than the policy allows": ({ usage }) =>
      usage.issuedMs.length >= usage.maxPerDay,
    "more unexpired certificates of a user than the policy allows": ({ policy, usage }) =>
      usage.unexpired >= policy.maxUnexpiredPerUser,
  };
  test.each(Object.entries(limits))("%s, but for one renewal a day that is due by time", (_what, isReached) => {
    let refused = 0;
    always(({ situation }) => {
      if (!isReached(situation)) return;
      const decision = decide(situation);
      if (decision.kind === "issue") expect(isExempt(situation, decision.reason)).toBe(true);
      else refused++;
    });
    expect(refused).toBeGreaterThan(0);
  });

  test("because lists lack a certificate that was itself issued for that reason", () => {
    always(({ situation }) => {
      const decision = decide(situation);
      if (decision.kind !== "issue" || decision.reason !== "NotListedByAtlas") return;
      expect(situation.resource.status.unlisted).not.toHaveProperty("replaced");
    });
  });

  test("but upon Atlas' list", () => {
    always(({ situation }) => {
      const decision = decide(situation);
      if (decision.kind === "issue") expect(needsAtlas(situation, decision, false)).toBe(true);
    });
  });
});
