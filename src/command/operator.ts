import type { MarkOption } from "../api/condition-states.ts";
import { FIELD_MANAGER } from "../api/names.ts";
import type { AtlasCredentials } from "../atlas/authentication/credentials.ts";
import { Pacer } from "../atlas/pacing/pacer.ts";
import { X509AuthenticationApi } from "../atlas/x509-authentication-api.ts";
import { type Clock, MINUTE_MS } from "../clock.ts";
import {
  type ControllerObserver,
  UserCertificateController,
  type UserCertificateControllerOptions,
} from "../controllers/user-certificate/controller.ts";
import type { Policy } from "../controllers/user-certificate/core/model/snapshot.ts";
import { isAbortReason, untilAborted } from "../deadline.ts";
import { KubeClient } from "../kube/client/kube-client.ts";
import type { KubeConfig } from "../kube/config/kube-config.ts";
import { EventRecorder } from "../kube/events/event-recorder.ts";
import { Lease, type LeaseOptions } from "../kube/lease/lease.ts";
import type { Log } from "../kube/log.ts";
import { objectKey } from "../kube/resource-type.ts";
import { ClusterKinds, type ClusterKindsOptions } from "./cluster-kinds.ts";
import { Instruments, type ServeOptions } from "./instruments.ts";
import { MeasuredTransport } from "./measured-transport.ts";
import { exposedCollector, MemoryRelease } from "./memory-release.ts";

