import { expect, test } from "vitest";
import { X509AuthenticationApi } from "../../../src/index.ts";
import { SensitiveText } from "../../../src/sensitive-text.ts";
import { PRODUCTION, RENEW_REQUEST, Scene } from "../operator/scene.ts";
import { OperatorProcess } from "../process/operator-process.ts";
import { expectRecovered, type Spent } from "./outcome.ts";
import { RequestGate, WRITES } from "./request-gate.ts";

/**
 * SIGKILL at each step of an issuance, and a new process: an orphan only where the crash fell between the create and
 * the write of the Secret, and never more than one.
 */

interface Place {
  readonly scene: Scene;
  readonly gate: RequestGate;
}

/** Prepares the place where the process will be caught; what it returns resolves when it is there. */
type Trap = (place: Place) => () => Promise<void>;

const atGate =
  (step: keyof typeof WRITES, at: "request" | "answer"): Trap =>
  ({ gate }) => {
    const { reached } = gate.stop({ ...WRITES[step], at });
    return () => reached;
  };

const atAtlas =
  (
    operation: "listDatabaseUserCertificates" | "createDatabaseUserCertificate",
    kind: "hang" | "withholdAnswer",
  ): Trap =>
  ({ scene }) => {
    const met = () => scene.atlas.log.entries(operation).some((entry) => entry.fault === kind);
    scene.atlas.faults.add({ operation, effect: { kind } });
    return () => expect.poll(met, { timeout: 20_000, interval: 20 }).toBe(true);
  };

const NO_ORPHAN: Spent = { certificates: 1, orphans: 0 };
const ONE_ORPHAN: Spent = { certificates: 2, orphans: 1 };

test.each<readonly [place: string, trap: Trap, spent: Spent]>([
  ["in the preflight", atGate("preflight", "request"), NO_ORPHAN],
  ["while Atlas lists", atAtlas("listDatabaseUserCertificates", "hang"), NO_ORPHAN],
  ["before the record is written", atGate("record", "request"), NO_ORPHAN],
  ["after the record was written", atGate("record", "answer"), NO_ORPHAN],
  [
    "while it asks for a certificate, before Atlas makes it",
    atAtlas("createDatabaseUserCertificate", "hang"),
    NO_ORPHAN,
  ],
  ["after Atlas made it, before the answer", atAtlas("createDatabaseUserCertificate", "withholdAnswer"), ONE_ORPHAN],
  ["before the Secret is written", atGate("write", "request"), ONE_ORPHAN],
  ["after the Secret was written", atGate("write", "answer"), NO_ORPHAN],
  ["before the record is closed", atGate("close", "request"), NO_ORPHAN],
  ["after the record was closed", atGate("close", "answer"), NO_ORPHAN],
])("killed %s", async (_, trap, spent) => {
  const place = await prepare();
  const victim = await startVictim(place);
  const isThere = trap(place);
  await place.scene.apply();
  await isThere();
  const since = await kill(victim);

  await startSuccessor(place);
  const { status } = await expectRecovered(place.scene, spent, { since });
  expect(status.revision).toBe(1);
});

