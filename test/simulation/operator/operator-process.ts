import { FIELD_MANAGER } from "../../../src/api/names.ts";
import type { AtlasCredentials } from "../../../src/atlas/authentication/credentials.ts";
import { HOUR_MS } from "../../../src/clock.ts";
import { calendarOf } from "../../../src/controllers/user-certificate/atlas/calendar.ts";
import {
  UserCertificateController,
  type UserCertificateControllerOptions,
} from "../../../src/controllers/user-certificate/controller.ts";
import { untilAborted } from "../../../src/deadline.ts";
import { EventRecorder } from "../../../src/kube/events/event-recorder.ts";
import { Lease } from "../../../src/kube/lease/lease.ts";
import { LeaseLostError } from "../../../src/kube/lease/lease-claim.ts";
import type { Log } from "../../../src/kube/log.ts";
import type { AtlasClient } from "../atlas/atlas-client.ts";
import type { SimulatedKube } from "../cluster/kube-client.ts";
import type { Machine } from "../engine/machine.ts";
import type { Cast } from "../plan/cast.ts";

export { FIELD_MANAGER };

export interface OperatorProcessOptions {
  readonly machine: Machine;
  readonly kube: SimulatedKube;
  readonly connect: (credentials: AtlasCredentials) => AtlasClient;
  readonly monthMs: number;
  readonly hasLease: boolean;
  readonly projects: Cast["projects"];
  readonly random: () => number;
  readonly log: Log;
  /** Called when the process ends by itself: told to, or because it lost its lease. */
  readonly onExit: (reason: "stopped" | "lease lost" | "failed", error?: unknown) => void;
}

export const OPERATOR_NAMESPACE = "atlas-cert-operator";

/** As the flags of `run` have it by default. */
export const POLICY = {
  maxIssuesPerDay: 4,
  maxUnexpiredPerUser: 10,
  verifyIntervalMs: 6 * HOUR_MS,
  maxBackoffMs: HOUR_MS,
  recheckIntervalMs: 600_000,
  restartsWorkloads: true,
  maxParked: 20,
  countsConsumers: false,
} as const;

/** The least time that a container takes to come back. */
const FLUSH_MS = 2000;
/** Checking the clock every minute would account for most steps. For longer than this nothing is judged after a change. */
const CLOCK_CHECK_MS = 300_000;

/**
 * The operator's process, put together the way of src/command/operator.ts out of the real parts. The only file that knows
 * how they are put together: where a seam of theirs moves, this file does.
 */
export class OperatorProcess {
  readonly #options: OperatorProcessOptions;
  readonly #shutdown = new AbortController();
  readonly #lease: Lease | undefined;
  #isWorking = false;

  constructor(options: OperatorProcessOptions) {
    this.#options = options;
    const { machine, kube, random, log } = options;
    this.#lease = options.hasLease
      ? new Lease({
          client: kube,
          namespace: OPERATOR_NAMESPACE,
          name: "atlas-cert-operator",
          identity: machine.name,
          clock: machine.leaseClock,
          random,
          log,
        })
      : undefined;
  }

  /** Whether it leads, and surely so. */
  get isLeading(): boolean {
    return this.#isWorking && (this.#lease === undefined || this.#lease.held);
  }

  /** Whether it believes that it leads. */
  get isWorking(): boolean {
    return this.#isWorking;
  }

  /** SIGTERM. */
  stop(): void {
    this.#shutdown.abort(new Error("SIGTERM"));
  }

  start(): void {
    this.#run().then(
      () => this.#options.onExit("stopped"),
      (error: unknown) => this.#options.onExit(error instanceof LeaseLostError ? "lease lost" : "failed", error),
    );
  }

  async #run(): Promise<void> {
    const { machine, kube, connect, monthMs, random, log } = this.#options;
    const { clock } = machine;
    const lease = this.#lease;
    const events = new EventRecorder({
      client: kube,
      controller: "atlascerts.io/operator",
      instance: machine.name,
      clock: machine.drowsyClock,
      random,
      log,
    });
    const options: UserCertificateControllerOptions = {
      kube,
      connect,
      events,
      policy: POLICY,
      calendar: calendarOf(monthMs),
      projects: this.#options.projects && { namespace: OPERATOR_NAMESPACE },
      allowOwnCredentials: this.#options.projects?.allowOwnCredentials,
      workers: 16,
      clockCheckMs: CLOCK_CHECK_MS,
      identity: machine.name,
      leadership: () => lease?.leadership() ?? (() => {}),
      clock,
      random,
      log,
    };
    const controller = new UserCertificateController(options);
    const background = new AbortController();
    const { signal } = this.#shutdown;
    const lead = async (leading: AbortSignal) => {
      this.#isWorking = true;
      await controller.work(leading).finally(() => {
        this.#isWorking = false;
      });
      if (!signal.aborted) await controller.storeParked(signal);
    };
    const parts = [controller.watch(background.signal), events.start(background.signal)];
    const work = async () => {
      await untilAborted(controller.synced(), signal);
      await (lease === undefined ? lead(signal) : lease.run({ signal, lead }));
    };
    try {
      await Promise.race([work(), ...parts.map((part) => part.then(() => new Promise<never>(() => {})))]);
    } catch (error: unknown) {
      if (!signal.aborted || error !== signal.reason) throw error;
    } finally {
      await controller.storeParked(new AbortController().signal);
      background.abort();
      await Promise.allSettled(parts);
      const flush = new AbortController();
      clock.sleep(FLUSH_MS).then(() => flush.abort());
      await events.flush(flush.signal);
    }
  }
}
