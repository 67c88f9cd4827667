import { RENEW_REQUEST_ANNOTATION } from "../../../src/api/names.ts";
import { HOUR_MS, MINUTE_MS } from "../../../src/clock.ts";
import { RESOURCES } from "../cluster/kinds.ts";
import type { Stage } from "../stage.ts";
import type { Member } from "./cast.ts";
import type { Happening } from "./happenings.ts";
import type { Item } from "./plan.ts";

const BY = { by: "kubectl" } as const;

function refOf({ tenant, name }: Member) {
  return { namespace: tenant.namespace, name };
}

/** Changes the spec for a time, then puts back what the member wants. */
function editFor(stage: Stage, item: Item, what: string, spec: object): void {
  const member = stage.member(item);
  if (stage.world.server.find(RESOURCES, refOf(member)) === undefined) return;
  stage.tell(() => `user: ${what} of ${member.name}`);
  stage.world.server.patch(RESOURCES, refOf(member), { spec }, BY);
  stage.after(item.forMs, () => {
    stage.tell(() => `user: puts the spec of ${member.name} back`);
    stage.world.apply(member);
  });
}

function remove(stage: Stage, member: Member): void {
  stage.tell(() => `user: deletes AtlasUserCertificate ${member.name}`);
  stage.world.server.delete(RESOURCES, refOf(member), "kubectl");
}

export const RESOURCE_HAPPENINGS = {
  grantsWithdrawn: {
    feature: "projects",
    lasts: [1000, 12 * HOUR_MS],
    run: (stage, item) => {
      const { tenant } = stage.member(item);
      if (!tenant.throughProject || stage.withdrawnAt.has(tenant.projectId)) return;
      stage.tell(() => `user: withdraws the grants of project ${tenant.projectId}`);
      stage.withdrawnAt.set(tenant.projectId, stage.now);
      stage.world.withdraw(tenant);
      stage.after(item.forMs, () => {
        stage.tell(() => `user: gives the grants of project ${tenant.projectId} back`);
        stage.withdrawnAt.delete(tenant.projectId);
        stage.world.grant(tenant);
      });
    },
  },
  userOfOtherNamespace: {
    feature: "projects",
    lasts: [1000, 6 * HOUR_MS],
    run: (stage, item) => {
      const member = stage.member(item);
      const other = stage.world.cast.members.find(
        ({ tenant }) => tenant.throughProject && tenant.namespace !== member.tenant.namespace,
      );
      if (other === undefined || !member.tenant.throughProject) return;
      const { tenant, username } = other;
      stage.disturb(tenant.namespace, item.forMs);
      const spec = { projectRef: { name: tenant.projectId }, username };
      editFor(stage, item, `asks for user ${username} of project ${tenant.projectId}`, spec);
    },
  },
  userChanged: {
    feature: "edits",
    lasts: [100, 6 * HOUR_MS],
    run: (stage, item) => {
      const { tenant, username } = stage.member(item);
      const other = `${username}-new`;
      stage.world.atlas.addUser(tenant.projectId, other);
      editFor(stage, item, `changes the user to ${other}`, { username: other });
    },
  },
  secretRenamed: {
    feature: "edits",
    lasts: [100, 6 * HOUR_MS],
    run: (stage, item) => {
      const { secretName } = stage.member(item);
      editFor(stage, item, `changes secretName to ${secretName}-new`, { secretName: `${secretName}-new` });
    },
  },
  secretOfOther: {
    feature: "edits",
    lasts: [100, 6 * HOUR_MS],
    run: (stage, item) => {
      const member = stage.member(item);
      const other = stage.world.cast.members.find((one) => one.tenant === member.tenant && one !== member);
      if (other === undefined) return;
      editFor(stage, item, `changes secretName to ${other.secretName}, which is another's`, {
        secretName: other.secretName,
      });
    },
  },
  suspended: {
    feature: "edits",
    lasts: [1000, 12 * HOUR_MS],
    run: (stage, item) => editFor(stage, item, "suspends the work", { suspend: true }),
  },
  monthsChanged: {
    feature: "edits",
    lasts: [1000, 6 * HOUR_MS],
    run: (stage, item) => editFor(stage, item, "changes the months", { monthsUntilExpiration: 1 + (item.variant % 3) }),
  },
  renewRequested: {
    feature: "renew",
    run: (stage, item) => {
      const member = stage.member(item);
      if (stage.world.server.find(RESOURCES, refOf(member)) === undefined) return;
      stage.tell(() => `user: asks for a new certificate of ${member.name}`);
      const annotations = { [RENEW_REQUEST_ANNOTATION]: new Date(stage.now).toISOString() };
      stage.world.server.patch(RESOURCES, refOf(member), { metadata: { annotations } }, BY);
    },
  },
  recreated: {
    feature: "recreate",
    lasts: [100, HOUR_MS],
    run: (stage, item) => {
      const member = stage.member(item);
      remove(stage, member);
      stage.after(item.forMs, () => stage.world.apply(member));
    },
  },
  recreatedInALoop: {
    feature: "recreate",
    lasts: [10 * MINUTE_MS, 40 * MINUTE_MS],
    run: (stage, item) => {
      const member = stage.member(item);
      for (let atMs = 0; atMs < item.forMs; atMs += 2 * MINUTE_MS) {
        stage.after(atMs, () => remove(stage, member));
        stage.after(atMs + 30_000, () => stage.world.apply(member));
      }
    },
  },
  statusWiped: {
    feature: "recreate",
    run: (stage, item) => {
      const member = stage.member(item);
      const before = stage.world.server.find(RESOURCES, refOf(member));
      if (before === undefined) return;
      // A backup tool deletes it and restores it without its status, and the Secret may go and come with it.
      remove(stage, member);
      stage.world.apply(member);
    },
  },
} as const satisfies Readonly<Record<string, Happening>>;
