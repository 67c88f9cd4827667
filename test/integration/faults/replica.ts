import { PassThrough } from "node:stream";
import { onTestFinished } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { type OperatorOptions, runOperator } from "../../../src/command/operator.ts";
import { loadKubeConfig } from "../../../src/kube/config/load-kube-config.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { expectNoKeyMaterial, type Scene, TEST_POLICY } from "../operator/scene.ts";

/** Shorter than in production, so that a test need not last half a minute. */
export const LEASE_TIMES = { leaseDurationMs: 3000, renewDeadlineMs: 2000, retryPeriodMs: 400 } as const;

/** As shipped: the Role for the lease knows it by name. */
const LEASE_NAME = "atlas-cert-operator";

export interface ReplicaOptions extends Partial<Omit<OperatorOptions, "lease">> {
  readonly identity: string;
  /** Whether it takes part in the election for the scene's lease. @default true */
  readonly elects?: boolean;
}

/** One of several operators in this process, which may end with an error without the test ending with it. */
export interface Replica {
  /** What it has printed. */
  readonly log: () => string;
  /** The error that it ended with; undefined after an orderly end. */
  readonly ended: Promise<unknown>;
  stop(): Promise<void>;
}

export async function startReplica(scene: Scene, options: ReplicaOptions): Promise<Replica> {
  const { elects = true, ...overrides } = options;
  const stop = new AbortController();
  const printed = new PassThrough();
  let log = "";
  printed.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const ended = runOperator(
    {
      kubeConfig: await loadKubeConfig({ kubeconfig: scene.operatorKubeconfigPath }),
      userAgent: "atlas-cert-operator/test",
      atlas: { baseUrl: scene.atlas.url },
      namespaces: [scene.namespace],
      workers: 4,
      policy: TEST_POLICY,
      ...(elects && { lease: { namespace: scene.namespace, name: LEASE_NAME, ...LEASE_TIMES } }),
      clock: systemClock,
      random: Math.random,
      log: createLog({ level: "debug", format: "json", destination: printed }),
      ...overrides,
    },
    stop.signal,
  ).then(
    () => undefined,
    (error: unknown) => error,
  );
  const replica: Replica = {
    log: () => log,
    ended,
    stop: async () => {
      stop.abort(new Error("the test stops it"));
      await ended;
    },
  };
  onTestFinished(async () => {
    await replica.stop();
    expectNoKeyMaterial(log, []);
  });
  return replica;
}
