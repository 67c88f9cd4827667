import { MANAGED_LABEL, SECRET_ANNOTATIONS } from "../../../src/api/names.ts";
import { HOUR_MS, MINUTE_MS } from "../../../src/clock.ts";
import { SECRETS, type Secret } from "../../../src/kube/core-types.ts";
import { unusedKey } from "../atlas/certificates.ts";
import type { Stage } from "../stage.ts";
import type { Happening } from "./happenings.ts";
import type { Item } from "./plan.ts";

const BY = { by: "argocd" } as const;

function refOf(stage: Stage, item: Item) {
  const { tenant, secretName } = stage.member(item);
  return { namespace: tenant.namespace, name: secretName };
}

/** Does something to the Secret of a member, where there is one. */
function change(act: (stage: Stage, item: Item, secret: Secret) => void) {
  return (stage: Stage, item: Item) => {
    const secret = stage.world.server.find(SECRETS, refOf(stage, item));
    if (secret !== undefined && !stage.foreign.has(secret.metadata.uid)) act(stage, item, secret);
  };
}

const remove = change((stage, item, secret) => {
  stage.tell(() => `user: deletes Secret ${secret.metadata.name}`);
  stage.world.server.delete(SECRETS, refOf(stage, item), "kubectl");
});

const GARBAGE = Buffer.from("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").toString("base64");

const DAMAGES = [
  { "tls.crt": GARBAGE },
  { "tls.key": null },
  { "tls.key": Buffer.from(unusedKey).toString("base64") },
  { "tls-combined.pem": null },
] as const;

const damage = change((stage, item, secret) => {
  const data = DAMAGES[item.variant % DAMAGES.length];
  stage.tell(() => `user: damages Secret ${secret.metadata.name} (${Object.keys(data ?? {})})`);
  stage.world.server.patch(SECRETS, refOf(stage, item), { data }, BY);
});

const restore = (waits: boolean) =>
  change((stage, item, secret) => {
    const { data, metadata } = secret;
    const { annotations, labels } = metadata;
    stage.after(waits ? item.forMs : 0, () => {
      stage.tell(
        () => `user: restores Secret ${metadata.name} as it was ${Math.round(item.forMs / MINUTE_MS)} min ago`,
      );
      const now = stage.world.server.find(SECRETS, metadata);
      if (now === undefined) {
        const meta = { ...refOf(stage, item), ...(annotations && { annotations }), ...(labels && { labels }) };
        stage.world.server.create(SECRETS, { metadata: meta, type: "kubernetes.io/tls", ...(data && { data }) }, BY);
      } else if (!stage.foreign.has(now.metadata.uid)) {
        stage.world.server.patch(SECRETS, metadata, { metadata: { annotations }, data }, BY);
      }
    });
  });

export const SECRET_HAPPENINGS = {
  secretDeleted: { feature: "secrets", run: remove },
  secretDeletedInALoop: {
    feature: "secrets",
    lasts: [20 * MINUTE_MS, 3 * HOUR_MS],
    run: (stage, item) => {
      for (let atMs = 0; atMs < item.forMs; atMs += 10 * MINUTE_MS) stage.after(atMs, () => remove(stage, item));
    },
  },
  secretDamaged: {
    feature: "secrets",
    run: (stage, item) => damage(stage, item),
  },
  secretDamagedInALoop: {
    feature: "secrets",
    lasts: [10 * MINUTE_MS, 3 * HOUR_MS],
    run: (stage, item) => {
      for (let atMs = 0; atMs < item.forMs; atMs += 5 * MINUTE_MS) stage.after(atMs, () => damage(stage, item));
    },
  },
  secretRestored: { feature: "secrets", lasts: [MINUTE_MS, 24 * HOUR_MS], run: restore(true) },
  secretStripped: {
    feature: "secrets",
    run: change((stage, item, secret) => {
      const isLabel = item.variant % 2 === 0;
      stage.tell(() => `user: strips the ${isLabel ? "label" : "annotations"} of Secret ${secret.metadata.name}`);
      const annotations = Object.fromEntries(Object.values(SECRET_ANNOTATIONS).map((name) => [name, null]));
      const metadata = isLabel ? { labels: { [MANAGED_LABEL]: null } } : { annotations };
      stage.world.server.patch(SECRETS, refOf(stage, item), { metadata }, BY);
    }),
  },
  secretLabelled: {
    feature: "secrets",
    run: change((stage, item, secret) => {
      stage.tell(() => `user: puts a label of their own on Secret ${secret.metadata.name}`);
      const labels = { "example.com/team": `team-${item.variant}` };
      stage.world.server.patch(SECRETS, refOf(stage, item), { metadata: { labels } }, BY);
    }),
  },
  foreignSecret: {
    feature: "foreign",
    lasts: [1000, 12 * HOUR_MS],
    run: (stage, item) => {
      const ref = refOf(stage, item);
      stage.tell(() => `user: puts a Secret of their own in the place of ${ref.name}`);
      stage.world.server.delete(SECRETS, ref, "kubectl");
      if (stage.world.server.find(SECRETS, ref) !== undefined) return;
      const data = { password: Buffer.from("hunter2").toString("base64") };
      const { metadata } = stage.world.server.create(SECRETS, { metadata: ref, type: "Opaque", data }, BY);
      stage.foreign.add(metadata.uid);
      stage.disturb(ref.namespace, item.forMs);
      stage.after(item.forMs, () => {
        stage.tell(() => `user: deletes their own Secret ${ref.name}`);
        if (stage.world.server.find(SECRETS, ref)?.metadata.uid === metadata.uid) {
          stage.world.server.delete(SECRETS, ref, "kubectl");
        }
      });
    },
  },
  secretTerminating: {
    feature: "terminating",
    lasts: [1000, 6 * HOUR_MS],
    run: change((stage, item, secret) => {
      const ref = refOf(stage, item);
      stage.tell(() => `user: deletes Secret ${ref.name}, which a finalizer holds`);
      stage.world.server.patch(SECRETS, ref, { metadata: { finalizers: ["example.com/held"] } }, BY);
      stage.world.server.delete(SECRETS, ref, "kubectl");
      stage.disturb(ref.namespace, item.forMs);
      stage.after(item.forMs, () => {
        if (stage.world.server.find(SECRETS, ref)?.metadata.uid !== secret.metadata.uid) return;
        stage.tell(() => `user: lets go of Secret ${ref.name}`);
        stage.world.server.patch(SECRETS, ref, { metadata: { finalizers: [] } }, BY);
      });
    }),
  },
} as const satisfies Readonly<Record<string, Happening>>;
