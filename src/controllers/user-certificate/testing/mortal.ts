import type { KubeApi } from "../../../kube/kube-api.ts";
import type { CertificateApi } from "../../access/atlas-api.ts";
import type { Scene } from "./scene.ts";

type Api = Pick<KubeApi, "get" | "create" | "mergePatch">;

/** A process that dies at one of its calls: before it is made, or after it has had its effect. */
export class Mortal {
  calls = 0;
  isDead = false;
  readonly #diesAt: number;
  readonly #moment: "before" | "after";
  readonly #died = Promise.withResolvers<void>();

  constructor(diesAt: number, moment: "before" | "after") {
    this.#diesAt = diesAt;
    this.#moment = moment;
  }

  get died(): Promise<void> {
    return this.#died.promise;
  }

  /** Makes a call, or never returns. */
  async call<T>(work: () => Promise<T>): Promise<T> {
    const isLast = ++this.calls === this.#diesAt;
    if (this.isDead || (isLast && this.#moment === "before")) return this.#die();
    const result = work();
    await result.catch(() => {});
    return isLast || this.isDead ? this.#die() : result;
  }

  kube(cluster: Api): Api {
    return {
      get: (type, ref) => this.call(() => cluster.get(type, ref)),
      create: (type, object, options) => this.call(() => cluster.create(type, object, options)),
      mergePatch: (type, ref, patch, options) => this.call(() => cluster.mergePatch(type, ref, patch, options)),
    };
  }

  atlas(atlas: CertificateApi): CertificateApi {
    return {
      createDatabaseUserCertificate: (parameters) => this.call(() => atlas.createDatabaseUserCertificate(parameters)),
      listAllDatabaseUserCertificates: (parameters) =>
        this.call(() => atlas.listAllDatabaseUserCertificates(parameters)),
    };
  }

  #die(): Promise<never> {
    this.isDead = true;
    this.#died.resolve();
    return new Promise(() => {});
  }
}

/** Applies the resource and works until it has its certificate, in a process that ends well. */
export async function liveOnce(scene: Scene): Promise<void> {
  scene.apply();
  const process = scene.start();
  await scene.settle(process);
  scene.stop(process);
}
