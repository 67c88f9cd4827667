import { beforeEach, describe, expect, test } from "vitest";
import { SECRET_ANNOTATIONS } from "../../../api/names.ts";
import { HOUR_MS } from "../../../clock.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import type { IssueStep } from "../issue.ts";
import type { Process } from "../testing/process.ts";
import { Scene, SECRET } from "../testing/scene.ts";

/** Two resources that want one Secret while a certificate for one of them is on its way. */
let scene: Scene;
/** Runs before a step of a resource. */
let before: (step: IssueStep, name: string) => void | Promise<void>;
let process: Process;

beforeEach(() => {
  scene = new Scene();
  before = () => {};
  process = scene.start({ onStep: (step, { name }) => before(step, name) });
});

const holder = () => scene.secret()?.metadata.annotations?.[SECRET_ANNOTATIONS.certificateName];
const claim = (name: string, secretName = SECRET.name) => scene.apply({ username: name, secretName }, { name });

/** Both issue, for neither knew of the other when it began; the second waits with its write for the end of the first. */
async function bothIssue(first: string): Promise<void> {
  claim("beta");
  const alphaRecorded = Promise.withResolvers<void>();
  const firstEnded = Promise.withResolvers<void>();
  const ended: Promise<unknown>[] = [];
  const settle = async (name: string) => {
    await scene.settle(process, name);
    if (name === first) firstEnded.resolve();
  };
  before = async (step, name) => {
    if (name === "beta" && step === "record") {
      // Beta has no record yet when alpha is reconciled.
      claim("alpha");
      ended.push(settle("alpha"));
      await alphaRecorded.promise;
    }
    if (name === "alpha" && step === "create") alphaRecorded.resolve();
    // Atlas' times are whole seconds: the two certificates differ in theirs.
    if (step === "create") scene.clock.advanceNow(2000);
    if (name !== first && step === "write") await firstEnded.promise;
  };
  await settle("beta");
  await Promise.all(ended);
}

describe("an older resource that begins to name a Secret that another one is issuing into", () => {
  test("waits, since the certificate on its way cannot be returned", async () => {
    claim("alpha", "alphas-own");
    scene.clock.advanceNow(HOUR_MS);
    claim("beta");
    before = async (step, name) => {
      if (name !== "beta" || step !== "check") return;
      claim("alpha");
      await scene.settle(process, "alpha");
    };
    await scene.settle(process, "beta");
    expect([holder(), scene.ready("beta"), scene.ready("alpha")]).toEqual([
      "beta",
      "True Issued",
      "False SecretClaimedTwice",
    ]);
    expect(scene.atlas.creates).toBe(1);
  });

  test("gets the Secret if that attempt comes to nothing", async () => {
    claim("alpha", "alphas-own");
    scene.clock.advanceNow(HOUR_MS);
    claim("beta");
    scene.atlas.createFault = (create) => (create === 1 ? { refuse: "userNotFound" } : undefined);
    await scene.settle(process, "beta");
    claim("alpha");
    await scene.settle(process, "alpha");
    expect([holder(), scene.ready("alpha")]).toEqual(["alpha", "True Issued"]);
  });
});

describe.each([
  ["alpha", "beta"],
  ["beta", "alpha"],
] as const)("if two began at once and %s writes first", (first, second) => {
  test("it keeps the Secret, and the certificate of the other is parked", async () => {
    await bothIssue(first);
    expect(scene.atlas.creates).toBe(2);
    expect([holder(), scene.ready(first), scene.ready(second), scene.stalled(second)]).toEqual([
      first,
      "True Issued",
      "False SecretClaimedTwice",
      "True SecretClaimedTwice",
    ]);
    expect([process.parked.size, scene.orphanEvents()]).toEqual([1, []]);
  });

  test("the certificate of the other is stored once its resource names another Secret, and none is issued again", async () => {
    await bothIssue(first);
    claim(second, `${second}-mongodb`);
    await scene.run(process, { forMs: HOUR_MS, names: [second] });
    expect(scene.ready(second)).toBe("True Issued");
    expect(scene.serialIn({ ...SECRET, name: `${second}-mongodb` })).toBe(scene.status(second).serialNumber);
    expect(scene.status(second)).not.toHaveProperty("issuance");
    expect([scene.atlas.creates, process.parked.size, scene.orphanEvents()]).toEqual([2, 0, []]);
    expect(holder()).toBe(first);
  });

  test("the record of the other does not take the Secret if it is gone for a moment", async () => {
    await bothIssue(first);
    scene.clock.advanceNow(HOUR_MS);
    scene.cluster.remove(SECRETS, SECRET);
    await scene.settle(process, "beta");
    await scene.settle(process, "alpha");
    // No one holds it and no one issues into it: age decides.
    expect(holder()).toBe("alpha");
  });
});

describe("a resource that is being deleted", () => {
  test("does not keep a Secret that it has not written from a newer resource", async () => {
    claim("alpha");
    scene.markDeleting("alpha");
    scene.clock.advanceNow(HOUR_MS);
    claim("beta");
    await scene.settle(process, "beta");
    expect([holder(), scene.ready("beta")]).toEqual(["beta", "True Issued"]);
  });

  test("does not keep the Secret that it has written from a newer resource", async () => {
    claim("alpha");
    await scene.settle(process, "alpha");
    scene.markDeleting("alpha");
    claim("beta");
    await scene.settle(process, "beta");
    expect([holder(), scene.ready("beta")]).toEqual(["beta", "True Issued"]);
  });
});
