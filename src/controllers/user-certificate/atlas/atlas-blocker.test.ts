import { describe, expect, test } from "vitest";
import { AtlasError, type AtlasErrorKind } from "../../../atlas/errors/atlas-error.ts";
import { TransportFailure } from "../../../atlas/transport/transport-failure.ts";
import { atlasError } from "../testing/memory-atlas.ts";
import { PROJECT, resource } from "../testing/snapshots.ts";
import { atlasBlocker } from "./atlas-blocker.ts";

const { spec } = resource();

describe("an answer of Atlas becomes a blocker", () => {
  const cases: readonly (readonly [AtlasErrorKind, string, boolean, string | undefined])[] = [
    [
      "credentials",
      "CredentialsRejected",
      true,
      "Put valid credentials into Secret atlas-api; the operator picks them up at once.",
    ],
    [
      "role",
      "RoleMissing",
      true,
      `Grant the credentials in Secret atlas-api the role Project Owner in project ${PROJECT}.`,
    ],
    ["accessList", "IpNotOnAccessList", true, "to the API access list of the credentials in Secret atlas-api."],
    [
      "userNotFound",
      "UserNotFound",
      true,
      `atlas dbusers create --username orders-api --x509Type MANAGED --projectId ${PROJECT}`,
    ],
    ["projectNotFound", "ProjectNotFound", true, `Correct spec.projectId (${PROJECT})`],
    ["customerManagedOn", "CustomerManagedX509On", true, "which restarts the database"],
    ["certificateLimit", "TooManyUnexpired", true, "or use another database user."],
    [
      "badRequest",
      "RequestRejected",
      true,
      "Correct the field that Atlas rejects: spec.projectId, spec.username or spec.monthsUntilExpiration.",
    ],
    ["rateLimited", "RateLimited", false, undefined],
    ["unavailable", "AtlasUnavailable", false, undefined],
    ["badAnswer", "AtlasUnavailable", false, "If this persists, check --atlas-base-url"],
    ["ambiguous", "AnswerLost", false, "The operator checks Atlas' list before it issues another certificate."],
  ];
  test.each(cases)("%s: %s", (kind, reason, needsPerson, remedy) => {
    const blocker = atlasBlocker(atlasError(kind), spec);
    expect(blocker).toMatchObject({ reason, needsPerson, problem: `Atlas says ${kind}.`, retry: { kind: "backoff" } });
    if (remedy === undefined) expect(blocker.remedy).toBeUndefined();
    else expect(blocker.remedy).toContain(remedy);
  });
});

test.each([
  ["untrusted", "If this persists, check the operator's --atlas-ca-file and HTTPS_PROXY."],
  ["proxyCredentials", "If this persists, check the operator's --atlas-ca-file and HTTPS_PROXY."],
  ["network", undefined],
] as const)(
  "a failure of the connection (%s) has a remedy only if the configuration may be wrong",
  (reason, remedy) => {
    const cause = new TransportFailure({ reason, message: "it failed", sent: false });
    const error = new AtlasError({ kind: "unavailable", operation: "authenticate", problem: "Atlas is away.", cause });
    expect(atlasBlocker(error, spec)).toMatchObject({ reason: "AtlasUnavailable", needsPerson: false });
    expect(atlasBlocker(error, spec).remedy).toBe(remedy);
  },
);

test("a blocker lasts at least as long as Atlas asks for", () => {
  expect(atlasBlocker(atlasError("rateLimited", 30_000), spec).retry).toEqual({ kind: "backoff", atLeastMs: 30_000 });
  expect(atlasBlocker(atlasError("rateLimited"), spec).retry).toEqual({ kind: "backoff" });
});

test("a problem that ends with a full stop gets no second one", () => {
  const error = new AtlasError({ kind: "unavailable", operation: "authenticate", problem: "Atlas is away." });
  expect(atlasBlocker(error, spec).problem).toBe("Atlas is away.");
});

test.each([
  ["createDatabaseUserCertificate", "Atlas is away. Nothing was changed."],
  ["listDatabaseUserCertificates", "Atlas is away."],
] as const)(
  "a failed %s says that nothing was changed only if it could have changed something",
  (operation, problem) => {
    const error = new AtlasError({ kind: "unavailable", operation, problem: "Atlas is away." });
    expect(atlasBlocker(error, spec).problem).toBe(problem);
  },
);

describe("an error that is not Atlas' answer is thrown again", () => {
  test.each([
    ["the end of the process", atlasError("aborted")],
    ["a bug", new TypeError("x is not a function")],
    ["a value that is not an error", "text"],
  ])("%s", (_what, error: unknown) => {
    let thrown: unknown;
    try {
      atlasBlocker(error, spec);
    } catch (caught: unknown) {
      thrown = caught;
    }
    expect(thrown).toBe(error);
  });
});
