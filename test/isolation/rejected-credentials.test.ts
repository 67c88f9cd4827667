import { expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { expectUnharmed, SCALE } from "./attack.ts";
import { openWithNeighbour, PRODUCTION } from "./neighbour.ts";

/** A stranger with made-up API keys, in a namespace of its own, names the project of the victim. */

const RESOURCES = 300 * SCALE;
const SECONDS = 10;

const key = (index: number) => ({
  publicApiKey: "stranger",
  privateApiKey: `00000000-0000-4000-8000-${index.toString().padStart(12, "0")}`,
});

test.each([
  // The first call, and a recheck each 10 s.
  [
    "an annotation",
    (seconds: number) => 1 + Math.floor(seconds / 10),
    (second: number) => ({ metadata: { annotations: { touched: `${second}` } } }),
  ],
  // The first call, and one changed key in each 10 s.
  ["the key", (seconds: number) => 1 + Math.ceil(seconds / 10), (second: number) => ({ stringData: key(second) })],
])(
  "who changes %s of the credentials each second costs a call each 10 s, and the victim is renewed within 5 s",
  async (_what, maxTries, patchOf) => {
    const { victim, neighbour: stranger, operator } = await openWithNeighbour();
    const since = performance.now();
    await stranger.putSecret("stolen", key(0));
    await stranger.apply(RESOURCES, { credentialsRef: { name: "stolen" } });
    await stranger.untilReady("False CredentialsRejected", RESOURCES);

    let unharmed: Promise<void> | undefined;
    for (let second = 1; second <= SECONDS; second++) {
      await stranger.patchSecret("stolen", patchOf(second));
      if (second === 3) unharmed = expectUnharmed(victim, operator);
      await systemClock.sleep(1000);
    }
    await unharmed;

    const requests = victim.atlas.log.entries();
    const strangers = requests.filter(({ credentialsId, projectId }) => !credentialsId && projectId === PRODUCTION);
    // A try of HTTP Digest is a request for the challenge and one with its answer.
    expect(strangers.length).toBeGreaterThan(0);
    expect(strangers.length).toBeLessThanOrEqual(2 * maxTries((performance.now() - since) / 1000));
  },
);
