/** What may happen in a simulation. A seed without a choice draws some of them; `--features` names them. */
export const FEATURES = {
  crash: "the operator is killed between two calls and comes back",
  failover: "two replicas with a lease",
  freeze: "a process is stopped for a while and goes on",
  restart: "the operator is told to end and is started again",
  lostAnswers: "calls are carried out and their answers get lost",
  late: "Atlas carries a create out after the operator has given up on it",
  kubeErrors: "the API server fails, is slow or can't be reached",
  watch: "watches lag, repeat themselves, are cut and find their history gone",
  refusedWrites: "a quota, RBAC or a failing KMS refuses the writes of Secrets",
  clock: "processes have clocks that are minutes off",
  bigClock: "processes have clocks that are days off",
  rateLimit: "Atlas answers 429",
  atlasErrors: "Atlas fails or can't be reached",
  wrong: "Atlas answers a create with something else than its certificate",
  listLag: "Atlas' list lags behind its creates",
  emptyList: "Atlas answers lists with nothing",
  userDeleted: "the database user is deleted and made again",
  credentials: "the Atlas credentials are rotated, or wrong for a while",
  edits: "users change the spec: another user, months, secretName, suspend",
  secrets: "users delete Secrets, damage them, put old ones back and strip annotations",
  foreign: "a Secret of somebody else is in the way",
  terminating: "a Secret is held by a finalizer while it is deleted",
  sharedUser: "resources name the same database user",
  sharedSecret: "resources name the same Secret",
  recreate: "resources are deleted and applied again, once or in a loop",
  renew: "renewal is requested by annotation",
  otherCluster: "another cluster obtains certificates for the same user",
  oldCrd: "for a while the CRD is of a version that drops a part of the status",
  projects: "tenants obtain certificates through projects whose grants come and go",
  noisy: "one tenant of three misbehaves, and only that one",
} as const;

export type Feature = keyof typeof FEATURES;

export const ALL_FEATURES = Object.keys(FEATURES) as readonly Feature[];

export function isFeature(text: string): text is Feature {
  return Object.hasOwn(FEATURES, text);
}
