import { onTestFinished } from "vitest";
import { USER_CERTIFICATE } from "../../../api/user-certificate.ts";
import type { UserCertificateStatus } from "../../../api/user-certificate-status.ts";
import { SECRETS, type Secret } from "../../../kube/core-types.ts";
import { silentLog } from "../../../kube/log.ts";
import { ManualClock } from "../../../testing/manual-clock.ts";
import { settle, until } from "../../../testing/settle.ts";
import type { AtlasApi } from "../../access/atlas-api.ts";
import { type ControllerObserver, UserCertificateController } from "../controller.ts";
import { MemoryAtlas } from "./memory-atlas.ts";
import { CREDENTIALS, NAMESPACE } from "./scene.ts";
import { NOW, POLICY, PROJECT } from "./snapshots.ts";
import { WatchedCluster } from "./watched-cluster.ts";

/** The entries of a Secret with credentials. */
export const CREDENTIALS_DATA = { clientId: btoa("mdb_sa_id_1"), clientSecret: btoa("mdb_sa_sk_1") };

export interface ControllerRigOptions {
  /** @default 2 */
  readonly workers?: number;
}

/**
 * A controller whose caches follow an API server in memory until the test ends. Make it in `beforeEach`: a
 * WatchedCluster does not replay what changes between a list and the watch after it.
 */
export class ControllerRig {
  readonly clock = new ManualClock({ startAt: NOW });
  readonly cluster = new WatchedCluster();
  readonly controller: UserCertificateController;
  reconciles = 0;
  /** Runs before each step of issuing. */
  beforeStep: ControllerObserver["onStep"];
  /** The fault of each create at Atlas. */
  createFault: MemoryAtlas["createFault"] = () => undefined;
  /** The Atlas clients that were made, as far as anyone still holds them. */
  readonly connections: WeakRef<AtlasApi>[] = [];

  constructor({ workers = 2 }: ControllerRigOptions = {}) {
    const { clock, cluster } = this;
    cluster.put(SECRETS, { metadata: CREDENTIALS, data: CREDENTIALS_DATA });
    this.controller = new UserCertificateController({
      kube: cluster,
      connect: () => {
        const atlas = new MemoryAtlas(clock);
        atlas.createFault = (create) => this.createFault(create);
        this.connections.push(new WeakRef(atlas));
        return atlas;
      },
      events: { record: () => {} },
      policy: POLICY,
      workers,
      leadership: () => () => {},
      identity: "pod-1",
      observer: {
        onReconciled: () => void this.reconciles++,
        onStep: (step, resource) => this.beforeStep?.(step, resource),
      },
      clock,
      random: () => 0.5,
      log: silentLog,
    });
    const stop = new AbortController();
    void this.controller.watch(stop.signal);
    onTestFinished(() => stop.abort());
  }

  apply(name: string, secretName = `${name}-mongodb`, username = name): void {
    const credentialsRef = { name: CREDENTIALS.name };
    const spec = { projectId: PROJECT, credentialsRef, username, secretName };
    const resource = { metadata: { namespace: NAMESPACE, name }, spec };
    this.cluster.put(USER_CERTIFICATE, resource);
  }

  /** Lets the controller work until the test's end, or until the function that it gives is called. */
  work(): () => void {
    const stop = new AbortController();
    void this.controller.work(stop.signal);
    onTestFinished(() => stop.abort());
    return () => stop.abort();
  }

  secretOf(name: string): Secret | undefined {
    return this.cluster.peek(SECRETS, { namespace: NAMESPACE, name: `${name}-mongodb` });
  }

  statusOf(name: string): UserCertificateStatus {
    const resource = this.cluster.peek(USER_CERTIFICATE, { namespace: NAMESPACE, name });
    return Object(Reflect.get(resource ?? {}, "status"));
  }

  /** The reason of its condition Ready. */
  readyOf(name: string): string | undefined {
    return this.statusOf(name).conditions?.find(({ type }) => type === "Ready")?.reason;
  }

  /** Keys are made in threads: that takes real time. */
  async untilIssued(...names: readonly string[]): Promise<void> {
    await until(() => names.every((name) => this.secretOf(name) !== undefined), `${names} are issued`);
    await this.untilAllIsSeen();
  }

  /** Until the caches have seen what is stored, and the queue rests. */
  async untilAllIsSeen(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await settle();
  }
}
