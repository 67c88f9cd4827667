import { expect, test } from "vitest";
import { startCommand } from "../command-process.ts";
import { Platform } from "../operator/platform.ts";
import { Removals, trueConditions } from "../operator/removals.ts";
import { aWhile } from "../operator/scene.ts";
import { ServiceAccount } from "../operator/service-account.ts";
import { grant, shippedRole } from "../operator/shipped-roles.ts";
import { ownControlPlane } from "./own-control-plane.ts";
import { RequestGate } from "./request-gate.ts";

/**
 * An operator that is killed at each step of a request to remove customer-managed X.509, which restarts databases: whatever
 * the step, Atlas is called at most once, also by the successor.
 */

const own = ownControlPlane();

const RECORD = {
  method: "PATCH",
  path: /\/atlascustomerx509removals\/[^/]+\/status/,
  body: /"requestedAt"/,
} as const;

/** Resolves when the process is at the step. */
type Trap = (place: Place) => () => Promise<unknown>;

interface Place {
  readonly platform: Platform;
  readonly removals: Removals;
  readonly gate: RequestGate;
  readonly kubeconfig: string;
}

const atRecord =
  (at: "request" | "answer"): Trap =>
  ({ gate }) => {
    const stopped = gate.stop({ ...RECORD, at });
    return () => stopped.reached;
  };

const atCall =
  (kind?: "hang" | "withholdAnswer"): Trap =>
  ({ platform, removals }) => {
    if (kind !== undefined) platform.atlas.faults.add({ operation: "disableCustomerManagedX509", effect: { kind } });
    return () => expect.poll(() => removals.calls, { interval: 5, timeout: 20_000 }).toBe(1);
  };

const WAITING = "Reconciling Requested";
const REMOVED = "Complete Removed";

test.each<readonly [step: string, trap: Trap, calls: number, condition: string]>([
  ["before the record", atRecord("request"), 1, REMOVED],
  ["after the record", atRecord("answer"), 0, WAITING],
  ["after the call left, which never arrives", atCall("hang"), 1, WAITING],
  ["after Atlas carried the call out", atCall("withholdAnswer"), 1, REMOVED],
  ["after the answer", atCall(), 1, REMOVED],
])("killed %s", async (_step, trap, calls, condition) => {
  const place = await prepare();
  const { removals } = place;
  const victim = await start(place);
  const isThere = trap(place);
  const name = await removals.create();
  await isThere();
  victim.kill("SIGKILL");
  await victim.ended;

  await start(place);
  await removals.until(name, condition);
  await aWhile(3000);
  expect(trueConditions(await removals.get(name))).toEqual([condition]);
  expect(removals.calls).toBe(calls);
});

async function prepare(): Promise<Place> {
  const platform = await Platform.open(own(), { operator: "none" });
  const removals = new Removals(platform);
  const account = await ServiceAccount.create(own().rest, platform.home);
  const subject = { kind: "ServiceAccount", name: "atlas-cert-operator", namespace: platform.home };
  for (const role of ["cluster-role", "consumers-role", "projects-role", "customer-x509-removal-role"] as const) {
    const shipped = await shippedRole(role);
    await grant(own().must, shipped, { ...subject }, undefined, `${platform.home}.${shipped.metadata.name}.account`);
  }
  const gate = await RequestGate.open({ account, kubeconfigPath: own().running.kubeconfigPath });
  removals.switchOn();
  await platform.project([]);
  return { platform, removals, gate, kubeconfig: await gate.kubeconfigFile(platform.home) };
}

function start({ kubeconfig, platform }: Place) {
  return startCommand([
    "run",
    `--kubeconfig=${kubeconfig}`,
    `--atlas-base-url=${platform.atlas.url}`,
    "--projects",
    "--leader-elect=false",
    "--metrics-bind-address=0",
    "--health-bind-address=0",
  ]);
}
