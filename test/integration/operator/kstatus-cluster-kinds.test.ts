import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import type { ProjectX509Spec } from "../../../src/api/project-x509.ts";
import { systemClock } from "../../../src/clock.ts";
import { argoHealth } from "../../library/argo-health.ts";
import { buildKstatus, type Kstatus } from "../../library/kstatus.ts";
import { ownControlPlane } from "../faults/own-control-plane.ts";
import { Platform } from "./platform.ts";
import { Removals } from "./removals.ts";

/**
 * What kstatus and Argo CD's script compute for real cluster-scoped objects is what docs/gitops.md says: each row of its
 * second table is produced here.
 */

const DOCUMENT = path.join(import.meta.dirname, "../../../docs/gitops.md");
const GROUP = "/apis/atlascerts.io/v1alpha1";

const own = ownControlPlane();

const objectSchema = z.object({
  status: z.object({
    conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string() })).default([]),
  }),
});

/** A cell that says nothing. */
const NONE = "–";

interface State {
  /** Whether no operator runs. */
  readonly isUnseen?: boolean;
  /** Gives the path of the object that is looked at. */
  readonly produce: (platform: Platform, removals: Removals) => Promise<string>;
}

async function project(platform: Platform, spec: Partial<ProjectX509Spec> = {}, name = "production") {
  await platform.project([], name, spec);
  return `${GROUP}/atlasprojectx509s/${name}`;
}

const removal = async (removals: Removals, spec: object = {}) =>
  `${GROUP}/atlascustomerx509removals/${await removals.create(spec)}`;

/** A project with customer-managed X.509, and a request to switch it off. */
async function request(platform: Platform, removals: Removals, spec: object = {}) {
  removals.switchOn();
  await platform.project([]);
  await removals.untilProject("False CustomerManagedX509On");
  return removal(removals, spec);
}

const takeDown = ({ atlas }: Platform) =>
  atlas.faults.add({ operation: "any", times: "always", effect: { kind: "reset" } });

const STATES: Readonly<Record<string, State>> = {
  "AtlasProjectX509, not seen by the operator yet": { isUnseen: true, produce: (platform) => project(platform) },
  "AtlasProjectX509, reachable": { produce: (platform) => project(platform) },
  "AtlasProjectX509, without its credentials": {
    produce: (platform) => project(platform, { credentialsRef: { name: "missing" } }),
  },
  "AtlasProjectX509, younger than another of the same project": {
    produce: async (platform) => {
      await project(platform);
      // The age of an object is in whole seconds.
      await systemClock.sleep(1100);
      return project(platform, {}, "younger");
    },
  },
  "AtlasProjectX509 with customer-managed X.509": {
    produce: async (platform, removals) => {
      removals.switchOn();
      return project(platform);
    },
  },
  "AtlasProjectX509 while Atlas is down": {
    produce: async (platform) => {
      takeDown(platform);
      return project(platform);
    },
  },
  "AtlasCustomerX509Removal, not seen by the operator yet": {
    isUnseen: true,
    produce: (_platform, removals) => removal(removals),
  },
  "AtlasCustomerX509Removal, waiting for Atlas": {
    produce: async (platform, removals) => {
      platform.atlas.faults.add({ operation: "disableCustomerManagedX509", effect: { kind: "reset" } });
      return request(platform, removals);
    },
  },
  "AtlasCustomerX509Removal, complete": { produce: (platform, removals) => request(platform, removals) },
  "AtlasCustomerX509Removal of other certificate authorities": {
    produce: (platform, removals) =>
      request(platform, removals, { certificateAuthorities: [`sha256:${"0".repeat(64)}`] }),
  },
  "AtlasCustomerX509Removal, expired": {
    produce: (platform, removals) => request(platform, removals, { notAfter: new Date().toISOString() }),
  },
  "AtlasCustomerX509Removal of a project that does not exist": { produce: (_platform, removals) => removal(removals) },
  "AtlasCustomerX509Removal while Atlas is down": {
    produce: async (platform, removals) => {
      removals.switchOn();
      await platform.project([]);
      await removals.untilProject("False CustomerManagedX509On");
      takeDown(platform);
      return removal(removals);
    },
  },
};

const table = parseTable(await readFile(DOCUMENT, "utf8"));

let kstatus: Kstatus;
beforeAll(async () => {
  kstatus = await buildKstatus();
  // The first build on a machine compiles Kubernetes' API types.
}, 600_000);
afterAll(() => kstatus?.[Symbol.asyncDispose]());

test("the second table in docs/gitops.md has the states that are tested, and no others", () => {
  expect([...table.keys()]).toEqual(Object.keys(STATES));
});

test.each(Object.entries(STATES))(
  "kstatus and Argo CD's health agree with docs/gitops.md: %s",
  async (state, { isUnseen, produce }) => {
    const platform = await Platform.open(own(), isUnseen ? { operator: "none" } : {});
    const object = await produce(platform, new Removals(platform));
    await expect.poll(() => observe(object), { timeout: 20_000, interval: 100 }).toEqual(table.get(state));
  },
);

/** An object as the API server has it now, as the cells of the table. */
async function observe(object: string): Promise<readonly string[]> {
  const body = await own().must("GET", object);
  const { conditions } = objectSchema.parse(body).status;
  const areTrue = conditions.filter(({ status }) => status === "True").map(({ type }) => type);
  return [
    conditions[0]?.reason ?? NONE,
    areTrue.join(", ") || NONE,
    (await kstatus.compute(body)).status,
    (await argoHealth(body)).status,
  ];
}

/** The rows of the document's second table of states, by the state. */
function parseTable(text: string): ReadonlyMap<string, readonly string[]> {
  const [, rows = ""] =
    /^\| State \| Reason \| Conditions that are True \| kstatus \| Argo CD \|\n\|[-|]+\|\n((?:\|.*\n)+)/m.exec(text) ??
    [];
  return new Map(
    rows
      .trimEnd()
      .split("\n")
      .map((row) => {
        const [state = "", ...cells] = row
          .split("|")
          .slice(1, -1)
          .map((cell) => cell.trim().replaceAll("`", ""));
        return [state, cells];
      }),
  );
}
