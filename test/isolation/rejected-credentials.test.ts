import { expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { RENEW_REQUEST } from "../integration/operator/scene.ts";
import { openWithNeighbour, PRODUCTION } from "./neighbour.ts";

/** A stranger with made-up API keys, in a namespace of its own, names the project of the victim. */

const RESOURCES = 100;
const SECONDS = 10;

const key = (index: number) => ({
  publicApiKey: "stranger",
  privateApiKey: `00000000-0000-4000-8000-${index.toString().padStart(12, "0")}`,
});

test.each([
  // The first call, and a recheck after 10 s.
  ["an annotation", 2, (second: number) => ({ metadata: { annotations: { touched: `${second}` } } })],
  // The first call, and one changed key in each 10 s.
  ["the key", 3, (second: number) => ({ stringData: key(second) })],
])(
  "who changes %s of the credentials each second costs a call each 10 s, and the victim is renewed within 5 s",
  async (_what, maxTries, patchOf) => {
    const { victim, neighbour: stranger } = await openWithNeighbour();
    await victim.apply();
    const { status } = await victim.untilIssued();
    const before = victim.atlas.log.count();
    await stranger.putSecret("stolen", key(0));
    await stranger.apply(RESOURCES, { credentialsRef: { name: "stolen" } });
    await stranger.untilReady("False CredentialsRejected", RESOURCES);

    let renewedMs: Promise<number> | undefined;
    for (let second = 1; second <= SECONDS; second++) {
      await stranger.patchSecret("stolen", patchOf(second));
      if (second === 3) {
        const start = performance.now();
        await victim.patch("orders-api", { metadata: { annotations: { [RENEW_REQUEST]: "1" } } });
        renewedMs = victim.untilIssued("orders-api", status.serialNumber).then(() => performance.now() - start);
      }
      await systemClock.sleep(1000);
    }
    expect(await renewedMs).toBeLessThan(5000);

    const requests = victim.atlas.log.entries().slice(before);
    const strangers = requests.filter(({ credentialsId, projectId }) => !credentialsId && projectId === PRODUCTION);
    // A try of HTTP Digest is a request for the challenge and one with its answer.
    expect(strangers.length).toBeGreaterThan(0);
    expect(strangers.length).toBeLessThanOrEqual(2 * maxTries);
  },
);
