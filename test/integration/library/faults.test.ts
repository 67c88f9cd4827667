import { describe, expect, test, vi } from "vitest";
import { AtlasError } from "../../../src/index.ts";
import type { Fault } from "../../../src/simulator/faults.ts";
import { PROJECT, SimulatedAtlas, USER } from "../../library/simulated-atlas.ts";

/** What a create comes to: the kind of its error, or `created`. */
async function outcomeOf(create: Promise<unknown>): Promise<Pick<AtlasError, "kind" | "retryAfterMs"> | "created"> {
  try {
    await create;
    return "created";
  } catch (error) {
    if (error instanceof AtlasError) return { kind: error.kind, retryAfterMs: error.retryAfterMs };
    throw error;
  }
}

const failed = (kind: AtlasError["kind"], retryAfterMs?: number) => ({ kind, retryAfterMs });

/** A fault that the admin port puts in front of a create, what the caller learns, and how many certificates exist then. */
const faults: readonly (readonly [Fault["effect"], ReturnType<typeof failed> | "created", number])[] = [
  [{ kind: "status", status: 500 }, failed("ambiguous"), 0],
  [{ kind: "html", status: 200 }, failed("ambiguous"), 0],
  [{ kind: "html", status: 503 }, failed("ambiguous"), 0],
  [{ kind: "html", status: 403 }, failed("badAnswer"), 0],
  [{ kind: "redirect" }, failed("badAnswer"), 0],
  [{ kind: "rateLimited", retryAfter: "7" }, failed("rateLimited", 7_000), 0],
  [{ kind: "reset" }, failed("ambiguous"), 0],
  [{ kind: "cutAnswer" }, failed("ambiguous"), 1],
  [{ kind: "resetAfterwards" }, failed("ambiguous"), 1],
  [{ kind: "failAfterwards", status: 504 }, failed("ambiguous"), 1],
  [{ kind: "truncatedBody" }, failed("ambiguous"), 1],
  [{ kind: "emptyBody" }, failed("ambiguous"), 1],
  [{ kind: "noKey" }, failed("ambiguous"), 1],
  [{ kind: "answerStatus", status: 202 }, "created", 1],
  [{ kind: "answerStatus", status: 200 }, "created", 1],
  [{ kind: "jsonString" }, "created", 1],
  [{ kind: "delay", ms: 5_000 }, "created", 1],
  [{ kind: "wrongClock", offsetMs: 86_400_000 }, "created", 1],
];

describe.each(["serviceAccount", "apiKey"] as const)("a create with the credentials of a %s", (account) => {
  test.each(faults)(
    "that meets %j: %j, with %d at Atlas, and it was sent once",
    async (effect, outcome, certificates) => {
      await using under = await SimulatedAtlas.start();
      await under.controls.addFault({ operation: "createDatabaseUserCertificate", effect });
      expect(await outcomeOf(under.api(account).createDatabaseUserCertificate(USER))).toEqual(outcome);
      expect(under.atlas.certificates(PROJECT, USER.username)).toHaveLength(certificates);
      expect(under.atlas.log.count("createDatabaseUserCertificate")).toBe(1);
      expect(under.atlas.faults.pending).toEqual([]);
    },
  );

  test.each([
    ["hang", 0],
    ["withholdAnswer", 1],
  ] as const)("that is not answered (%s) is ambiguous after its time, with %d at Atlas", async (kind, certificates) => {
    await using under = await SimulatedAtlas.start();
    await under.controls.addFault({ operation: "createDatabaseUserCertificate", effect: { kind } });
    const outcome = outcomeOf(under.api(account).createDatabaseUserCertificate(USER));
    await vi.waitFor(() => {
      expect(under.atlas.log.entries("createDatabaseUserCertificate")[0]?.fault).toBe(kind);
    }, 60_000);
    under.clock.advanceNow(30_000);
    expect(await outcome).toEqual(failed("ambiguous"));
    expect(under.atlas.certificates(PROJECT, USER.username)).toHaveLength(certificates);
  });

  test("whose token or challenge is a page instead was never sent", async () => {
    await using under = await SimulatedAtlas.start();
    await under.controls.addFault({ operation: "createAccessToken", effect: { kind: "html", status: 200 } });
    const outcome = await outcomeOf(under.api(account).createDatabaseUserCertificate(USER));
    // API keys need no token, so the fault is not for them.
    expect(outcome).toEqual(account === "serviceAccount" ? failed("badAnswer") : "created");
    expect(under.atlas.log.count("createDatabaseUserCertificate")).toBe(account === "serviceAccount" ? 0 : 1);
  });

  test("whose token or nonce has run out is sent again with a new one, and creates one certificate", async () => {
    await using under = await SimulatedAtlas.start();
    const api = under.api(account);
    await api.listDatabaseUserCertificates(USER);
    under.atlas.expireTokens();
    under.atlas.expireNonces();
    await api.createDatabaseUserCertificate(USER);
    const statuses = under.atlas.log.entries("createDatabaseUserCertificate").map(({ status }) => status);
    expect(statuses).toEqual([401, 201]);
    expect(under.atlas.certificates(PROJECT, USER.username)).toHaveLength(1);
  });
});

describe("a refusal of Atlas has a kind of its own:", () => {
  type Refusal = (under: SimulatedAtlas) => Promise<unknown>;
  const create = (under: SimulatedAtlas, user = USER) =>
    under.api("serviceAccount").createDatabaseUserCertificate(user);
  const refusals: readonly (readonly [AtlasError["kind"], string, Refusal])[] = [
    [
      "credentials",
      "a secret that was replaced",
      (under) => {
        const api = under.api("serviceAccount");
        under.atlas.rotateCredentials("owner-service-account");
        return api.createDatabaseUserCertificate(USER);
      },
    ],
    [
      "credentials",
      "a private key that was replaced",
      (under) => {
        const api = under.api("apiKey");
        under.atlas.rotateCredentials("owner-api-key");
        return api.createDatabaseUserCertificate(USER);
      },
    ],
    [
      "role",
      "a reader who creates",
      (under) => under.api("serviceAccount", "GROUP_READ_ONLY").createDatabaseUserCertificate(USER),
    ],
    [
      "role",
      "a reader who switches customer-managed X.509 off",
      (under) => under.api("serviceAccount", "GROUP_READ_ONLY").disableCustomerManagedX509({ groupId: PROJECT }),
    ],
    [
      "accessList",
      "an address that is not on the access list",
      (under) => {
        under.atlas.setIpAccessAllowed(false);
        return create(under);
      },
    ],
    ["userNotFound", "a user that does not exist", (under) => create(under, { ...USER, username: "nobody" })],
    [
      "projectNotFound",
      "a project that does not exist",
      (under) => create(under, { ...USER, groupId: "f".repeat(24) }),
    ],
    [
      "customerManagedOn",
      "customer-managed X.509",
      (under) => {
        under.atlas.setCustomerManagedX509(PROJECT, "-----BEGIN CERTIFICATE-----\n");
        return create(under);
      },
    ],
    [
      "certificateLimit",
      "one certificate too many",
      async (under) => {
        await create(under);
        return create(under);
      },
    ],
  ];

  test.each(refusals)("%s for %s", async (kind, _name, refusal) => {
    await using under = await SimulatedAtlas.start({ certificateLimit: 1 });
    const error = await refusal(under).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AtlasError);
    expect(error).toMatchObject({ kind });
    expect(error).toHaveProperty("requiredRole", kind === "role" ? "Project Owner" : undefined);
  });
});