/** Nothing is sent or received while an answer is checked: the process kills itself when it first reads a private key. */
const DIES_AT_CHECK = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(`
    import crypto from "node:crypto";
    import { syncBuiltinESMExports } from "node:module";
    crypto.createPrivateKey = () => process.kill(process.pid, "SIGKILL");
    syncBuiltinESMExports();
  `)}`,
};

test("killed while it checks the answer", async () => {
  const place = await prepare();
  const victim = await startVictim(place, DIES_AT_CHECK);
  await place.scene.apply();
  expect((await victim.command.ended).exitCode).toBe(null);
  const since = performance.now();
  expect(place.scene.creates).toBe(1);

  await startSuccessor(place);
  await expectRecovered(place.scene, ONE_ORPHAN, { since });
});

test.each<readonly [place: string, trap: Trap, spent: Spent]>([
  ["after Atlas made it", atAtlas("createDatabaseUserCertificate", "withholdAnswer"), { certificates: 3, orphans: 1 }],
  ["before the Secret is written", atGate("rewrite", "request"), { certificates: 3, orphans: 1 }],
  ["after the Secret was written", atGate("rewrite", "answer"), { certificates: 2, orphans: 0 }],
])("killed in a renewal %s", async (_, trap, spent) => {
  const place = await prepare();
  const { scene } = place;
  const victim = await startVictim(place);
  await scene.apply();
  const first = await scene.untilIssued();
  const isThere = trap(place);
  await scene.patch("orders-api", { metadata: { annotations: { [RENEW_REQUEST]: "now" } } });
  await isThere();
  const since = await kill(victim);

  await startSuccessor(place);
  await scene.untilIssued("orders-api", first.status.serialNumber);
  const { status } = await expectRecovered(scene, spent, { since });
  expect([status.revision, status.renewRequest]).toEqual([2, "now"]);
});

test("a write that was under way when its process died arrives late: it does not go over the successor's", async () => {
  const place = await prepare();
  const { scene, gate } = place;
  const victim = await startVictim(place);
  const late = gate.stop({ ...WRITES.write, at: "request" });
  await scene.apply();
  await late.reached;
  await kill(victim);
  await startSuccessor(place);
  await expectRecovered(scene, ONE_ORPHAN);

  late.letGo();
  await expect.poll(() => gate.passed.at(-1)).toMatchObject({ method: "POST", status: 409 });
  await expectRecovered(scene, ONE_ORPHAN);
});

test("killed while it asks for a certificate that Atlas makes after the successor's: the next list tells of the orphan", async () => {
  const place = await prepare();
  const { scene } = place;
  const victim = await startVictim(place);
  const isThere = atAtlas("createDatabaseUserCertificate", "hang")(place);
  await scene.apply();
  await isThere();
  await kill(victim);

  await startSuccessor(place, ["--verify-interval=2s"]);
  const { status } = await expectRecovered(scene, NO_ORPHAN);
  await issueBySomebodyElse(scene);
  const late = await scene.until("found", (each) => each.status.unaccounted?.length === 1, {
    timeoutMs: 20_000,
  });
  const serials = scene.atlas.certificates(PRODUCTION, "orders-api").map(({ serialNumber }) => serialNumber);
  expect(late.status.unaccounted?.map(({ serialNumber }) => serialNumber)).toEqual(
    serials.filter((serial) => serial !== status.serialNumber),
  );
  await expectRecovered(scene, { certificates: 2, orphans: 1 });
});

/** What Atlas carries out late looks like any certificate that the operator did not see made. */
async function issueBySomebodyElse(scene: Scene): Promise<void> {
  const account = scene.credentials("owner-service-account");
  if (account.kind !== "serviceAccount") throw new Error("it is no service account");
  const { clientId, clientSecret } = account;
  await using api = new X509AuthenticationApi({
    credentials: { kind: "serviceAccount", clientId, clientSecret: new SensitiveText(clientSecret) },
    baseUrl: scene.atlas.url,
  });
  await api.createDatabaseUserCertificate({
    groupId: PRODUCTION,
    username: "orders-api",
    userCert: { monthsUntilExpiration: 3 },
  });
}

async function prepare(): Promise<Place> {
  const scene = await Scene.prepare();
  return { scene, gate: await RequestGate.open(scene) };
}

async function startVictim(place: Place, environment?: Readonly<Record<string, string>>): Promise<OperatorProcess> {
  const flags = [`--kubeconfig=${await place.gate.kubeconfigFile()}`, "--leader-elect=false"];
  return OperatorProcess.start(place.scene, flags, environment);
}

function startSuccessor({ scene }: Place, flags: readonly string[] = []): Promise<OperatorProcess> {
  return OperatorProcess.start(scene, ["--leader-elect=false", ...flags]);
}

/** Gives the time of its end, by `performance.now()`. */
async function kill({ command }: OperatorProcess): Promise<number> {
  command.kill("SIGKILL");
  await command.ended;
  return performance.now();
}
