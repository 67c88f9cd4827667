import { expect, onTestFinished, test } from "vitest";
import type { IssueStep } from "../../../src/controllers/user-certificate/issue.ts";
import { loadKubeConfig } from "../../../src/kube/config/load-kube-config.ts";
import { apiServerUrl } from "../kube/connect.ts";
import { FaultProxy } from "../kube/fault-proxy.ts";
import { aWhile, condition, RENEW_REQUEST, Scene } from "../operator/scene.ts";
import { OperatorProcess } from "../process/operator-process.ts";
import { expectRecovered, type Spent } from "./outcome.ts";
import { type Replica, startReplica } from "./replica.ts";
import { RequestGate, WRITES } from "./request-gate.ts";

/**
 * A leader that stands still in the middle of an issuance, is replaced, and wakes up late. It must not ask Atlas for a
 * certificate any more, nor put what it has over what its successor wrote.
 */

interface Frozen {
  readonly replica: Replica;
  /** The world as it was before: its network works again, and it goes on where it stood. */
  wake(): void;
}

/**
 * Starts an operator that leads, and stops at a step of its next issuance: from then on it neither goes on nor reaches
 * the API server, as if its process did not run.
 */
async function startLeaderThatFreezes(scene: Scene, step: IssueStep, renewal = false) {
  const proxy = await FaultProxy.start(await apiServerUrl(scene.kubeconfigPath));
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  const frozen = Promise.withResolvers<void>();
  const woken = Promise.withResolvers<void>();
  onTestFinished(() => woken.resolve());
  let isArmed = !renewal;
  const replica = await startReplica(scene, {
    identity: "old-leader",
    kubeConfig: { ...(await loadKubeConfig({ kubeconfig: scene.operatorKubeconfigPath })), server: proxy.url },
    onStep: async (reached) => {
      if (!isArmed || reached !== step) return;
      isArmed = false;
      proxy.weather = "blackhole";
      frozen.resolve();
      await woken.promise;
    },
  });
  return {
    arm: () => {
      isArmed = true;
    },
    frozen: frozen.promise,
    replica,
    wake: () => {
      proxy.weather = "fair";
      // What was swallowed meanwhile is gone, as with a machine whose connections were taken down.
      proxy.reset();
      woken.resolve();
    },
  };
}

/** The frozen one wakes up, with the successor at work, and comes to its end. */
async function wakeAndEnd({ replica, wake }: Frozen): Promise<void> {
  wake();
  expect(await replica.ended).toMatchObject({ name: "LeaseLostError" });
}

/** Waits for the last write after a renewal: the counts of pods. */
function untilCounted(scene: Scene): Promise<unknown> {
  return scene.until("counted", ({ status }) => status.consumers !== undefined);
}

const NO_ORPHAN: Spent = { certificates: 1, orphans: 0 };
const ONE_ORPHAN: Spent = { certificates: 2, orphans: 1 };

test.each<readonly [step: IssueStep, what: string, spent: Spent]>([
  ["preflight", "creates nothing", NO_ORPHAN],
  ["record", "creates nothing", NO_ORPHAN],
  ["create", "creates nothing, though its record stood", NO_ORPHAN],
  ["check", "writes nothing", ONE_ORPHAN],
  ["write", "writes nothing", ONE_ORPHAN],
])("a leader that wakes up late before step %s %s", async (step, _, spent) => {
  const scene = await Scene.prepare();
  const old = await startLeaderThatFreezes(scene, step);
  await scene.apply();
  await old.frozen;

  await startReplica(scene, { identity: "successor" });
  const { status } = await expectRecovered(scene, spent);
  await wakeAndEnd(old);
  expect((await expectRecovered(scene, spent)).status).toEqual(status);
});

test("a leader that wakes up late in a renewal does not put its pair over the newer one", async () => {
  const scene = await Scene.prepare();
  const old = await startLeaderThatFreezes(scene, "write", true);
  await scene.apply();
  const first = await scene.untilIssued();
  old.arm();
  await scene.patch("orders-api", { metadata: { annotations: { [RENEW_REQUEST]: "now" } } });
  await old.frozen;

  await startReplica(scene, { identity: "successor" });
  await scene.untilIssued("orders-api", first.status.serialNumber);
  await untilCounted(scene);
  const spent: Spent = { certificates: 3, orphans: 1 };
  const { status } = await expectRecovered(scene, spent);
  const secret = await scene.secret();
  await wakeAndEnd(old);
  expect((await expectRecovered(scene, spent)).status).toEqual(status);
  expect((await scene.secret())?.metadata.resourceVersion).toBe(secret?.metadata.resourceVersion);
});

