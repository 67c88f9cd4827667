import type { UserCertificate, UserCertificateIdentity } from "../../../api/parse-user-certificate.ts";
import type { Issuance } from "../../../api/user-certificate-status.ts";
import { backoffMs } from "../../../backoff.ts";
import type { KeyPair } from "../../../certificate/key-pair.ts";
import type { ParkedView } from "../core/model/snapshot.ts";

const BACKOFF = { firstMs: 1000, maxMs: 300_000 };

/** A certificate that was issued and is in no Secret yet: it exists in this process's memory and nowhere else. */
export interface ParkedCertificate {
  readonly resource: UserCertificate;
  readonly attempt: Issuance;
  readonly pair: KeyPair;
  /** Number of failed writes. */
  failures: number;
  nextTryMs: number;
}

/**
 * The certificates that wait for their Secrets to become writable, one for each resource. Waiting is a state of the
 * process, not of a worker: the resource is reconciled as before, and each reconcile tries the write again.
 */
export class ParkedCertificates {
  readonly #byUid = new Map<string, ParkedCertificate>();

  get size(): number {
    return this.#byUid.size;
  }

  /** Those whose write was refused: the others are being written for the first time. */
  get refused(): readonly ParkedCertificate[] {
    return this.values().filter(({ failures }) => failures > 0);
  }

  values(): readonly ParkedCertificate[] {
    return [...this.#byUid.values()];
  }

  get(uid: string): ParkedCertificate | undefined {
    return this.#byUid.get(uid);
  }

  /** Number of refused ones of one namespace. */
  refusedIn(namespace: string): number {
    return this.refused.filter(({ resource }) => resource.namespace === namespace).length;
  }

  /** The part of a parked certificate that the core may see. */
  view({ uid }: Pick<UserCertificateIdentity, "uid">): ParkedView | undefined {
    const parked = this.#byUid.get(uid);
    return parked && viewOf(parked);
  }

  add(resource: UserCertificate, attempt: Issuance, pair: KeyPair): ParkedCertificate {
    const parked = { resource, attempt, pair, failures: 0, nextTryMs: 0 };
    this.#byUid.set(resource.uid, parked);
    return parked;
  }

  /** The write failed once more. */
  noteFailure(parked: ParkedCertificate, nowMs: number, random: number): void {
    parked.failures += 1;
    parked.nextTryMs = nowMs + backoffMs(BACKOFF, parked.failures, random);
  }

  remove(uid: string): ParkedCertificate | undefined {
    const parked = this.#byUid.get(uid);
    this.#byUid.delete(uid);
    return parked;
  }
}

/** All but the key. */
export function viewOf({ attempt, pair }: ParkedCertificate): ParkedView {
  return { facts: pair.facts, attempt };
}
