import type { RestartResult } from "./core/model/restart.ts";

/**
 * The knowledge of one process about one resource that the status does not show, or not yet. Sets and maps are made when
 * something goes in: thousands of empty ones would take megabytes.
 */
interface ResourceMemory {
  /** Id of an attempt that was recorded and that Atlas was not asked for. */
  unsent?: string | undefined;
  /** When Atlas' list of the spec's user was last read, in milliseconds since the epoch. */
  listedMs?: number;
  /** When its Secret was recently repaired, in milliseconds since the epoch: two writers that fight must be noticed. */
  repairs: readonly number[];
  /** Items that were announced: certificates by serial number, attempts by id, Secrets. */
  announced?: Set<string>;
  /** The last look at each workload that is to be restarted, and the generation of the resource then. */
  restarts?: Map<string, { readonly generation: number; readonly result: RestartResult }>;
}

const NONE: readonly never[] = [];

/** The memory of a process, by the uid of the resource: all of it goes with the resource. */
export class ResourceMemories {
  readonly #byUid = new Map<string, ResourceMemory>();

  of({ uid }: { readonly uid: string }): ResourceMemory {
    const known = this.#byUid.get(uid);
    if (known !== undefined) return known;
    const memory: ResourceMemory = { repairs: NONE };
    this.#byUid.set(uid, memory);
    return memory;
  }

  forget(uid: string): void {
    this.#byUid.delete(uid);
  }
}
