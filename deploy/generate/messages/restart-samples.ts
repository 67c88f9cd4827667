import type { PendingRestart, Workload } from "../../../src/api/rollout-restart.ts";
import { timestamp } from "../../../src/api/timestamp.ts";
import { MINUTE_MS } from "../../../src/clock.ts";
import {
  observedWorkload,
  restartFailed,
  type WorkloadObject,
} from "../../../src/controllers/user-certificate/cluster/workloads.ts";
import { decideRestart } from "../../../src/controllers/user-certificate/core/decide/restarts.ts";
import type { ObservedWorkload, RestartResult } from "../../../src/controllers/user-certificate/core/model/restart.ts";
import {
  FRESH,
  issued,
  NOW,
  POLICY,
  reconciled,
  settled,
} from "../../../src/controllers/user-certificate/testing/snapshots.ts";
import { KubeError } from "../../../src/kube/kube-error.ts";
import { type Sample, seen } from "./samples.ts";

const DEPLOYMENT: Workload = { kind: "Deployment", name: "orders-api" };
const STATEFUL_SET: Workload = { kind: "StatefulSet", name: "orders-api" };

const FORBIDDEN = new KubeError({
  reason: "Forbidden",
  operation: "patch deployments.apps shop/orders-api",
  status: 403,
  explanation: 'deployments.apps "orders-api" is forbidden',
});

export function restartSamples() {
  return {
    WorkloadMissing: [looked("The Deployment does not exist", DEPLOYMENT, { kind: "absent" })],
    WorkloadPaused: [
      looked("The Deployment is paused", DEPLOYMENT, observed({ paused: true })),
      looked(
        "The StatefulSet is only partly updated",
        STATEFUL_SET,
        observed({ updateStrategy: { rollingUpdate: { partition: 2 } } }),
      ),
    ],
    WorkloadOnDelete: [
      looked(
        "The StatefulSet waits for its pods to be deleted",
        STATEFUL_SET,
        observed({ updateStrategy: { type: "OnDelete" } }),
      ),
    ],
    RestartFailed: [
      result("The API server refuses the restart", blocked(DEPLOYMENT, FORBIDDEN)),
      result("A bug makes the restart fail", blocked(DEPLOYMENT, new TypeError())),
    ],
    RestartsDisabled: [
      seen(
        "The chart value rolloutRestart.enabled is false",
        reconciled(settled({ spec: SPEC, policy: { ...POLICY, restartsWorkloads: false } })),
      ),
    ],
    WorkloadRestarted: [
      seen(
        "The Secret has just been written",
        reconciled(settled({ spec: SPEC }), issued({ replaces: "1000", reason: "NearingExpiry" })),
      ),
      result("The Deployment was restarted", { kind: "restarted", pending: pending(DEPLOYMENT) }),
    ],
  };
}

const SPEC = { rolloutRestart: [DEPLOYMENT, STATEFUL_SET] };

function pending(workload: Workload): PendingRestart {
  return { ...workload, writtenAt: timestamp(NOW - MINUTE_MS) };
}

function observed(spec: WorkloadObject["spec"]): ObservedWorkload {
  return observedWorkload({ metadata: { name: "orders-api", uid: "", resourceVersion: "" }, spec: spec ?? {} });
}

function looked(title: string, workload: Workload, found: ObservedWorkload): Sample {
  const decision = decideRestart(pending(workload), found, NOW);
  if (decision.kind !== "blocked") throw new Error(`${title}: ${decision.kind}`);
  return result(title, { ...decision, pending: pending(workload), untilMs: NOW });
}

function blocked(workload: Workload, error: unknown): RestartResult {
  return { kind: "blocked", blocker: restartFailed(workload, error), pending: pending(workload), untilMs: NOW };
}

function result(title: string, found: RestartResult): Sample {
  const { writtenAt } = found.pending;
  const previous = { serialNumber: "1000", notAfter: timestamp(FRESH.notAfter.getTime()), replacedAt: writtenAt };
  const snapshot = settled({ spec: SPEC, status: { pendingRestarts: [found.pending], previous } });
  return seen(title, reconciled(snapshot, { kind: "nothing" }, NOW, 0.5, [found]));
}
