import type { Fixtures } from "../../src/simulator/fixtures.ts";

/** One resource of a benchmark: its own database user in one of the projects, a namespace for each project. */
export interface Wanted {
  readonly namespace: string;
  readonly name: string;
  readonly projectId: string;
  readonly username: string;
  readonly secretName: string;
}

/** Made-up credentials of a service account that owns every project. */
export const SERVICE_ACCOUNT = { clientId: "bench-owner", clientSecret: "bench-not-a-real-secret" };

/** The Secret with them, in every namespace. */
export const CREDENTIALS_SECRET = "atlas-api";

export function projectId(project: number): string {
  return (project + 1).toString(16).padStart(24, "0");
}

export function namespaceOf(project: number): string {
  return `bench-${project}`;
}

/** The resource of a number: one after the other they go through all the projects. */
export function wanted(index: number, projects: number): Wanted {
  const project = index % projects;
  const name = `app-${index}`;
  return {
    namespace: namespaceOf(project),
    name,
    projectId: projectId(project),
    username: name,
    secretName: `${name}-mongodb`,
  };
}

/** What the simulated Atlas must hold for `wanted` of all numbers up to `resources`. */
export function fixturesFor(resources: number, projects: number): Fixtures {
  const all = Array.from({ length: resources }, (_, index) => wanted(index, projects));
  const ids = Array.from({ length: projects }, (_, project) => projectId(project));
  return {
    projects: ids.map((id, project) => ({
      id,
      name: namespaceOf(project),
      users: all.filter((one) => one.projectId === id).map(({ username }) => username),
    })),
    credentials: [{ kind: "serviceAccount", id: "owner", role: "GROUP_OWNER", projectIds: ids, ...SERVICE_ACCOUNT }],
  };
}
