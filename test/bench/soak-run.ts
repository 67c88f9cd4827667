import { systemClock } from "../../src/clock.ts";
import type { Fault } from "../../src/simulator/faults.ts";
import type { Progress } from "../control-plane/progress.ts";
import { Recurring, someFault } from "./disturbances.ts";
import { Ledger } from "./ledger.ts";
import { type LogLine, OperatorLog } from "./operator-log.ts";
import { openSockets, processUsage } from "./process-usage.ts";
import { type ListedResource, listCertificates } from "./resources.ts";
import type { BenchScene } from "./scene.ts";

/** How often it is looked at what is to do. */
const TICK_MS = 500;
const SAMPLE_MS = 2000;
const FAULT_MS = 2000;
const KILL_MS = 25_000;
const API_SERVER_RESTART_MS = 75_000;
const LATE_CREATE_MS = 3000;
const LATE_CREATE: Fault = {
  operation: "createDatabaseUserCertificate",
  effect: { kind: "delay", ms: LATE_CREATE_MS },
  times: 3,
};
/** The API server may be unable to answer for this long after it was started again. */
const ANSWER_LIMIT_MS = 30_000;

/** Memory and sockets of the operator at one time. */
export interface Sample {
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly rssBytes: number;
  readonly sockets: number;
}

/** What was done to the operator, and what it said. */
export interface SoakCounts {
  faults: number;
  kills: number;
  apiServerRestarts: number;
  issued: number;
}

/**
 * Disturbs a scene and takes notes: which certificates are held, which are reported lost, and what the operator uses.
 * The operator is killed in the first half alone, so that one process lives through the second and its memory can be
 * judged.
 */
export class SoakRun {
  readonly counts: SoakCounts = { faults: 0, kills: 0, apiServerRestarts: 0, issued: 0 };
  readonly ledger = new Ledger();
  readonly #scene: BenchScene;
  readonly #log: OperatorLog;
  readonly #random: () => number;
  readonly #progress: Progress;
  /** Of the process that runs now. */
  #samples: Sample[] = [];

  constructor(options: {
    readonly scene: BenchScene;
    readonly random: () => number;
    readonly progress: Progress;
  }) {
    this.#scene = options.scene;
    this.#log = new OperatorLog(options.scene.operatorLogFile);
    this.#random = options.random;
    this.#progress = options.progress;
  }

  /** Of the process that runs now, oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** Text in the log that is no line of it: what a crash leaves. */
  get strange(): readonly string[] {
    return this.#log.strange;
  }

  /** Disturbs everything for so long, in milliseconds. */
  async disturb(durationMs: number): Promise<void> {
    const startedAt = systemClock.monotonic();
    const recurring = (everyMs: number) => new Recurring(everyMs, this.#random, startedAt);
    const [sample, fault, kill, restart] = [SAMPLE_MS, FAULT_MS, KILL_MS, API_SERVER_RESTART_MS].map(recurring);
    for (let now = startedAt; now < startedAt + durationMs; now = systemClock.monotonic()) {
      if (fault?.isDue(now)) await this.#disturbAtlas();
      if (now < startedAt + durationMs / 2 && kill?.isDue(now)) await this.#killOperator();
      if (restart?.isDue(now)) await this.#restartApiServer();
      if (sample?.isDue(now)) await this.#sample();
      await this.note();
      await systemClock.sleep(TICK_MS);
    }
    await this.#scene.atlas.clearFaults();
  }

  /**
   * Writes down what resources hold and what the operator has said since the last time.
   *
   * @throws Error where the operator has ended by itself
   */
  async note(): Promise<readonly ListedResource[]> {
    const { pid } = this.#scene.operator;
    const resources = await this.noteLast();
    if (pid === undefined) throw new Error(`the operator has ended by itself:\n${this.strange.slice(-20).join("\n")}`);
    return resources;
  }

  /** The same of an operator that was stopped. */
  async noteLast(): Promise<readonly ListedResource[]> {
    const resources = await this.#patiently(() => listCertificates(this.#scene));
    for (const { status } of resources) {
      const held = status.recentIssuances.filter(({ lost }) => lost === undefined);
      const serials = [status.serialNumber, ...held.map(({ serialNumber }) => serialNumber)];
      for (const serial of serials) if (serial !== undefined) this.ledger.hold(serial);
    }
    for (const line of await this.#log.read()) this.#noteLine(line);
    return resources;
  }

  /** An API server that was just started refuses, resets and does not know its custom resources for a moment. */
  async #patiently<T>(ask: () => Promise<T>): Promise<T> {
    const deadline = systemClock.monotonic() + ANSWER_LIMIT_MS;
    for (;;) {
      try {
        return await ask();
      } catch (error: unknown) {
        if (systemClock.monotonic() > deadline) throw error;
        await systemClock.sleep(TICK_MS);
      }
    }
  }

  #noteLine({ reason, msg, serialNumber }: LogLine): void {
    const named = /^(?:Issued certificate|Certificate|Atlas has listed certificate) (\d+) /.exec(msg)?.[1];
    if (reason === "Issued" && named !== undefined) {
      this.counts.issued += 1;
      this.ledger.hold(named);
    }
    const isReport = reason === "CertificateOrphaned" || reason === "CertificateUnaccountedFor";
    if (isReport && named !== undefined) this.ledger.report(named);
    if (msg.endsWith("this one is an orphan") && serialNumber !== undefined) this.ledger.report(serialNumber);
  }

  async #disturbAtlas(): Promise<void> {
    await this.#scene.atlas.addFault(someFault(this.#random));
    this.counts.faults += 1;
  }

  /** Every other time with a request on its way that Atlas carries out when the next process is at work. */
  async #killOperator(): Promise<void> {
    if (this.counts.kills % 2 === 0) {
      await this.#scene.atlas.addFault(LATE_CREATE);
      await systemClock.sleep(LATE_CREATE_MS / 3);
    }
    await this.#scene.operator.restart();
    this.#samples = [];
    this.counts.kills += 1;
  }

  async #restartApiServer(): Promise<void> {
    await this.#scene.controlPlane.apiServer.restart();
    this.counts.apiServerRestarts += 1;
  }

  async #sample(): Promise<void> {
    const { pid } = this.#scene.operator;
    if (pid === undefined) return;
    const [{ rssBytes }, sockets] = await Promise.all([processUsage(pid), openSockets(pid)]);
    this.#samples.push({ at: systemClock.monotonic(), rssBytes, sockets });
    const { issued, faults, kills, apiServerRestarts } = this.counts;
    if (this.#samples.length % 15 === 0) {
      this.#progress.line(
        `${issued} issued, ${this.ledger.reported} reported lost, ${faults} faults, ${kills} kills, ` +
          `${apiServerRestarts} restarts of the API server; ${Math.round(rssBytes / 2 ** 20)} MiB, ${sockets} sockets`,
      );
    }
  }
}
