import { describe, expect, test } from "vitest";
import { SECRET_ANNOTATIONS } from "../../../api/names.ts";
import { DAY_MS, HOUR_MS } from "../../../clock.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import { liveOnce, Mortal } from "../testing/mortal.ts";
import { Scene, SECRET } from "../testing/scene.ts";

/** Processes that die in the middle of an attempt, and their successors. */

interface Story {
  readonly name: string;
  /** Makes a certificate due. */
  readonly begin: (scene: Scene) => Promise<void> | void;
  /** How many certificates there are when all goes well. */
  readonly certificates: number;
}

const STORIES: readonly Story[] = [
  { name: "the first certificate", begin: (scene) => scene.apply(), certificates: 1 },
  {
    name: "a requested renewal",
    begin: async (scene) => {
      await liveOnce(scene);
      scene.apply({}, { renewRequest: "a" });
    },
    certificates: 2,
  },
  {
    name: "a renewal that is due by time",
    begin: async (scene) => {
      await liveOnce(scene);
      scene.clock.advanceNow(61 * DAY_MS);
    },
    certificates: 2,
  },
  {
    name: "a certificate that has expired",
    begin: async (scene) => {
      await liveOnce(scene);
      scene.clock.advanceNow(91 * DAY_MS);
    },
    certificates: 2,
  },
  {
    name: "a certificate that Atlas no longer lists",
    begin: async (scene) => {
      await liveOnce(scene);
      scene.atlas.issued.length = 0;
      scene.clock.advanceNow(7 * HOUR_MS);
      const process = scene.start();
      await scene.run(process, { forMs: 10 * 60_000 });
      scene.stop(process);
      scene.clock.advanceNow(6 * 60_000);
    },
    certificates: 1,
  },
  {
    name: "another user",
    begin: async (scene) => {
      await liveOnce(scene);
      scene.apply({ username: "billing" });
    },
    certificates: 2,
  },
  {
    name: "another Secret",
    begin: async (scene) => {
      await liveOnce(scene);
      scene.apply({ secretName: "elsewhere" });
    },
    certificates: 2,
  },
  {
    name: "a damaged Secret",
    begin: async (scene) => {
      await liveOnce(scene);
      scene.changeSecret((secret) => ({ ...secret, data: { ...secret.data, "tls.key": "eA==" } }));
    },
    certificates: 2,
  },
  {
    name: "a deleted Secret",
    begin: async (scene) => {
      await liveOnce(scene);
      scene.cluster.remove(SECRETS, SECRET);
    },
    certificates: 2,
  },
];

/** Runs a story with a process that dies at a call, then with one that lives. */
async function tell(story: Story, diesAt: number, moment: "before" | "after") {
  const scene = new Scene();
  await story.begin(scene);
  const life = new Mortal(diesAt, moment);
  const first = scene.start({ kube: life.kube(scene.cluster), atlas: life.atlas(scene.atlas) });
  const before = scene.atlas.issued.length;
  await Promise.race([scene.settle(first), life.died]);
  scene.stop(first);
  const created = scene.atlas.issued[before]?.serialNumber;
  const isStored = [...scene.cluster.all()].some(
    ([what, { metadata }]) =>
      what.startsWith("secrets ") && metadata.annotations?.[SECRET_ANNOTATIONS.serialNumber] === created,
  );
  scene.clock.advanceNow(20_000);
  await scene.settle(scene.start());
  return { scene, life, created, isStored };
}

describe.each(STORIES)("a crash during $name", (story) => {
  test.each(["before", "after"] as const)(
    "%s any call costs one certificate at most, only between create and write, and that one is announced",
    async (moment) => {
      const calls = (await tell(story, Number.POSITIVE_INFINITY, moment)).life.calls;
      expect(calls).toBeGreaterThan(6);
      for (let diesAt = 1; diesAt <= calls; diesAt++) {
        const { scene, life, created, isStored } = await tell(story, diesAt, moment);
        const where = `call ${diesAt}`;
        expect(life.isDead, where).toBe(true);
        const status = scene.status();
        const serial = scene.serialIn({ ...SECRET, name: scene.resource().spec.secretName });

        // In the end all is well, and the status says what the Secret holds.
        expect(scene.ready(), where).toBe("True Issued");
        expect(status.serialNumber, where).toBe(serial);
        expect(status.renewRequest, where).toBe(scene.resource().renewRequest);
        expect(status, where).not.toHaveProperty("issuance");
        expect(status, where).not.toHaveProperty("lastAttempt");
        expect(scene.atlas.issued.map(({ serialNumber }) => serialNumber)).toContain(serial);

        // A Secret that is left behind is announced, whichever process dies.
        const isLeft = scene.resource().spec.secretName !== SECRET.name;
        expect(scene.reasons().includes("SecretLeftBehind"), where).toBe(isLeft);

        // The certificate that the dead process created is in the Secret, or it is the one orphan.
        const orphans = created === undefined || isStored ? [] : [created];
        expect(scene.atlas.issued.length, where).toBe(story.certificates + orphans.length);
        expect(status.unaccounted?.map(({ serialNumber }) => serialNumber) ?? [], where).toEqual(orphans);
        expect(scene.orphanEvents(), where).toHaveLength(orphans.length);
        const lost = status.recentIssuances?.filter((entry) => entry.lost === "AnswerLost") ?? [];
        expect(lost.length, where).toBeLessThanOrEqual(1);
        expect(
          lost.flatMap(({ serialNumber }) => serialNumber ?? []),
          where,
        ).toEqual(orphans);
      }
    },
  );
});

