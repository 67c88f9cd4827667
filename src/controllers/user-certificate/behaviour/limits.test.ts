import { describe, expect, test } from "vitest";
import { USER_CERTIFICATE } from "../../../api/user-certificate.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../clock.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import type { Process } from "../testing/process.ts";
import { issuedScene, NAMESPACE, Scene, SECRET } from "../testing/scene.ts";
import { PROJECT } from "../testing/snapshots.ts";

/** Issuing can't be undone, so it is limited for each database user, whatever happens to resources, statuses and processes. */
const REF = { namespace: NAMESPACE, name: "orders-api" };

/** A certificate of the user that something else obtains. */
async function issueElsewhere(scene: Scene, username = "orders-api"): Promise<void> {
  const parameters = { groupId: PROJECT, username, userCert: { monthsUntilExpiration: 3 } };
  await scene.atlas.createDatabaseUserCertificate(parameters);
}

/** Atlas' list shows certificates only after a while. */
function lag(scene: Scene, ms: number): void {
  const list = scene.atlas.listAllDatabaseUserCertificates.bind(scene.atlas);
  scene.atlas.listAllDatabaseUserCertificates = async (parameters) => {
    const { certificates, answeredAt } = await list(parameters);
    const until = scene.clock.now() - ms;
    return { answeredAt, certificates: certificates.filter(({ createdAt }) => Number(createdAt) + HOUR_MS <= until) };
  };
}

/** As `kubectl replace --force` with deletionPolicy Delete: the resource and its Secret are gone, then the resource is back. */
function recreate(scene: Scene): void {
  scene.cluster.remove(USER_CERTIFICATE, REF);
  if (scene.secret() !== undefined) scene.cluster.remove(SECRETS, SECRET);
  scene.apply({ deletionPolicy: "Delete" });
}

/** For six hours, a renewal is requested again and again. */
async function requestOften(scene: Scene, process: Process, everyMs: number): Promise<void> {
  let request = 0;
  await scene.run(process, {
    forMs: 6 * HOUR_MS,
    everyMs,
    happens: () => scene.apply({}, { renewRequest: String(request++) }),
  });
}

