import { DEFAULT_FIXTURES, type Fixtures } from "../../../src/simulator/fixtures.ts";
import { PRODUCTION } from "../operator/scene.ts";

/** Names for resources and their database users, one each: nobody's certificate is then taken for another's orphan. */
export function userNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `app-${index}`);
}

/** The usual fixtures, with these users in the project PRODUCTION. */
export function fixturesWith(users: readonly string[]): Fixtures {
  const { projects, credentials } = DEFAULT_FIXTURES;
  return {
    credentials,
    projects: projects.map((project) => (project.id === PRODUCTION ? { ...project, users: [...users] } : project)),
  };
}
