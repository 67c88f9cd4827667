import type { AtlasErrorKind } from "../../../src/atlas/errors/atlas-error.ts";
import { HOUR_MS, MINUTE_MS } from "../../../src/clock.ts";
import { SECRETS } from "../../../src/kube/core-types.ts";
import { objectKey } from "../../../src/kube/resource-type.ts";
import { atlasError, type WrongAnswer } from "../atlas/atlas-client.ts";
import type { Call } from "../engine/network.ts";
import type { Stage } from "../stage.ts";
import { credentialsOf } from "../world.ts";
import type { Happening } from "./happenings.ts";
import type { Item } from "./plan.ts";

/** For a time, Atlas refuses the calls for one project. */
function refuse(stage: Stage, item: Item, kind: AtlasErrorKind, probability: number, retryAfterMs?: number): void {
  const { namespace, projectId } = stage.member(item).tenant;
  const { spells } = stage.world.weather;
  const spell = {
    hits: ({ service, scope }: Call) => service === "atlas" && scope === projectId,
    probability,
    effect: ({ verb }: Call) => {
      const operation = verb === "POST" ? "createDatabaseUserCertificate" : "listDatabaseUserCertificates";
      const answeredAt = new Date(Math.floor(stage.now / 1000) * 1000);
      const more = { answeredAt, ...(retryAfterMs !== undefined && { retryAfterMs }) };
      return { kind: "refused", error: atlasError(kind, operation, more) } as const;
    },
  };
  const what = `Atlas answers ${kind} for project ${projectId}`;
  stage.tell(() => `fault: ${what}, ${Math.round(probability * 100)} % for ${Math.round(item.forMs / 1000)} s`);
  spells.add(spell);
  stage.disturb(namespace, item.forMs);
  stage.after(item.forMs, () => {
    if (spells.delete(spell)) stage.tell(() => `fault: over: ${what}`);
  });
}

/** Refusals that last until a person has done something. */
const REFUSALS = [
  "role",
  "accessList",
  "customerManagedOn",
  "certificateLimit",
  "projectNotFound",
  "badRequest",
] as const;
const ERRORS = ["unavailable", "badAnswer", ...REFUSALS] as const;
const WRONG_ANSWERS: readonly WrongAnswer[] = ["wrongUser", "wrongKey", "replayed", "garbage"];

