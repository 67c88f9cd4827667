import { FIELD_MANAGER } from "../api/names.ts";
import type { AtlasCredentials } from "../atlas/credentials.ts";
import { Pacer } from "../atlas/pacer.ts";
import { AtlasTransport } from "../atlas/transport.ts";
import { X509AuthenticationApi } from "../atlas/x509-authentication-api.ts";
import type { Clock } from "../clock.ts";
import {
  UserCertificateController,
  type UserCertificateControllerOptions,
} from "../controllers/user-certificate/controller.ts";
import type { Policy } from "../controllers/user-certificate/observed.ts";
import { EventRecorder } from "../kube/event-recorder.ts";
import { KubeClient } from "../kube/kube-client.ts";
import type { KubeConfig } from "../kube/kube-config.ts";
import { Lease, type LeaseOptions } from "../kube/lease.ts";
import type { Log } from "../kube/log.ts";

export interface OperatorOptions {
  readonly kubeConfig: KubeConfig;
  readonly userAgent: string;
  /** Tells this process from every other one: the lease and the Events name it. */
  readonly identity: string;
  readonly atlas: {
    readonly baseUrl: string;
    /** PEM certificates to trust beside the usual ones. */
    readonly extraCa?: string | undefined;
  };
  /** Only these namespaces. @default all of them */
  readonly namespaces?: readonly string[] | undefined;
  readonly workers: number;
  readonly policy: Policy;
  /** Leader election; without it this process takes itself for the only one. */
  readonly lease?: Pick<LeaseOptions, "namespace" | "name" | "leaseDurationMs" | "renewDeadlineMs" | "retryPeriodMs">;
  readonly onStep?: UserCertificateControllerOptions["onStep"];
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** How long Events may take to go out once the work is done, in milliseconds. */
const FLUSH_MS = 2000;

/**
 * Runs the operator until the signal aborts: caches, lease, work, in this order, and back in the reverse one. Issuances
 * that are under way are finished before it resolves.
 *
 * @throws LeaseLostError where another process took the lease over
 */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<void> {
  const { clock, random, log, kubeConfig, userAgent, identity } = options;
  const kube = new KubeClient({ kubeConfig, userAgent, fieldManager: FIELD_MANAGER, clock, random });
  const transport = new AtlasTransport({ baseUrl: options.atlas.baseUrl, extraCa: options.atlas.extraCa, clock });
  const pacer = new Pacer({ clock });
  const events = new EventRecorder({
    client: kube,
    controller: "atlascerts.io/operator",
    instance: identity,
    clock,
    random,
    log,
  });
  const lease = options.lease && new Lease({ ...options.lease, client: kube, identity, clock, random, log });
  const controller = new UserCertificateController({
    kube,
    connect: (credentials: AtlasCredentials) =>
      new X509AuthenticationApi({ credentials, transport, pacer, clock, random }),
    events,
    policy: options.policy,
    namespaces: options.namespaces,
    workers: options.workers,
    assertLeading: () => lease?.assertHeld(),
    onStep: options.onStep,
    clock,
    random,
    log,
  });

  // Caches and Events outlive the work: what is finished during the shutdown needs both.
  const background = new AbortController();
  const watching = controller.watch(background.signal);
  const recording = events.start(background.signal);
  try {
    log.info({ identity, apiServer: kubeConfig.source, atlas: transport.origin }, "starting");
    const lead = async (leading: AbortSignal) => {
      await controller.synced();
      log.info({ identity }, "leading: at work");
      await controller.work(leading);
    };
    const working = lease === undefined ? lead(signal) : lease.run({ signal, lead });
    await Promise.race([working, neverUnlessItFails(watching), neverUnlessItFails(recording)]);
  } finally {
    background.abort();
    await Promise.allSettled([watching, recording]);
    await events.flush(AbortSignal.timeout(FLUSH_MS));
    await transport.close();
    await kube.close();
    log.info({ identity }, "stopped");
  }
}

/** A part that runs in the background ends only by a defect; then the process must not go on half alive. */
function neverUnlessItFails(part: Promise<void>): Promise<never> {
  return part.then(() => new Promise<never>(() => {}));
}