describe("a user gets at most four certificates a day", () => {
  test("although its resource is deleted and applied every minute", async () => {
    const { scene, process } = await issuedScene({ deletionPolicy: "Delete" });
    await scene.run(process, { forMs: 3 * HOUR_MS, everyMs: MINUTE_MS, happens: () => recreate(scene) });
    expect(scene.atlas.creates).toBe(4);
    expect(scene.ready()).toBe("False IssuanceBudgetSpent");
    expect(scene.condition("Ready").message).toMatch(
      /^Daily limit reached: 4 of 4 certificates of user orders-api issued in the last 24 hours\. Issuing resumes at 2030-01-12T/,
    );
  });

  test("although its resource is deleted and applied every minute and each process lives for ten of them", async () => {
    const { scene, process: first } = await issuedScene({ deletionPolicy: "Delete" });
    scene.stop(first);
    for (let life = 0; life < 12; life++) {
      const process = scene.start();
      await scene.run(process, { forMs: 10 * MINUTE_MS, everyMs: MINUTE_MS, happens: () => recreate(scene) });
      scene.stop(process);
    }
    expect(scene.atlas.creates).toBe(4);
  });

  test("although its resource is deleted and applied every minute and Atlas' list lags ten minutes", async () => {
    const { scene, process } = await issuedScene({ deletionPolicy: "Delete" });
    lag(scene, 10 * MINUTE_MS);
    await scene.run(process, { forMs: 3 * HOUR_MS, everyMs: MINUTE_MS, happens: () => recreate(scene) });
    expect(scene.atlas.creates).toBe(4);
  });

  test("although its status is wiped again and again", async () => {
    const { scene, process } = await issuedScene();
    await scene.run(process, {
      forMs: 6 * HOUR_MS,
      everyMs: 10 * MINUTE_MS,
      happens: () => {
        if (scene.secret() !== undefined) scene.cluster.remove(SECRETS, SECRET);
        scene.putStatus({});
      },
    });
    expect(scene.atlas.creates).toBe(4);
    expect(scene.ready()).toBe("False IssuanceBudgetSpent");
  });

  test("although an older backup of its status is restored again and again", async () => {
    const { scene, process } = await issuedScene();
    const backup = structuredClone(scene.status());
    await scene.run(process, {
      forMs: 6 * HOUR_MS,
      everyMs: 10 * MINUTE_MS,
      happens: () => {
        if (scene.secret() !== undefined) scene.cluster.remove(SECRETS, SECRET);
        scene.putStatus(backup);
      },
    });
    expect(scene.atlas.creates).toBe(4);
  });

  test("renewals on request included", async () => {
    const { scene, process } = await issuedScene();
    await requestOften(scene, process, 30 * MINUTE_MS);
    expect(scene.atlas.creates).toBe(4);
    expect([scene.ready(), scene.stalled()]).toEqual(["True IssuanceBudgetSpent", "False IssuanceBudgetSpent"]);
  });

  test.each(["now names another user", "named another user and was deleted"])(
    "those included that are not listed yet and whose resource %s",
    async (what) => {
      const { scene, process } = await issuedScene();
      lag(scene, DAY_MS);
      scene.apply({ username: "billing" });
      await scene.settle(process);
      if (what.endsWith("deleted")) scene.cluster.remove(USER_CERTIFICATE, REF);
      scene.apply({ secretName: "second" }, { name: "second" });
      let request = 0;
      await scene.run(process, {
        forMs: 6 * HOUR_MS,
        everyMs: 30 * MINUTE_MS,
        names: ["second"],
        happens: () => scene.apply({ secretName: "second" }, { name: "second", renewRequest: String(request++) }),
      });
      expect(scene.atlas.issued.filter(({ username }) => username === "orders-api")).toHaveLength(4);
      expect(scene.ready("second")).toBe("True IssuanceBudgetSpent");
    },
  );

  test("and the next one when the first is a day old, to the second", async () => {
    const { scene, process } = await issuedScene();
    for (const renewRequest of ["a", "b", "c", "d"]) {
      scene.apply({}, { renewRequest });
      await scene.settle(process);
    }
    expect(scene.atlas.creates).toBe(4);
    const first = Number(scene.atlas.issued[0]?.createdAt) + HOUR_MS;
    await scene.run(process, { forMs: first + DAY_MS - 1000 - scene.clock.now() });
    expect(scene.atlas.creates).toBe(4);
    await scene.run(process, { forMs: 5000 });
    expect([scene.atlas.creates, scene.ready()]).toEqual([5, "True Issued"]);
  });

  test("those that something else obtained included, since the user is what is limited", async () => {
    const scene = new Scene();
    for (let count = 0; count < 4; count++) await issueElsewhere(scene);
    scene.apply();
    await scene.settle(scene.start());
    expect([scene.atlas.creates, scene.ready()]).toEqual([4, "False IssuanceBudgetSpent"]);
  });

  test("and one more for each further living resource of the user", async () => {
    const { scene, process } = await issuedScene();
    scene.apply({ secretName: "second" }, { name: "second" });
    scene.apply({ secretName: "third" }, { name: "third" });
    let request = 0;
    await scene.run(process, {
      forMs: 6 * HOUR_MS,
      everyMs: 30 * MINUTE_MS,
      names: ["orders-api", "second", "third"],
      happens: () => scene.apply({}, { renewRequest: String(request++) }),
    });
    expect(scene.atlas.creates).toBe(6);
  });

  test("adopted ones not included", async () => {
    const { scene } = await issuedScene();
    scene.clock.advanceNow(2 * DAY_MS);
    scene.cluster.remove(USER_CERTIFICATE, REF);
    scene.apply();
    const process = scene.start();
    for (const renewRequest of ["a", "b", "c", "d", "e"]) {
      await scene.settle(process);
      scene.apply({}, { renewRequest });
    }
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(5);
  });

  test("although Atlas does not say when it issued them", async () => {
    const { scene, process } = await issuedScene();
    const list = scene.atlas.listAllDatabaseUserCertificates.bind(scene.atlas);
    scene.atlas.listAllDatabaseUserCertificates = async (parameters) => {
      const { certificates, answeredAt } = await list(parameters);
      return { answeredAt, certificates: certificates.map(({ createdAt: _createdAt, ...rest }) => rest) };
    };
    await requestOften(scene, process, 30 * MINUTE_MS);
    expect(scene.atlas.creates).toBe(4);
  });

  test("another user's not included", async () => {
    const scene = new Scene();
    for (let count = 0; count < 4; count++) await issueElsewhere(scene, "billing");
    scene.apply();
    await scene.settle(scene.start());
    expect(scene.ready()).toBe("True Issued");
  });
});

