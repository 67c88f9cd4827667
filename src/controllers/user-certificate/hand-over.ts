import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import { timestamp } from "../../api/timestamp.ts";
import type { Clock } from "../../clock.ts";
import type { Log } from "../../kube/log.ts";
import { objectKey } from "../../kube/resource-type.ts";
import type { AtlasClock } from "./atlas/atlas-clock.ts";
import type { LiveResource } from "./cluster/live-resource.ts";
import type { ParkedCertificate, ParkedCertificates } from "./cluster/parked-certificates.ts";
import type { SecretInspector } from "./cluster/secret-inspector.ts";
import type { StatusWriter } from "./cluster/status-writer.ts";
import { isSameUser } from "./core/model/user.ts";
import type { Issuer } from "./issue.ts";

export interface HandOverOptions {
  readonly parked: ParkedCertificates;
  readonly inspector: SecretInspector;
  readonly issuer: Pick<Issuer, "store">;
  readonly statuses: Pick<StatusWriter, "announceParked">;
  readonly live: LiveResource;
  readonly atlasClock: AtlasClock;
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long a successor waits for a process that no longer leads and still has parked certificates. */
const WAIT_MS = 150_000;
/** How long that process tries to store them: its last write may take 30 s more, and the successor must not outrun it. */
const STORE_MS = WAIT_MS - 35_000;
const RETRY_MS = 2000;

/** Keeps storing the parked certificates of a process that has stopped leading. */
export class HandOver {
  readonly #options: HandOverOptions;
  #until: number | undefined;

  constructor(options: HandOverOptions) {
    this.#options = options;
  }

  /** Tells the successor, in the status of each attempt, how long this process still tries to store its certificate. */
  async announce(): Promise<void> {
    const { parked, statuses, atlasClock, identity, clock, log } = this.#options;
    this.#until = clock.monotonic() + STORE_MS;
    const until = timestamp(atlasClock.now() + WAIT_MS);
    for (const { resource, attempt, pair } of parked.values()) {
      const { serialNumber, notAfter } = pair.facts;
      const mark = { pod: identity, serialNumber, notAfter: timestamp(notAfter.getTime()), until };
      try {
        await statuses.announceParked(resource, attempt, mark);
      } catch (error: unknown) {
        log.error(
          { resource: objectKey(resource), err: error },
          "could not announce a parked certificate to the successor",
        );
      }
    }
  }

  /** Goes on storing what is parked until nothing is, the successor stops waiting, or the signal aborts. Never rejects. */
  async store(signal: AbortSignal): Promise<void> {
    const { parked, clock } = this.#options;
    const until = this.#until ?? clock.monotonic() + STORE_MS;
    while (parked.size > 0 && clock.monotonic() < until && !signal.aborted) {
      for (const waiting of parked.values()) await this.#storeOne(waiting);
      if (parked.size > 0) await clock.sleep(RETRY_MS, signal).catch(() => {});
    }
    for (const waiting of parked.values()) this.#logLost(waiting);
  }

  async #storeOne(waiting: ParkedCertificate): Promise<void> {
    const { inspector, issuer, live, log, parked } = this.#options;
    const { resource } = waiting;
    try {
      const now = await live(resource);
      if (now !== undefined && !now.valid) return;
      // The resource is gone, or the successor has gone on without it: it finds the certificate in Atlas' list.
      if (now === undefined || !isWanted(waiting, now)) {
        parked.remove(resource.uid);
        this.#logLost(waiting);
        return;
      }
      const { namespace, spec, status } = now;
      const query = { namespace, name: spec.secretName, fingerprint: status.fingerprint };
      await issuer.store(now, await inspector.live(query), waiting);
    } catch (error: unknown) {
      log.warn({ resource: objectKey(resource), err: error }, "could not store a parked certificate yet");
    }
  }

  #logLost({ resource, pair }: ParkedCertificate): void {
    const fields = { resource: objectKey(resource), serialNumber: pair.facts.serialNumber };
    this.#options.log.error(
      fields,
      "could not store a certificate before the process stopped: its private key is lost",
    );
  }
}

function isWanted({ attempt }: ParkedCertificate, { spec, status }: UserCertificate): boolean {
  return status.issuance?.id === attempt.id && isSameUser(spec, attempt);
}
