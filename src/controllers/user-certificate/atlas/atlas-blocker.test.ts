import { describe, expect, test } from "vitest";
import { AtlasError, type AtlasErrorKind } from "../../../atlas/atlas-error.ts";
import { atlasError } from "../testing/memory-atlas.ts";
import { PROJECT, resource } from "../testing/snapshots.ts";
import { atlasTrouble } from "./atlas-blocker.ts";

const { spec } = resource();

describe("says what to do about", () => {
  const cases: readonly (readonly [AtlasErrorKind, string, boolean, string])[] = [
    ["credentials", "CredentialsRejected", true, "Put valid ones into Secret atlas-api; it is read again at once."],
    ["role", "RoleMissing", true, `the role Project Owner in project ${PROJECT}.`],
    ["accessList", "IpNotOnAccessList", true, "to the API access list of the credentials in Secret atlas-api."],
    ["userNotFound", "UserNotFound", true, `Create database user orders-api in project ${PROJECT}`],
    ["projectNotFound", "ProjectNotFound", true, `Correct spec.projectId (${PROJECT})`],
    ["customerManagedOn", "CustomerManagedX509On", true, "(the database restarts)"],
    ["certificateLimit", "TooManyUnexpired", true, "or use another database user."],
    ["badRequest", "RequestRejected", true, "Correct the spec."],
    ["rateLimited", "RateLimited", false, "It is tried again by itself."],
    ["unavailable", "AtlasUnavailable", false, "It is tried again by itself."],
    ["badAnswer", "AtlasUnavailable", false, "a proxy on the way to Atlas may be what answers."],
    ["ambiguous", "AnswerLost", false, "its list tells before the next attempt, which comes by itself."],
  ];
  test.each(cases)("%s", (kind, reason, needsPerson, nextStep) => {
    const blocker = atlasTrouble(atlasError(kind), spec);
    expect(blocker).toMatchObject({ reason, needsPerson, retry: { kind: "backoff" } });
    expect(blocker.message.startsWith(`Atlas says ${kind}. `)).toBe(true);
    expect(blocker.message).toContain(nextStep);
  });
});

test("waits at least as long as Atlas asks for", () => {
  expect(atlasTrouble(atlasError("rateLimited", 30_000), spec).retry).toEqual({ kind: "backoff", atLeastMs: 30_000 });
  expect(atlasTrouble(atlasError("rateLimited"), spec).retry).toEqual({ kind: "backoff" });
});

test("does not put a second full stop behind a sentence", () => {
  const error = new AtlasError({ kind: "unavailable", operation: "authenticate", problem: "Atlas is away." });
  expect(atlasTrouble(error, spec).message).toBe("Atlas is away. It is tried again by itself.");
});

describe("is no word for", () => {
  test.each([
    ["the shutdown", atlasError("aborted")],
    ["a defect", new TypeError("x is not a function")],
    ["what is no error", "text"],
  ])("%s, which goes on as it is", (_what, error: unknown) => {
    let thrown: unknown;
    try {
      atlasTrouble(error, spec);
    } catch (caught: unknown) {
      thrown = caught;
    }
    expect(thrown).toBe(error);
  });
});
