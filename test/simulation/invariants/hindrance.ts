import { findCondition } from "../../../src/api/conditions.ts";
import { SECRET_ANNOTATIONS } from "../../../src/api/names.ts";
import { DAY_MS } from "../../../src/clock.ts";
import { SECRETS } from "../../../src/kube/core-types.ts";
import { projectIdOf, RESOURCES, type ResourceObject } from "../cluster/kinds.ts";
import { POLICY } from "../operator/operator-process.ts";
import type { Stage } from "../stage.ts";
import { credentialsOf } from "../world.ts";
import { holdingOf, isOperators } from "./holding.ts";
import { type Ledger, userOf } from "./ledger.ts";

/** Why a resource need not be Ready; undefined where nothing is in its way. */
export function hindranceOf(stage: Stage, ledger: Ledger, resource: ResourceObject): string | undefined {
  return HINDRANCES.find(([, applies]) => applies(stage, resource, ledger))?.[0];
}

type Check = (stage: Stage, resource: ResourceObject, ledger: Ledger) => boolean;

const HINDRANCES: readonly (readonly [string, Check])[] = [
  ["suspended", (_stage, { spec }) => spec.suspend],
  ["being deleted", (_stage, { metadata }) => metadata.deletionTimestamp !== undefined],
  ["no such user", ({ world }, { spec }) => !world.atlas.hasUser(projectIdOf(spec), spec.username)],
  ["own credentials forbidden", isOwnForbidden],
  [
    "not granted",
    ({ withdrawnAt }, { spec }) => spec.projectRef !== undefined && withdrawnAt.has(spec.projectRef.name),
  ],
  ["user taken", isUserTaken],
  ["wrong credentials", hasWrongCredentials],
  ["Secret is another's", hasForeignSecret],
  ["Secret claimed twice", isClaimedTwice],
  ["Secret contended", isContended],
  ["unlisted, and so was the one before", isUnlistedAgain],
  ["budget spent", isBudgetSpent],
  ["too many unexpired", hasTooMany],
];

function isOwnForbidden({ world }: Stage, { spec }: ResourceObject): boolean {
  return spec.projectRef === undefined && world.cast.projects?.allowOwnCredentials === false;
}

/** Another namespace asks for the user, or did a moment ago. */
function isUserTaken({ world }: Stage, { metadata, spec }: ResourceObject): boolean {
  if (spec.projectRef === undefined) return false;
  const others = world.server.all(RESOURCES).filter((one) => one.metadata.namespace !== metadata.namespace);
  return others.some(
    (one) => one.spec.projectRef?.name === spec.projectRef?.name && one.spec.username === spec.username,
  );
}

function hasWrongCredentials({ world }: Stage, { spec }: ResourceObject): boolean {
  const tenant = world.cast.tenants.find((one) => one.projectId === projectIdOf(spec));
  const secret = tenant && (world.server.find(SECRETS, credentialsOf(tenant))?.data?.clientSecret ?? "");
  if (secret === undefined) return true;
  return !world.atlas.project(projectIdOf(spec)).credentials.has(Buffer.from(secret, "base64").toString());
}

function hasForeignSecret({ world }: Stage, resource: ResourceObject): boolean {
  const { secret } = holdingOf(world, resource);
  if (secret === undefined) return false;
  return secret.metadata.deletionTimestamp !== undefined || !isOperators(world, secret);
}

/** Another resource names the Secret too, or has left its certificate in it. */
function isClaimedTwice({ world }: Stage, resource: ResourceObject): boolean {
  const { metadata, spec } = resource;
  const others = world.server
    .all(RESOURCES)
    .filter((one) => one.metadata.namespace === metadata.namespace && one.metadata.uid !== metadata.uid);
  const holder = holdingOf(world, resource).secret?.metadata.annotations?.[SECRET_ANNOTATIONS.certificateUid];
  return others.some((one) => one.spec.secretName === spec.secretName || one.metadata.uid === holder);
}

function isContended({ now }: Stage, { metadata, spec, status }: ResourceObject, ledger: Ledger): boolean {
  if (findCondition(status ?? {}, "Issuing")?.reason !== "SecretContended") return false;
  const assaults = ledger.assaults.get(`${metadata.namespace}/${spec.secretName}`) ?? [];
  // What a fight of the day before leaves to be issued again counts as well.
  // A secretName that went back and forth leaves older certificates in both Secrets.
  const isMoved = ledger.attempts.some(
    (one) => one.uid === metadata.uid && one.reason === "SecretReverted" && one.recordedAt > now - 2 * DAY_MS,
  );
  return isMoved || assaults.filter((at) => at > now - 2 * DAY_MS).length >= 2;
}

/** It replaced one that lists lacked, and no list has held it: then it may be the lists that are wrong. */
function isUnlistedAgain({ world }: Stage, resource: ResourceObject, ledger: Ledger): boolean {
  const { certificate } = holdingOf(world, resource);
  if (!certificate?.isRevoked) return false;
  const issued = ledger.attempts.filter((one) => one.user === userOf(resource.spec) && one.post !== undefined);
  const lastConfirmed = issued.findLastIndex((one) => ledger.confirmed.has(one.post?.certificate?.serialNumber ?? ""));
  return issued.slice(lastConfirmed + 1).some(({ reason }) => reason === "NotListedByAtlas");
}

function isBudgetSpent({ world, now }: Stage, { spec }: ResourceObject, ledger: Ledger): boolean {
  const user = userOf(spec);
  const listed = world.atlas.project(projectIdOf(spec)).users.get(spec.username) ?? [];
  const foreign = listed.filter(
    ({ createdAt, serialNumber }) => createdAt > now - DAY_MS && ledger.attemptOf(serialNumber) === undefined,
  );
  const attempts = ledger.attempts.filter((one) => one.user === user && one.recordedAt > now - DAY_MS);
  return foreign.length + attempts.length >= POLICY.maxIssuesPerDay;
}

/** A recorded attempt may have been carried out, as far as the operator can know. */
function hasTooMany({ world, now }: Stage, { spec }: ResourceObject, ledger: Ledger): boolean {
  const unexpired = world.atlas.unexpired(projectIdOf(spec), spec.username)?.length ?? 0;
  const open = ledger.attempts.filter(
    ({ user, post, recordedAt }) =>
      user === userOf(spec) && post?.certificate === undefined && recordedAt > now - DAY_MS,
  );
  return unexpired + open.length >= POLICY.maxUnexpiredPerUser;
}
