import { beforeEach, describe, expect, test } from "vitest";
import { SECRETS } from "../../kube/core-types.ts";
import { NAMESPACE, Scene, SECRET } from "./testing/scene.ts";

/** A certificate that is issued while a foreign Secret takes its place. */

const OTHER = { namespace: NAMESPACE, name: "other" };
const THIRD = { namespace: NAMESPACE, name: "third" };

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

const putForeign = (ref = SECRET) => void scene.cluster.put(SECRETS, { metadata: ref, data: { a: "eA==" } }, "argocd");
const told = () => scene.events.map(({ type, reason }) => `${type} ${reason}`);
const serialIn = (ref: typeof SECRET) => scene.secret(ref)?.metadata.annotations?.["atlascerts.io/serial-number"];

/** Issues; a foreign Secret appears before the write, and after so many waits something happens. */
async function issueWhile(events: Readonly<Record<number, () => void>>): Promise<void> {
  const process = scene.start({
    onStep: (step) => void (step === "write" && scene.atlas.creates === 1 && putForeign()),
  });
  let waits = 0;
  const sleep = scene.clock.sleep.bind(scene.clock);
  scene.clock.sleep = (ms, signal) => {
    events[++waits]?.();
    if (waits > 100) throw new Error("it waits for ever");
    return sleep(ms, signal);
  };
  await scene.settle(process);
  // The edits have made the resource due again.
  await scene.settle(process);
}

test("goes into the Secret that the resource names then", async () => {
  scene.apply();
  await issueWhile({ 8: () => scene.apply({ secretName: OTHER.name }) });
  expect(scene.atlas.creates).toBe(1);
  expect(serialIn(OTHER)).toBe(scene.atlas.issued[0]?.serialNumber);
  expect(scene.secret()?.data).toEqual({ a: "eA==" });
  expect(scene.ready()).toBe("True Issued");
  expect(scene.status()).toMatchObject({ secretName: OTHER.name, observedGeneration: scene.resource().generation });
  expect(scene.status()).not.toHaveProperty("issuance");
});

test("is told of once, with the cause and the next step, and where it went", async () => {
  scene.apply();
  await issueWhile({ 20: () => scene.apply({ secretName: OTHER.name }) });
  expect(told()).toEqual(["Warning SecretForeign", "Normal Issued"]);
  const serial = scene.atlas.issued[0]?.serialNumber;
  expect(scene.events[0]?.note).toBe(
    `Certificate ${serial} of user orders-api is issued and waits in the operator's memory, to be lost if that process is ` +
      "killed: Secret orders-api-mongodb exists and is not the operator's, so it is left alone. Choose another " +
      "spec.secretName, or delete that Secret if nothing needs it.",
  );
  expect(scene.events[1]?.note).toContain("into Secret other,");
  expect(scene.logged.filter((line) => line.includes("waits in the operator's memory"))).toHaveLength(1);
});

test("has an open record for as long as it waits", async () => {
  const records: unknown[] = [];
  scene.apply();
  await issueWhile({
    9: () => {
      records.push(scene.status().issuance);
      scene.cluster.remove(SECRETS, SECRET);
    },
  });
  expect(records).toMatchObject([{ id: "attempt-1" }]);
  expect(scene.ready()).toBe("True Issued");
});

describe("waits on", () => {
  test("where the other Secret is foreign too", async () => {
    scene.apply();
    putForeign(OTHER);
    await issueWhile({
      8: () => scene.apply({ secretName: OTHER.name }),
      20: () => scene.apply({ secretName: THIRD.name }),
    });
    expect(scene.secret(OTHER)?.data).toEqual({ a: "eA==" });
    expect(serialIn(THIRD)).toBe(scene.atlas.issued[0]?.serialNumber);
    expect(told()).toEqual(["Warning SecretForeign", "Warning SecretForeign", "Normal Issued"]);
  });

  test("where the other Secret is that of a living resource", async () => {
    scene.apply({ username: "billing", secretName: OTHER.name }, { name: "billing" });
    const before = scene.start();
    await scene.settle(before, "billing");
    scene.stop(before);
    const billings = serialIn(OTHER);
    scene.atlas.creates = 0;
    scene.events.length = 0;
    scene.apply();
    await issueWhile({
      8: () => scene.apply({ secretName: OTHER.name }),
      20: () => scene.apply({ secretName: THIRD.name }),
    });
    expect(serialIn(OTHER)).toBe(billings);
    expect(scene.atlas.creates).toBe(1);
    expect(serialIn(THIRD)).toBe(scene.atlas.issued[1]?.serialNumber);
    expect(told()).toEqual(["Warning SecretForeign", "Warning SecretClaimedTwice", "Normal Issued"]);
  });

  test("where the resource names another user too: it is none of that one's", async () => {
    scene.apply();
    let wasThere: unknown;
    await issueWhile({
      8: () => scene.apply({ secretName: OTHER.name, username: "billing" }),
      20: () => {
        wasThere = scene.secret(OTHER);
        scene.cluster.remove(SECRETS, SECRET);
      },
    });
    expect(wasThere).toBeUndefined();
    expect(serialIn(SECRET)).toBe(scene.atlas.issued[0]?.serialNumber);
  });
});
