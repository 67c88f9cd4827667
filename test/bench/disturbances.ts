import type { Fault } from "../../src/simulator/faults.ts";
import { pickFrom } from "./random.ts";

const CREATE = "createDatabaseUserCertificate";
const LIST = "listDatabaseUserCertificates";

/** What goes wrong with Atlas now and then. Those of a create that happened all the same leave an orphan behind. */
const ATLAS_FAULTS: readonly Fault[] = [
  { operation: CREATE, effect: { kind: "status", status: 500 } },
  { operation: CREATE, effect: { kind: "failAfterwards", status: 504 } },
  { operation: CREATE, effect: { kind: "cutAnswer" } },
  { operation: CREATE, effect: { kind: "resetAfterwards" } },
  { operation: CREATE, effect: { kind: "reset" } },
  { operation: CREATE, effect: { kind: "truncatedBody" } },
  { operation: CREATE, effect: { kind: "wrongKey" } },
  { operation: CREATE, effect: { kind: "html", status: 502 } },
  { operation: CREATE, effect: { kind: "delay", ms: 2000 } },
  { operation: CREATE, effect: { kind: "rateLimited", retryAfter: "2" } },
  { operation: LIST, effect: { kind: "status", status: 503 } },
  { operation: LIST, effect: { kind: "cutAnswer" } },
  { operation: LIST, effect: { kind: "rateLimited", retryAfter: "1" } },
  { operation: LIST, effect: { kind: "delay", ms: 1000 } },
  { operation: "createAccessToken", effect: { kind: "status", status: 500 } },
];

export function someFault(random: () => number): Fault {
  return pickFrom(ATLAS_FAULTS, random);
}

/** Times that come again and again, about `everyMs` apart and never in step. */
export class Recurring {
  readonly #everyMs: number;
  readonly #random: () => number;
  #nextMs: number;

  constructor(everyMs: number, random: () => number, nowMs: number) {
    this.#everyMs = everyMs;
    this.#random = random;
    this.#nextMs = nowMs + this.#wait();
  }

  /** Whether it is time again; says so once. */
  isDue(nowMs: number): boolean {
    if (nowMs < this.#nextMs) return false;
    this.#nextMs = nowMs + this.#wait();
    return true;
  }

  #wait(): number {
    return this.#everyMs * (0.5 + this.#random());
  }
}
