import { expect, test } from "vitest";
import { Pacer, SensitiveText, X509AuthenticationApi } from "../../../src/index.ts";
import { startSimulator } from "../../../src/simulator/simulator.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";

const PROJECT = "32b6e34b3d91647abb20e7b8";

test("a client with more to ask than the limit allows is never refused, and is served in the end", async () => {
  // Waits for a turn are skipped and move both sides' time; deadlines are longer and stay out of the way.
  const clock = new ManualClock({ skipUpToMs: 20_000 });
  await using atlas = await startSimulator({
    clock,
    keyAlgorithm: "ec-p256",
    rateLimit: { capacity: 10, refill: 4, refillDurationSeconds: 10 },
  });
  const account = atlas.credentials.find(({ kind, role }) => kind === "serviceAccount" && role === "GROUP_OWNER");
  if (account?.kind !== "serviceAccount") throw new Error("the simulator has no service account");
  await using api = new X509AuthenticationApi({
    credentials: {
      kind: "serviceAccount",
      clientId: account.clientId,
      clientSecret: new SensitiveText(account.clientSecret),
    },
    baseUrl: atlas.url,
    clock,
    pacer: new Pacer({ clock, limits: { capacityTokens: 10, refillTokens: 4, refillPeriodMs: 10_000 } }),
    learnRateLimits: false,
  });
  const user = { groupId: PROJECT, username: "orders-api" };
  for (let count = 0; count < 12; count += 1) {
    await api.createDatabaseUserCertificate(user);
    await api.listDatabaseUserCertificates(user);
  }

  const statuses = atlas.log.entries().map(({ operation, status }) => `${operation} ${status}`);
  expect(statuses.filter((each) => each.endsWith(" 429"))).toEqual([]);
  expect(atlas.log.count("createDatabaseUserCertificate")).toBe(12);
  expect(atlas.log.count("listDatabaseUserCertificates")).toBe(12);
});
