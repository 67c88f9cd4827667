import { expect, test } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { CLUSTER_KINDS_ROLES, MERGE_PATCH, Platform } from "../operator/platform.ts";
import { Removals, trueConditions } from "../operator/removals.ts";
import { type Right, refusedRights, rightsOf, shippedRole } from "../operator/shipped-roles.ts";
import type { Errand } from "./errands.ts";
import { ownControlPlane } from "./own-control-plane.ts";

/** The operator with the rights that deploy/rbac gives for the cluster-scoped kinds, and with one of them less. */

const own = ownControlPlane();

/** What no longer happens without a right: none is idle. */
const NEEDED_FOR: Readonly<Record<string, string>> = {
  "list atlascerts.io/atlasprojectx509s": "issues through a project",
  "watch atlascerts.io/atlasprojectx509s": "issues through a project",
  "patch atlascerts.io/atlasprojectx509s/status": "says that the project is reachable",
  "list /namespaces": "issues to a namespace with the labels of a grant",
  "watch /namespaces": "notices that a namespace loses its label",
  "list atlascerts.io/atlascustomerx509removals": "makes a request",
  "watch atlascerts.io/atlascustomerx509removals": "makes a request",
  "patch atlascerts.io/atlascustomerx509removals/status": "makes a request",
};

/** What to wait for after a refusal was seen: longer than what was refused would have taken. */
const AFTER_REFUSAL_MS = 1500;

const rights = (await Promise.all(CLUSTER_KINDS_ROLES.map(shippedRole))).flatMap(rightsOf);

function nameOf({ group, resource, verb }: Right): string {
  return `${verb} ${group}/${resource}`;
}

test("the table holds every right on the cluster-scoped kinds", () => {
  expect(rights.map(nameOf).toSorted()).toEqual(Object.keys(NEEDED_FOR).toSorted());
});

test("with all rights on the cluster-scoped kinds nothing is left undone, and nothing else is asked for", async () => {
  const platform = await Platform.open(own());
  for (const errand of await errands(platform)) {
    await errand.ask();
    await expect.poll(errand.isDone, { timeout: 20_000, message: errand.name }).toBe(true);
  }
  expect(refusedRights(platform.log)).toEqual([]);
});

test.each(rights.map((right) => [nameOf(right), right] as const))("%s is needed", async (name, missing) => {
  const platform = await Platform.open(own(), { missing });
  for (const errand of await errands(platform)) {
    await errand.ask();
    if (errand.name !== NEEDED_FOR[name]) {
      await expect.poll(errand.isDone, { timeout: 20_000, message: errand.name }).toBe(true);
      continue;
    }
    await expect.poll(() => refusedRights(platform.log), { timeout: 20_000 }).toEqual([missing]);
    await systemClock.sleep(AFTER_REFUSAL_MS);
    expect(await errand.isDone(), errand.name).toBe(false);
    expect(refusedRights(platform.log)).toEqual([missing]);
    return;
  }
  expect.fail(`no errand needs the right to ${name}`);
});

/** All that an operator needs these rights for, in this order. */
async function errands(platform: Platform): Promise<readonly Errand[]> {
  const removals = new Removals(platform);
  const shop = await platform.tenant("shop");
  const labelled = await platform.tenant("labelled", { team: "a" });
  const byName = { namespaces: [shop], usernames: ["orders-*"] };
  const byLabel = { namespaceSelector: { matchLabels: { team: "a" } }, usernames: ["billing"] };
  const readyIs = async (ready: string, namespace: string) => {
    const { conditions = [] } = (await platform.get(namespace)).status;
    return conditions.some(({ type, status, reason }) => type === "Ready" && `${status} ${reason}` === ready);
  };
  let request = "";
  return [
    {
      name: "issues through a project",
      ask: async () => {
        // Whoever can only list would know of one that was there before.
        await expect.poll(() => /"msg":"leading"|cannot/.test(platform.log), { timeout: 20_000 }).toBe(true);
        await platform.project([byName]);
        await platform.apply(shop);
      },
      isDone: () => readyIs("True Issued", shop),
    },
    {
      name: "says that the project is reachable",
      ask: async () => {},
      isDone: async () => {
        const { conditions = [] } = (await removals.project()).status;
        return conditions.some(({ type, status }) => type === "Ready" && status === "True");
      },
    },
    {
      name: "issues to a namespace with the labels of a grant",
      ask: async () => {
        await platform.project([byName, byLabel]);
        await platform.apply(labelled, { username: "billing" });
      },
      isDone: () => readyIs("True Issued", labelled),
    },
    {
      name: "notices that a namespace loses its label",
      ask: async () => {
        const patch = { metadata: { labels: { team: "b" } } };
        await own().rest("PATCH", `/api/v1/namespaces/${labelled}`, patch, MERGE_PATCH);
      },
      isDone: () => readyIs("True NotGranted", labelled),
    },
    {
      name: "makes a request",
      ask: async () => {
        removals.switchOn();
        request = await removals.create();
      },
      isDone: async () => trueConditions(await removals.get(request)).includes("Complete Removed"),
    },
  ];
}
