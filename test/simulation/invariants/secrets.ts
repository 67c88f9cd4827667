import { SECRET_ANNOTATIONS } from "../../../src/api/names.ts";
import type { Secret } from "../../../src/kube/core-types.ts";
import type { Change } from "../cluster/api-server.ts";
import { RESOURCE_TYPE, RESOURCES, type ResourceObject, SECRET_TYPE } from "../cluster/kinds.ts";
import { FIELD_MANAGER } from "../operator/operator-process.ts";
import type { Stage } from "../stage.ts";
import { certificateIn, isOperators } from "./holding.ts";
import { userOf } from "./ledger.ts";
import type { Report } from "./violation.ts";

/** How long a pair may be on its way for a spec that has changed meanwhile. */
const OUTDATED_MS = 900_000;

/** Judges each write of a Secret by the operator: invariant e. */
export class Secrets {
  readonly #stage: Stage;
  readonly #report: Report;
  /** Users that a resource has named, and when it last did, by its uid. */
  readonly #named = new Map<string, Map<string, number>>();

  constructor(stage: Stage, report: Report) {
    this.#stage = stage;
    this.#report = report;
  }

  change({ type, key, before, after, by }: Change): void {
    this.#noteNames(type, before, after);
    if (type !== SECRET_TYPE || by !== FIELD_MANAGER) return;
    // The type's name says that these are Secrets.
    const [was, is] = [before as Secret | undefined, after as Secret | undefined];
    if (was !== undefined) {
      this.#foreignStays(key, was);
      this.#holdersStays(key, was, is);
    }
    if (is === undefined || is.data?.["tls.crt"] === was?.data?.["tls.crt"]) return;
    this.#onlyGoodPairs(key, is);
    this.#newerStays(key, was, is);
  }

  #foreignStays(key: string, was: Secret): void {
    if (!this.#stage.foreign.has(was.metadata.uid) && isOperators(this.#stage.world, was)) return;
    this.#report("e", key, "the operator wrote to a Secret that is not its own");
  }

  /** A Secret of another resource that lives and wants it. */
  #holdersStays(key: string, was: Secret, is: Secret | undefined): void {
    const uidOf = (secret: Secret | undefined) => secret?.metadata.annotations?.[SECRET_ANNOTATIONS.certificateUid];
    const holder = this.#stage.world.server.all(RESOURCES).find(({ metadata }) => metadata.uid === uidOf(was));
    if (holder === undefined || uidOf(is) === uidOf(was)) return;
    const wantsIt = `${holder.metadata.namespace}/${holder.spec.secretName}` === key;
    if (wantsIt) this.#report("e", key, `the operator took the Secret of ${holder.metadata.name} for another resource`);
  }

  /** Its key is nowhere else. */
  #newerStays(key: string, was: Secret | undefined, is: Secret): void {
    const { world } = this.#stage;
    const [before, after] = [certificateIn(world, was), certificateIn(world, is)];
    if (before === undefined || after === undefined || was?.data?.["tls.key"] !== before.data.key) return;
    if (before.username !== after.username || before.createdAt <= after.createdAt) return;
    this.#report("e", key, `the operator wrote ${after.serialNumber} over the newer ${before.serialNumber}`);
  }

  #onlyGoodPairs(key: string, secret: Secret): void {
    const { now, world } = this.#stage;
    const certificate = certificateIn(world, secret);
    // Written to see whether it can be stored, where a dry run was wrong before: it holds nothing.
    if (secret.data?.["tls.crt"] === "" && secret.data["tls.key"] === "") return;
    if (certificate === undefined) {
      this.#report("e", key, "the operator wrote something that is no certificate");
      return;
    }
    if (secret.data?.["tls.key"] !== certificate.data.key) this.#report("e", key, "the operator wrote a wrong key");
    if (certificate.notAfter <= now) this.#report("e", key, "the operator wrote an expired certificate");
    const uid = secret.metadata.annotations?.[SECRET_ANNOTATIONS.certificateUid] ?? "";
    const namedAt = this.#named.get(uid)?.get(`${certificate.projectId} ${certificate.username}`);
    if (namedAt === undefined || now - namedAt > OUTDATED_MS) {
      this.#report("e", key, `the operator wrote a certificate of user ${certificate.username}`);
    }
  }

  #noteNames(type: string, before: Change["before"], after: Change["after"]): void {
    if (type !== RESOURCE_TYPE) return;
    for (const object of [before, after]) {
      const { spec } = (object ?? {}) as Partial<ResourceObject>;
      if (object === undefined || spec === undefined) continue;
      const { uid } = object.metadata;
      const user = userOf(spec);
      const names = this.#named.get(uid) ?? new Map<string, number>();
      this.#named.set(uid, names.set(user, object === after ? Number.POSITIVE_INFINITY : this.#stage.now));
    }
  }
}