test("a process that dies again and again after its create spends four certificates a day and no more", async () => {
  const scene = new Scene();
  scene.apply();
  await dieAgainAndAgain(scene, { times: 30, pauseMs: 40 * 60_000 });
  expect(scene.atlas.creates).toBe(4);
  expect(scene.ready()).toBe("False IssuanceBudgetSpent");
});

test("a process that dies again and again spends four certificates a day although Atlas' list lags ten minutes behind", async () => {
  const scene = new Scene();
  const list = scene.atlas.listAllDatabaseUserCertificates.bind(scene.atlas);
  scene.atlas.listAllDatabaseUserCertificates = async (parameters) => {
    const { certificates, answeredAt } = await list(parameters);
    const until = scene.clock.now() - 600_000;
    return { answeredAt, certificates: certificates.filter(({ createdAt }) => Number(createdAt) + HOUR_MS <= until) };
  };
  scene.apply();
  await dieAgainAndAgain(scene, { times: 100, pauseMs: 20_000 });
  expect(scene.atlas.creates).toBe(4);
  expect(scene.ready()).toBe("False IssuanceBudgetSpent");
  // Each of them is announced once by the next list, when the limit allows the next attempt.
  await scene.run(scene.start(), { forMs: 25 * HOUR_MS });
  const told = scene.events.filter(({ reason }) =>
    ["CertificateOrphaned", "CertificateUnaccountedFor"].includes(reason),
  );
  const serials = told.map(({ note }) => /ertificate (\d+)/.exec(note)?.[1]).toSorted();
  expect(serials).toEqual(scene.atlas.issued.slice(0, 4).map(({ serialNumber }) => serialNumber));
});

test("a process that dies again and again spends four certificates a day although Atlas does not date its certificates", async () => {
  const scene = new Scene();
  const list = scene.atlas.listAllDatabaseUserCertificates.bind(scene.atlas);
  scene.atlas.listAllDatabaseUserCertificates = async (parameters) => {
    const { certificates, answeredAt } = await list(parameters);
    return { answeredAt, certificates: certificates.map(({ createdAt: _createdAt, ...rest }) => rest) };
  };
  scene.apply();
  await dieAgainAndAgain(scene, { times: 30, pauseMs: 40 * 60_000 });
  expect(scene.atlas.creates).toBe(4);
});

/** Each process dies right after its create. */
async function dieAgainAndAgain(
  scene: Scene,
  { times, pauseMs }: { readonly times: number; readonly pauseMs: number },
) {
  for (let crash = 0; crash < times; crash++) {
    scene.clock.advanceNow(pauseMs);
    const died = Promise.withResolvers<void>();
    const process = scene.start({
      onStep: (step) => {
        if (step !== "check") return;
        died.resolve();
        return new Promise(() => {});
      },
    });
    await Promise.race([scene.settle(process), died.promise]);
    scene.stop(process);
  }
}

test("a spec that changed while an attempt was open is acted upon right after the attempt is settled", async () => {
  const scene = new Scene();
  scene.apply();
  const { life: whole } = await tell({ name: "", begin: (its) => its.apply(), certificates: 1 }, 1e9, "before");
  // It dies before it closes the record: the Secret is written.
  const life = new Mortal(whole.calls, "before");
  const first = scene.start({ kube: life.kube(scene.cluster), atlas: life.atlas(scene.atlas) });
  await Promise.race([scene.settle(first), life.died]);
  scene.stop(first);
  expect(scene.status()).toHaveProperty("issuance");
  expect(scene.secret()).toBeDefined();
  scene.apply({ username: "billing" });
  await scene.settle(scene.start());
  expect(scene.ready()).toBe("True Issued");
  expect(scene.atlas.issued.map(({ username }) => username)).toEqual(["orders-api", "billing"]);
  expect(scene.orphanEvents()).toEqual([]);
});
