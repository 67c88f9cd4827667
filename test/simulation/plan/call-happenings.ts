import { RENEW_REQUEST_ANNOTATION } from "../../../src/api/names.ts";
import { HOUR_MS, MINUTE_MS } from "../../../src/clock.ts";
import { KubeError, type KubeErrorReason } from "../../../src/kube/kube-error.ts";
import { RESOURCES } from "../cluster/kinds.ts";
import type { Call, Effect } from "../engine/network.ts";
import { EVERYWHERE, type Stage } from "../stage.ts";
import type { Happening } from "./happenings.ts";
import type { Item } from "./plan.ts";

/** For a time, calls of a kind fail. */
function spell(stage: Stage, item: Item, namespace: string, what: string, spell: SpellOptions): void {
  const { spells } = stage.world.weather;
  stage.tell(() => `fault: ${what} for ${Math.round(item.forMs / 1000)} s`);
  const added = { ...spell, probability: spell.probability ?? item.probability };
  spells.add(added);
  stage.disturb(namespace, item.forMs);
  stage.after(item.forMs, () => {
    if (spells.delete(added)) stage.tell(() => `fault: over: ${what}`);
  });
}

interface SpellOptions {
  readonly hits: (call: Call) => boolean;
  readonly effect: (call: Call) => Effect;
  readonly probability?: number;
  readonly shakesLeases?: boolean;
}

const isKube = ({ service }: Call) => service === "kube";

function refusedBecause(reason: KubeErrorReason, { verb, what }: Call, explanation?: string): Effect {
  return { kind: "refused", error: new KubeError({ reason, operation: `${verb} ${what}`, explanation }) };
}

const KUBE_REASONS = ["Unavailable", "InternalError", "TooManyRequests", "Timeout", "Network"] as const;

/** For a time the API server refuses the Secrets of one namespace. */
function refuseSecrets(stage: Stage, item: Item, hitsDryRun: boolean): void {
  const { namespace } = stage.member(item).tenant;
  const what = hitsDryRun ? "a quota refuses" : "encryption fails for";
  spell(stage, item, namespace, `${what} writes of Secrets in ${namespace}`, {
    hits: ({ what, verb, scope, dryRun }) =>
      what.startsWith("secrets") && /^(create|patch)$/.test(verb) && scope === namespace && (hitsDryRun || !dryRun),
    effect: (call) =>
      hitsDryRun
        ? refusedBecause("Forbidden", call, "exceeded quota: secrets")
        : refusedBecause("InternalError", call, "failed to encrypt: the KMS plugin does not answer"),
    probability: 1,
  });
}

