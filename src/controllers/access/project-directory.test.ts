import { expect, test } from "vitest";
import type { ProjectX509 } from "../../api/project-x509.ts";
import { ManualClock } from "../../testing/manual-clock.ts";
import { MemoryAtlas } from "../user-certificate/testing/memory-atlas.ts";
import { ProjectDirectory } from "./project-directory.ts";

const ID = "32b6e34b3d91647abb20e7b8";
const api = new MemoryAtlas(new ManualClock());

function project(name: string): ProjectX509 {
  return {
    ...{ valid: true, name, uid: `uid of ${name}`, resourceVersion: "1", generation: 1, deleting: false },
    creationTimestamp: "2026-11-01T00:00:00Z",
    spec: { projectId: ID, credentialsRef: { name: "atlas-production" } },
    status: {},
  };
}

interface World {
  readonly isCurrent?: boolean;
  readonly projects?: readonly ProjectX509[];
  readonly problem?: string;
}

/** The reason why a project can't be used, or the project. */
async function outcome({ isCurrent = true, projects = [project("production")], problem }: World) {
  const asked: unknown[] = [];
  const directory = new ProjectDirectory({
    access: {
      ofProject: async (ref) => {
        asked.push(ref);
        return problem === undefined
          ? { kind: "usable", version: "1", api }
          : { kind: "unusable", version: "1", problem };
      },
    },
    projects: { get: (name) => projects.find((one) => one.name === name), ruling: () => projects[0] },
    serving: { namespace: "operators", isCurrent: () => isCurrent },
  });
  const found = await directory.of("production");
  return { found: found.kind === "usable" ? found.project.projectId : found.blocker.reason, asked };
}

test("a project is reached with the credentials of the operator's namespace", async () => {
  expect(await outcome({})).toEqual({ found: ID, asked: [{ namespace: "operators", name: "atlas-production" }] });
});

test.each<readonly [string, World, string]>([
  ["whose watch is out of date", { isCurrent: false }, "ProjectsUnverified"],
  ["that does not exist", { projects: [] }, "ProjectMissing"],
  ["that an older one rules", { projects: [project("older"), project("production")] }, "ProjectClaimedTwice"],
])("a project %s is not reached, and no credentials are read", async (_what, world, reason) => {
  expect(await outcome(world)).toEqual({ found: reason, asked: [] });
});

test("a project whose Secret holds no credentials is not reached", async () => {
  expect((await outcome({ problem: "clientSecret is missing." })).found).toBe("CredentialsMissing");
});