describe("a user has at most ten unexpired certificates", () => {
  /** The user has as many as are allowed, all of them older than a day. */
  async function full(): Promise<Scene> {
    const scene = new Scene();
    for (let count = 0; count < 10; count++) await issueElsewhere(scene);
    scene.clock.advanceNow(2 * DAY_MS);
    return scene;
  }

  test("and the message says when the next one expires", async () => {
    const scene = await full();
    scene.apply();
    await scene.settle(scene.start());
    expect([scene.atlas.creates, scene.ready(), scene.stalled()]).toEqual([
      10,
      "False TooManyUnexpired",
      "True TooManyUnexpired",
    ]);
    expect(scene.condition("Stalled").message).toMatch(
      /^Limit reached: user orders-api has 10 unexpired certificates, and 10 are allowed\. Wait until the next one expires at 2030-04-11T00:00:00Z/,
    );
  });

  test("and a user that is recreated at Atlas is noticed within minutes", async () => {
    const scene = await full();
    scene.apply();
    const process = scene.start();
    await scene.settle(process);
    scene.atlas.issued.length = 0;
    await scene.run(process, { forMs: 15 * MINUTE_MS });
    expect(scene.ready()).toBe("True Issued");
  });
});

describe("a renewal that is due by time", () => {
  test("is exempt from both limits: no one can use up another's renewal", async () => {
    const { scene, process } = await issuedScene();
    await scene.run(process, { forMs: 59 * DAY_MS });
    for (let count = 0; count < 20; count++) await issueElsewhere(scene);
    const before = scene.atlas.creates;
    await scene.run(process, { forMs: 2 * DAY_MS });
    expect([scene.atlas.creates - before, scene.ready()]).toEqual([1, "True Issued"]);
    expect(scene.serialIn()).toBe(scene.atlas.issued.at(-1)?.serialNumber);
  });

  test("is exempt once a day for each certificate, also if its answers are lost", async () => {
    const { scene, process } = await issuedScene();
    await scene.run(process, { forMs: 59 * DAY_MS + 23 * HOUR_MS });
    for (let count = 0; count < 20; count++) await issueElsewhere(scene);
    const before = scene.atlas.creates;
    scene.atlas.createFault = () => "answerLost";
    await scene.run(process, { forMs: 3 * DAY_MS + 2 * HOUR_MS });
    expect(scene.atlas.creates - before).toBeGreaterThanOrEqual(3);
    expect(scene.atlas.creates - before).toBeLessThanOrEqual(4);
  });
});

describe("lists that lie", () => {
  test("by being empty cost one certificate and no more, for as long as they do", async () => {
    const { scene, process } = await issuedScene();
    const all = scene.atlas.issued.splice(0);
    const list = scene.atlas.listAllDatabaseUserCertificates.bind(scene.atlas);
    scene.atlas.listAllDatabaseUserCertificates = async (parameters) => ({
      ...(await list(parameters)),
      certificates: [],
    });
    await scene.run(process, { forMs: 10 * DAY_MS });
    expect(scene.atlas.creates).toBe(2);
    expect(scene.ready()).toBe("False NotListedByAtlas");
    // Once they tell the truth again, all is well at the next verification.
    scene.atlas.listAllDatabaseUserCertificates = list;
    scene.atlas.issued.push(...all);
    await scene.run(process, { forMs: 7 * HOUR_MS });
    expect([scene.atlas.creates, scene.ready()]).toEqual([2, "True Issued"]);
  });

  test("by being empty do not switch the daily limit off", async () => {
    const { scene, process } = await issuedScene();
    const list = scene.atlas.listAllDatabaseUserCertificates.bind(scene.atlas);
    scene.atlas.listAllDatabaseUserCertificates = async (parameters) => ({
      ...(await list(parameters)),
      certificates: [],
    });
    await requestOften(scene, process, 20 * MINUTE_MS);
    expect(scene.atlas.creates).toBe(4);
  });
});

test("a resource that is being deleted does not raise the daily limit of its user", async () => {
  const scene = new Scene();
  scene.apply({ secretName: "another" }, { name: "leaving" });
  const process = scene.start();
  scene.apply();
  await scene.reconcile(process);
  scene.markDeleting("leaving");
  await scene.reconcile(process);
  expect(process.assessments.map(({ situation }) => situation.others.count)).toEqual([1, 0]);
});