export const CALL_HAPPENINGS = {
  apiServerFails: {
    feature: "kubeErrors",
    lasts: [1000, 20 * MINUTE_MS],
    run: (stage, item) => {
      const reason = KUBE_REASONS[item.variant % KUBE_REASONS.length] ?? "Unavailable";
      const share = Math.round(item.probability * 100);
      spell(stage, item, EVERYWHERE, `${share} % of the calls to the API server fail (${reason})`, {
        hits: isKube,
        effect: (call) => refusedBecause(reason, call),
        shakesLeases: true,
      });
    },
  },
  apiServerDown: {
    feature: "kubeErrors",
    lasts: [1000, 20 * MINUTE_MS],
    run: (stage, item) =>
      spell(stage, item, EVERYWHERE, "the API server can't be reached", {
        hits: isKube,
        effect: (call) => refusedBecause("Network", call),
        probability: 1,
        shakesLeases: true,
      }),
  },
  leaseUnreachable: {
    feature: "failover",
    lasts: [1000, MINUTE_MS],
    run: (stage, item) => {
      const leader = stage.world.replicas.find(({ operator }) => operator.isLeading)?.machine.name;
      spell(stage, item, EVERYWHERE, `the lease can't be renewed by ${leader}`, {
        hits: ({ what }) => what.startsWith("leases"),
        effect: (call) => refusedBecause("Unavailable", call),
        probability: 1,
        shakesLeases: true,
      });
    },
  },
  slow: {
    feature: "kubeErrors",
    lasts: [MINUTE_MS, 2 * HOUR_MS],
    run: (stage, item) => {
      const { weather } = stage.world;
      weather.slowness = 1 + (item.variant % 200);
      stage.tell(() => `fault: calls take up to ${weather.slowness * 20} ms each way`);
      stage.disturb(EVERYWHERE, item.forMs);
      stage.after(item.forMs, () => {
        weather.slowness = 1;
      });
    },
  },
  answerLost: {
    feature: "lostAnswers",
    run: (stage, item) => lose(stage, item, ({ what, verb }) => !what.startsWith("leases") && verb !== "watch"),
  },
  writeAnswerLost: {
    feature: "lostAnswers",
    run: (stage, item) =>
      lose(stage, item, ({ verb, dryRun }) => /^(create|patch|patch status)$/.test(verb) && !dryRun),
  },
  createAnswerLost: { feature: "lostAnswers", run: (stage, item) => lose(stage, item, ({ verb }) => verb === "POST") },
  createLate: {
    feature: "late",
    run: (stage, item) => {
      stage.world.weather.traps.add({
        hits: ({ verb }) => verb === "POST",
        nth: item.nth,
        spring: ({ what }) => {
          const byMs = (item.variant % 120) * 1000;
          stage.tell(() => `fault: Atlas carries the create for ${what} out late, ${30 + byMs / 1000} s from now`);
          stage.disturb(EVERYWHERE, byMs);
          return { kind: "late", byMs };
        },
      });
    },
  },
  secretWritesRefused: {
    feature: "refusedWrites",
    lasts: [MINUTE_MS, 12 * HOUR_MS],
    // A quota or a missing right refuses the dry run too; a KMS that fails does not.
    run: (stage, item) => refuseSecrets(stage, item, item.variant % 2 === 0),
  },
  renewedUnstorably: {
    feature: "refusedWrites",
    lasts: [HOUR_MS, 6 * HOUR_MS],
    run: (stage, item) => {
      const { namespace } = stage.member(item).tenant;
      refuseSecrets(stage, item, false);
      stage.tell(() => `user: asks for new certificates of all resources of ${namespace}`);
      const annotations = { [RENEW_REQUEST_ANNOTATION]: new Date(stage.now).toISOString() };
      for (const { metadata } of stage.world.server.all(RESOURCES)) {
        if (metadata.namespace !== namespace) continue;
        stage.world.server.patch(RESOURCES, metadata, { metadata: { annotations } }, { by: "kubectl" });
      }
    },
  },
  watchesLag: {
    feature: "watch",
    lasts: [MINUTE_MS, HOUR_MS],
    run: (stage, item) => {
      const { weather } = stage.world.watches;
      weather.lagMs = 1000 * (1 + (item.variant % 60));
      weather.duplicates = item.probability / 2;
      stage.tell(() => `fault: watches lag by up to ${weather.lagMs} ms and repeat themselves`);
      stage.disturb(EVERYWHERE, item.forMs + weather.lagMs);
      stage.after(item.forMs, () => {
        weather.lagMs = 20;
        weather.duplicates = 0;
      });
    },
  },
  watchesEnd: {
    feature: "watch",
    run: (stage, item) => {
      const isCut = item.variant % 2 === 0;
      const isForgotten = item.variant % 3 === 0;
      stage.tell(
        () => `fault: all watches ${isCut ? "are cut" : "end"}${isForgotten ? "; their history is gone" : ""}`,
      );
      stage.disturb(EVERYWHERE);
      if (isForgotten) stage.world.server.compact();
      stage.world.watches.end(isCut);
    },
  },
  crdOutdated: {
    feature: "oldCrd",
    lasts: [MINUTE_MS, HOUR_MS],
    run: (stage, item) => {
      const { droppedStatus } = stage.world.server;
      const field = item.variant % 2 === 0 ? "issuance" : "nextAttemptTime";
      stage.tell(() => `fault: the installed CRD drops status.${field} for ${Math.round(item.forMs / 1000)} s`);
      droppedStatus.add(field);
      stage.disturb(EVERYWHERE, item.forMs);
      stage.after(item.forMs, () => droppedStatus.delete(field));
    },
  },
  bookmarks: { feature: "watch", run: (stage) => stage.world.watches.bookmark() },
} as const satisfies Readonly<Record<string, Happening>>;

function lose(stage: Stage, item: Item, hits: (call: Call) => boolean): void {
  stage.world.weather.traps.add({
    hits,
    nth: item.nth,
    spring: ({ verb, what }) => {
      stage.tell(() => `fault: the answer of ${verb} ${what} gets lost`);
      stage.disturb(EVERYWHERE, MINUTE_MS);
      return { kind: "answerLost" };
    },
  });
}
