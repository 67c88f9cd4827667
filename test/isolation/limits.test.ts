import { test } from "vitest";
import { parseCredentials } from "../../src/atlas/authentication/credentials.ts";
import { X509AuthenticationApi } from "../../src/atlas/x509-authentication-api.ts";
import { DAY_MS } from "../../src/clock.ts";
import { credentialEntries } from "../integration/operator/scene.ts";
import { expectWithin, LIMIT_MS, SCALE, timed } from "./attack.ts";
import { fixturesWithApps, openWithNeighbour, PRODUCTION } from "./neighbour.ts";

const RESOURCES = 20 * SCALE;
/** The shipped default. */
const MAX_UNEXPIRED = 10;

test("a neighbour uses up both limits of the victim's user, and the victim is renewed when that is due", async () => {
  const { victim, neighbour, operator } = await openWithNeighbour({ simulator: { fixtures: fixturesWithApps(1) } });
  const readyMs = await timed(async () => {
    await victim.apply();
    await victim.untilIssued();
  });
  const { serialNumber } = (await victim.get()).status;
  const entries = credentialEntries(victim.credentials("owner-service-account"));
  await neighbour.putSecret("atlas-api", entries);
  const spec = { username: "orders-api", monthsUntilExpiration: 24, credentialsRef: { name: "atlas-api" } };
  await neighbour.apply(RESOURCES, spec);
  await neighbour.untilReady("True Issued", MAX_UNEXPIRED - 1);
  await neighbour.untilReady("False TooManyUnexpired", RESOURCES - MAX_UNEXPIRED + 1);

  victim.atlas.advanceClock(75 * DAY_MS);
  // More than the daily limit, which grows with the resources of the user.
  const parsed = parseCredentials(entries);
  if (!parsed.ok) throw new Error(parsed.problem);
  const atlas = new X509AuthenticationApi({ baseUrl: victim.atlas.url, credentials: parsed.credentials });
  const request = { groupId: PRODUCTION, username: "orders-api", monthsUntilExpiration: 24 };
  for (let count = 0; count < RESOURCES + 10; count++) await atlas.createDatabaseUserCertificate(request);
  await atlas.close();
  const renewalMs = await timed(async () => {
    // For another user: a call that tells the operator the time at Atlas.
    await neighbour.create("/apis/atlascerts.io/v1alpha1", "atlasusercertificates", {
      apiVersion: "atlascerts.io/v1alpha1",
      kind: "AtlasUserCertificate",
      metadata: { name: "late" },
      spec: { ...spec, projectId: PRODUCTION, username: "app-0", secretName: "late" },
    });
    await victim.untilIssued("orders-api", serialNumber);
  });
  await expectWithin(LIMIT_MS, { readyMs, renewalMs }, victim, operator);
});