export interface OperatorOptions extends MarkOption {
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
  /** Serves AtlasProjectX509s, whose credentials are in Secrets of this namespace. @default they are not served */
  readonly projects?: UserCertificateControllerOptions["projects"];
  /** Whether a namespace may use Atlas credentials of its own. @default true */
  readonly allowOwnCredentials?: boolean | undefined;
  readonly workers: number;
  readonly policy: Policy;
  /** Leader election; without it this process takes itself for the only one. */
  readonly lease?:
    | Pick<LeaseOptions, "namespace" | "name" | "leaseDurationMs" | "renewDeadlineMs" | "retryPeriodMs">
    | undefined;
  /** Where metrics and health are served. @default nowhere */
  readonly serve?: ServeOptions | undefined;
  /** Length of Atlas' months. @default the calendar's */
  readonly calendar?: UserCertificateControllerOptions["calendar"];
  /** Called before each step of issuing. */
  readonly onStep?: ControllerObserver["onStep"];
  /** Called before each step of a removal of customer-managed X.509. */
  readonly onRemovalStep?: ClusterKindsOptions["onStep"];
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** How long Events may take to go out once the work is done, in milliseconds. */
const FLUSH_MS = 2000;

/** Interval at which the status of a project is refreshed, in milliseconds. */
const PROJECT_REFRESH_MS = 10 * MINUTE_MS;

/** Pods of a list that leave as much garbage behind as a reconcile does. */
const PODS_LIKE_A_RUN = 20;

/** Leader election's default; see Lease. */
const LEASE_DURATION_MS = 15_000;

/**
 * Runs the operator until the signal aborts: servers, caches, lease, work, each once the one before is
 * there, and back in the reverse order. Attempts in progress are finished before it resolves.
 *
 * @throws ListenError where metrics or health can't be served
 * @throws LeaseLostError where another process took the lease over
 */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<void> {
  const { clock, random, log, kubeConfig, userAgent, identity } = options;
  const instruments = new Instruments({ clock, log });
  const kube = new KubeClient({
    kubeConfig,
    userAgent,
    fieldManager: FIELD_MANAGER,
    onExchange: (exchange) => instruments.metrics.kubeExchange(exchange),
    clock,
    random,
  });
  const transport = new MeasuredTransport({
    baseUrl: options.atlas.baseUrl,
    extraCa: options.atlas.extraCa,
    onExchange: (exchange) => instruments.atlasExchange(exchange),
    clock,
  });
  // No flag sets the pace: Atlas tells each project's limits (pacing/rate-limits.ts), and session.ts takes the turns.
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
  let kinds: ClusterKinds | undefined;
  const controller = new UserCertificateController({
    kube,
    connect: (credentials: AtlasCredentials) =>
      new X509AuthenticationApi({
        ...{ credentials, transport, pacer, clock, random },
        // A resource that has to wait for the rate limit waits in the queue, so that it occupies no worker.
        longestWaitMs: 0,
      }),
    events,
    policy: options.policy,
    namespaces: options.namespaces,
    projects: options.projects,
    allowOwnCredentials: options.allowOwnCredentials,
    workers: options.workers,
    identity,
    calendar: options.calendar,
    mark: options.mark,
    leadership: () => lease?.leadership() ?? (() => {}),
    observer: {
      onStep: async (step, resource) => {
        if (step === "create") instruments.creates(objectKey(resource));
        await options.onStep?.(step, resource);
      },
      onReconciled: (assessment) => {
        instruments.reconciled(assessment);
        kinds?.resourceReconciled(assessment);
      },
      onProject: (name) => kinds?.projectChanged(name),
      onOrphan: () => instruments.metrics.orphanFound(),
      onUnaccounted: () => instruments.metrics.unaccountedFound(),
      onConsumersListed: (result, pods) => {
        instruments.metrics.consumersListed(result);
        memory.runFinished(pods / PODS_LIKE_A_RUN);
      },
      onRestart: (result) => instruments.metrics.restart(result),
      queue: {
        ...instruments.queueObserver,
        finished: (...run) => {
          instruments.queueObserver.finished?.(...run);
          memory.runFinished();
        },
      },
    },
    clock,
    random,
    log,
  });
  const { shared } = controller;
  kinds =
    shared &&
    new ClusterKinds({
      ...{ kube, shared, pacer, events, clock, random, log },
      leadership: () => lease?.leadership() ?? (() => {}),
      recheckIntervalMs: options.policy.recheckIntervalMs,
      projectRefreshMs: PROJECT_REFRESH_MS,
      onStep: options.onRemovalStep,
      runsOf: (kind) => instruments.runsOf(kind),
      mark: options.mark,
    });
  const memory = new MemoryRelease({ clock, queue: controller.queue, collect: exposedCollector() });
  const watches = [...controller.watches, ...(kinds?.watches ?? [])];
  const lead = async (leading: AbortSignal) => {
    log.info({ identity }, "started leading");
    instruments.working(leading);
    await Promise.all([controller.work(leading), kinds?.work(leading)]);
    // The lease is lost, and the process goes on: it contends again while it stores what is parked in it.
    if (!signal.aborted) await controller.storeParked(signal);
  };
  const work = async () => {
    // A leader needs complete caches: a replica that can't fill them would keep the lease from one that can.
    log.info({ watches: [...new Set(watches.map(({ name }) => name))] }, "waiting for the caches to sync");
    await untilAborted(controller.synced(), signal);
    await (lease === undefined ? lead(signal) : lease.run({ signal, lead }));
  };
  const leaseDurationMs = options.lease?.leaseDurationMs ?? LEASE_DURATION_MS;
  signal.addEventListener(
    "abort",
    () => log.info({ identity }, "shutting down: finishing the certificates that are being issued"),
    { once: true },
  );
  // Caches and Events outlive the work: what is finished during the shutdown needs both.
  const background = new AbortController();
  const backgroundParts: Promise<void>[] = [];
  try {
    // First of all, so that probes show what the process waits for.
    await instruments.serve(options.serve ?? {}, {
      controller,
      kinds,
      watches,
      events,
      pacer,
      lease,
      leaseDurationMs,
      shutdown: signal,
    });
    log.info({ identity, apiServer: kubeConfig.source, atlas: transport.origin }, "starting");
    backgroundParts.push(
      controller.watch(background.signal),
      ...(kinds ? [kinds.watch(background.signal)] : []),
      events.start(background.signal),
    );
    // Ends at once where there is nothing to collect with; caches that are never filled end with the process.
    void controller.synced().then(
      () => memory.start(background.signal),
      () => {},
    );
    await Promise.race([work(), ...backgroundParts.map(neverUnlessItFails)]);
  } catch (error: unknown) {
    if (!isAbortReason(error, signal)) throw error;
  } finally {
    await controller.storeParked(new AbortController().signal);
    background.abort();
    await Promise.allSettled(backgroundParts);
    await events.flush(AbortSignal.timeout(FLUSH_MS));
    await transport.close();
    await kube.close();
    await instruments.close();
    log.info({ identity }, "stopped");
  }
}

/** A part that runs in the background ends only by a defect; then the process must not go on half alive. */
function neverUnlessItFails(part: Promise<void>): Promise<never> {
  return part.then(() => new Promise<never>(() => {}));
}
