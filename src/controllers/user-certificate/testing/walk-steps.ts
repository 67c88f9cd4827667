import fc from "fast-check";
import type { RenewalRule } from "../../../certificate/renewal-time.ts";
import { DAY_MS, HOUR_MS } from "../../../clock.ts";
import type { CredentialsState, ListState, SecretHolder, SecretState } from "../core/model/snapshot.ts";
import { ABSENT, certificate, damaged, entryFor, FOREIGN, listed, managed, NOW, refused } from "./snapshots.ts";

/** The events between two reconciles of a resource, and how the second one ends. */
export interface Step {
  readonly waitMs: number;
  readonly secret: SecretState;
  readonly atlas: ListState;
  readonly attempted: ListState;
  readonly credentials: CredentialsState;
  readonly secretHolder: SecretHolder | undefined;
  readonly others: "none" | "issued" | "attempting" | "explaining";
  readonly suspend: boolean;
  readonly username: string;
  readonly secretName: string;
  readonly renewal: RenewalRule | undefined;
  readonly generation: number;
  readonly renewRequest: string | undefined;
  readonly recentRepairs: number;
  /** The fate of the process before: nothing is parked in its successor. */
  readonly process: "same" | "killed" | "stoppedLeading";
  readonly end: "well" | "person" | "waiting" | "lost" | "crash" | "parked" | "overtaken";
  readonly random: number;
}

/** The certificates of the user: when each of them expires. */
const CERTIFICATES = [-1, 1, 20, 90].map((days, index) =>
  certificate(String(1001 + index), {
    notBefore: new Date(NOW - 30 * DAY_MS),
    notAfter: new Date(NOW + days * DAY_MS + 350),
  }),
);

/** It carries the serial number of one of them, and its expiry to the second. */
const FORGED = certificate("1004", {
  fingerprint: "EE:FF",
  notBefore: new Date(NOW - 30 * DAY_MS),
  notAfter: new Date(NOW + 90 * DAY_MS),
});

const pairs: fc.Arbitrary<SecretState> = fc
  .record({ facts: fc.constantFrom(...CERTIFICATES, FORGED), labelled: fc.boolean(), deleting: mostly(false, true) })
  .map(({ facts, labelled, deleting }) => managed(facts, { deleting, ...(!labelled && { labels: {} }) }));

const secrets: fc.Arbitrary<SecretState> = fc.oneof(
  { weight: 5, arbitrary: pairs },
  { weight: 2, arbitrary: fc.constant(ABSENT) },
  fc.constantFrom<SecretState>(FOREIGN, damaged("missing"), damaged("undecodable"), damaged("mismatch")),
);

const entries = fc
  .record({ facts: fc.constantFrom(...CERTIFICATES), agoMs: fc.option(fc.constantFrom(0, 61_000, DAY_MS - 1, DAY_MS)) })
  .map(({ facts, agoMs }) => entryFor(facts, agoMs === null ? {} : { createdAt: new Date(NOW - agoMs) }));

export const manyOthers = Array.from({ length: 10 }, (_, index) => String(1901 + index));

const lists: fc.Arbitrary<ListState> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<ListState>({ kind: "notAsked" }) },
  {
    weight: 4,
    arbitrary: fc.uniqueArray(entries, { selector: (entry) => entry.serialNumber }).map((some) => listed(...some)),
  },
  fc.constant(listed(...CERTIFICATES.map((facts) => entryFor(facts)), ...manyOthers)),
  // Twice as often as each of the others, so that one refusal follows another.
  {
    weight: 2,
    arbitrary: fc.constantFrom<ListState>(
      refused("AtlasUnavailable"),
      refused("RoleMissing", { needsPerson: true, remedy: "Grant the role." }),
      refused("UserNotFound", { needsPerson: true }),
      refused("RateLimited", { retry: { kind: "backoff", atLeastMs: 2 * HOUR_MS } }),
    ),
  },
);

export const steps: fc.Arbitrary<Step> = fc.record({
  waitMs: fc.oneof(
    fc.constantFrom(0, 1, 700, 5000, 60_000, 450_000, HOUR_MS, 7 * HOUR_MS, DAY_MS, 30 * DAY_MS),
    fc.integer({ min: 0, max: DAY_MS }),
  ),
  secret: secrets,
  atlas: lists,
  attempted: lists,
  credentials: mostly<CredentialsState>(
    { kind: "usable", version: "31" },
    { kind: "usable", version: "32" },
    { kind: "unusable", version: undefined, problem: "It does not exist." },
    { kind: "unnamed", version: undefined },
  ),
  secretHolder: mostly<SecretHolder | undefined>(undefined, { name: "billing" }, { name: "billing", movedTo: "other" }),
  others: mostly<Step["others"]>("none", "issued", "attempting", "explaining"),
  suspend: mostly(false, true),
  username: mostly("orders-api", "billing"),
  secretName: mostly("orders-api-mongodb", "other"),
  renewal: mostly<RenewalRule | undefined>(undefined, { kind: "percentage", percentage: 80 }),
  generation: mostly(1, 2),
  renewRequest: mostly<string | undefined>(undefined, "a", "b"),
  recentRepairs: mostly(0, 5),
  process: fc.constantFrom("same", "same", "killed", "stoppedLeading"),
  end: fc.constantFrom("well", "person", "waiting", "lost", "crash", "parked", "overtaken"),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});

function mostly<T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, fc.constantFrom(...others));
}