test("a leader that waits for its turn at Atlas when its lease runs out sends no create any more", async () => {
  const scene = await Scene.prepare();
  const proxy = await FaultProxy.start(await apiServerUrl(scene.kubeconfigPath));
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  const old = await startReplica(scene, {
    identity: "old-leader",
    kubeConfig: { ...(await loadKubeConfig({ kubeconfig: scene.operatorKubeconfigPath })), server: proxy.url },
    onStep: (step) => {
      if (step !== "create") return;
      // The create meets a 401, which does nothing, and waits for a token for longer than the lease lasts.
      scene.atlas.expireTokens();
      scene.atlas.faults.add({ operation: "createAccessToken", effect: { kind: "delay", ms: 4000 } });
      proxy.weather = "blackhole";
    },
  });
  await scene.apply();
  expect(await old.ended).toMatchObject({ name: "LeaseLostError" });
  expect(scene.atlas.log.entries("createDatabaseUserCertificate").map(({ status }) => status)).toEqual([401]);

  proxy.weather = "fair";
  await startReplica(scene, { identity: "successor" });
  await expectRecovered(scene, NO_ORPHAN);
});

test("without any lease, of two operators that want to issue one gets the record and the other creates nothing", async () => {
  const scene = await Scene.prepare();
  const [both, one] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const arrived = new Set<string>();
  const meet = (identity: string) => async (step: IssueStep) => {
    if (step !== "record") return;
    arrived.add(identity);
    if (arrived.size === 2) both.resolve();
    await both.promise;
    // Side by side up to here; then one after the other, so that each sees what the other left.
    if (identity === "second") await one.promise;
  };
  await startReplica(scene, { identity: "first", elects: false, onStep: meet("first") });
  await startReplica(scene, { identity: "second", elects: false, onStep: meet("second") });
  await scene.apply();
  await both.promise;
  await expectRecovered(scene, NO_ORPHAN);
  one.resolve();
  await aWhile(1000);
  await expectRecovered(scene, NO_ORPHAN);
});

test("a closing status that arrives late does not bring an older certificate back", async () => {
  const scene = await Scene.prepare();
  const gate = await RequestGate.open(scene);
  const late = gate.stop({ ...WRITES.close, at: "request" });
  await startReplica(scene, { identity: "slow", elects: false, kubeConfig: gate.kubeConfig });
  await scene.apply();
  await late.reached;

  // One that knows nothing of the first, as after a lost lease.
  const other = await startReplica(scene, { identity: "other", elects: false });
  const first = await expectRecovered(scene, NO_ORPHAN);
  await scene.patch("orders-api", { metadata: { annotations: { [RENEW_REQUEST]: "now" } } });
  await scene.untilIssued("orders-api", first.status.serialNumber);
  await untilCounted(scene);
  await other.stop();
  const { status } = await expectRecovered(scene, { certificates: 2, orphans: 0 });
  expect(status.revision).toBe(2);

  late.letGo();
  const statusWrites = () => gate.passed.filter(({ path }) => path.endsWith("/status")).map(({ status: code }) => code);
  await expect.poll(statusWrites).toEqual([200, 409]);
  await aWhile(1000);
  expect(statusWrites(), "there was nothing left for it to say").toEqual([200, 409]);
  expect((await scene.get()).status).toEqual(status);
});

const FAST_LEASE = ["--lease-duration=3s", "--lease-renew-deadline=2s", "--lease-retry-period=400ms"];

test("a whole process that stood still while Atlas answered leaves its successor's certificate alone", async () => {
  const scene = await Scene.prepare();
  scene.atlas.faults.add({ operation: "createDatabaseUserCertificate", effect: { kind: "delay", ms: 1500 } });
  const old = await OperatorProcess.start(scene, FAST_LEASE);
  await old.until("started leading");
  await scene.apply();
  await expect.poll(() => scene.creates, { timeout: 20_000, interval: 10 }).toBe(1);
  // The answer comes in while nobody is there to read it.
  old.command.kill("SIGSTOP");

  await OperatorProcess.start(scene, FAST_LEASE);
  const { status } = await expectRecovered(scene, ONE_ORPHAN);
  old.command.kill("SIGCONT");
  expect((await old.command.ended).exitCode).toBe(1);
  expect(old.command.stdout()).toContain(
    "could not store a certificate before the process stopped: its private key is lost",
  );
  expect((await expectRecovered(scene, ONE_ORPHAN)).status).toEqual(status);
});

test("a whole process that stood still right after its record creates nothing", async () => {
  const scene = await Scene.prepare();
  const gate = await RequestGate.open(scene);
  const recorded = gate.stop({ ...WRITES.record, at: "answer" });
  const old = await OperatorProcess.start(scene, [`--kubeconfig=${await gate.kubeconfigFile()}`, ...FAST_LEASE]);
  await scene.apply();
  await recorded.reached;
  old.command.kill("SIGSTOP");
  recorded.letGo();

  await OperatorProcess.start(scene, FAST_LEASE);
  await expectRecovered(scene, NO_ORPHAN);
  old.command.kill("SIGCONT");
  expect((await old.command.ended).exitCode).toBe(1);
  const resource = await expectRecovered(scene, NO_ORPHAN);
  expect([scene.creates, condition(resource, "Issuing")?.status]).toEqual([1, "False"]);
});