export const ATLAS_HAPPENINGS = {
  rateLimited: {
    feature: "rateLimit",
    lasts: [1000, HOUR_MS],
    run: (stage, item) => refuse(stage, item, "rateLimited", item.probability, (item.variant % 300) * 1000),
  },
  atlasFails: {
    feature: "atlasErrors",
    lasts: [1000, 6 * HOUR_MS],
    run: (stage, item) => refuse(stage, item, ERRORS[item.variant % ERRORS.length] ?? "unavailable", item.probability),
  },
  atlasRefuses: {
    feature: "atlasErrors",
    lasts: [MINUTE_MS, 4 * HOUR_MS],
    run: (stage, item) => refuse(stage, item, REFUSALS[item.variant % REFUSALS.length] ?? "role", 1),
  },
  atlasDown: {
    feature: "atlasErrors",
    lasts: [MINUTE_MS, 4 * HOUR_MS],
    run: (stage, item) => refuse(stage, item, "unavailable", 1),
  },
  wrongAnswer: {
    feature: "wrong",
    run: (stage, item) => {
      const { projectId, namespace } = stage.member(item).tenant;
      const wrong = WRONG_ANSWERS[item.variant % WRONG_ANSWERS.length] ?? "garbage";
      stage.tell(() => `fault: the next create for project ${projectId} is answered wrongly (${wrong})`);
      stage.wrongAnswers.set(projectId, wrong);
      stage.disturb(namespace);
    },
  },
  listLags: {
    feature: "listLag",
    lasts: [MINUTE_MS, 12 * HOUR_MS],
    run: (stage, item) => {
      const { projectId, namespace } = stage.member(item).tenant;
      const { weather } = stage.world.atlas.project(projectId);
      weather.lagMs = 1000 * (1 + item.variant);
      stage.tell(() => `fault: Atlas' lists for project ${projectId} lag by ${weather.lagMs / 1000} s`);
      stage.disturb(namespace, item.forMs);
      stage.after(item.forMs, () => {
        weather.lagMs = 0;
      });
    },
  },
  listsNothing: {
    feature: "emptyList",
    lasts: [1000, 12 * HOUR_MS],
    run: (stage, item) => {
      const { projectId, namespace } = stage.member(item).tenant;
      const { weather } = stage.world.atlas.project(projectId);
      weather.listsNothing = true;
      stage.tell(() => `fault: Atlas lists nothing for project ${projectId} for ${Math.round(item.forMs / 1000)} s`);
      stage.disturb(namespace, item.forMs);
      stage.after(item.forMs, () => {
        weather.listsNothing = false;
        stage.tell(() => `fault: over: Atlas lists nothing for project ${projectId}`);
      });
    },
  },
  userDeleted: {
    feature: "userDeleted",
    lasts: [1000, 3 * HOUR_MS],
    run: (stage, item) => {
      const { tenant, username } = stage.member(item);
      const { atlas } = stage.world;
      stage.tell(() => `user: deletes database user ${username}`);
      atlas.removeUser(tenant.projectId, username);
      stage.disturb(tenant.namespace, item.forMs);
      stage.after(item.forMs, () => {
        stage.tell(() => `user: makes database user ${username} again`);
        atlas.addUser(tenant.projectId, username);
      });
    },
  },
  credentialsRotated: {
    feature: "credentials",
    run: (stage, item) => {
      const { tenant } = stage.member(item);
      const secret = `mdb_sa_sk_${tenant.namespace}_${stage.now}`;
      const { credentials } = stage.world.atlas.project(tenant.projectId);
      const old = [...credentials];
      credentials.add(secret);
      stage.world.setCredentials(tenant, secret);
      stage.disturb(tenant.namespace, MINUTE_MS);
      // The old one is valid for a while, or not.
      stage.after((item.variant % 3) * 20_000, () => {
        for (const one of old) credentials.delete(one);
      });
    },
  },
  credentialsWrong: {
    feature: "credentials",
    lasts: [MINUTE_MS, 6 * HOUR_MS],
    run: (stage, item) => {
      const { tenant } = stage.member(item);
      stage.world.setCredentials(tenant, "mdb_sa_sk_wrong");
      stage.disturb(tenant.namespace, item.forMs);
      stage.after(item.forMs, () => {
        const [valid] = [...stage.world.atlas.project(tenant.projectId).credentials].slice(-1);
        stage.world.setCredentials(tenant, valid ?? "");
      });
    },
  },
  credentialsDeleted: {
    feature: "credentials",
    lasts: [MINUTE_MS, HOUR_MS],
    run: (stage, item) => {
      const { tenant } = stage.member(item);
      const ref = credentialsOf(tenant);
      stage.tell(() => `user: deletes Secret ${objectKey(ref)}`);
      stage.world.server.delete(SECRETS, ref, "kubectl");
      stage.disturb(tenant.namespace, item.forMs);
      stage.after(item.forMs, () => {
        const [valid] = [...stage.world.atlas.project(tenant.projectId).credentials].slice(-1);
        stage.world.setCredentials(tenant, valid ?? "");
      });
    },
  },
  issuedElsewhere: {
    feature: "otherCluster",
    run: (stage, item) => {
      const { tenant, username } = stage.member(item);
      const issued = stage.world.atlas.issue(tenant.projectId, username, 1 + (item.variant % 3));
      stage.tell(() => `user: obtains certificate ${issued?.serialNumber} for ${username} in another cluster`);
    },
  },
} as const satisfies Readonly<Record<string, Happening>>;
