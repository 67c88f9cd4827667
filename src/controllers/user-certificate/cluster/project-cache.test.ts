import { describe, expect, test } from "vitest";
import { parseProjectX509 } from "../../../api/project-x509.ts";
import { namespaceLabels, ProjectCache } from "./project-cache.ts";

const PROJECT = "32b6e34b3d91647abb20e7b8";

interface Change {
  readonly projectId?: string | number;
  readonly createdAt?: string;
  readonly deleting?: boolean;
  readonly grants?: readonly object[];
}

function cacheOf(projects: Readonly<Record<string, Change>>): ProjectCache {
  const cache = new ProjectCache();
  let version = 0;
  for (const [name, { projectId = PROJECT, createdAt = "2030-01-01T00:00:00Z", deleting, grants }] of Object.entries(
    projects,
  )) {
    version += 1;
    const metadata = {
      ...{ name, uid: `uid-${name}`, resourceVersion: String(version), generation: 1, creationTimestamp: createdAt },
      ...(deleting && { deletionTimestamp: createdAt }),
    };
    const spec = { projectId, credentialsRef: { name: "atlas" }, ...(grants && { grants }) };
    cache.store.observe(parseProjectX509({ metadata, spec } as never));
  }
  return cache;
}

describe("a project", () => {
  test("is found by its name", () => {
    expect(cacheOf({ production: {} }).get("production")?.spec.projectId).toBe(PROJECT);
  });

  test.each<[string, Change]>([
    ["is being deleted", { deleting: true }],
    ["cannot be read", { projectId: 5 }],
  ])("serves no one once it %s", (_what, change) => {
    const cache = cacheOf({ production: change });
    expect([cache.get("production"), cache.ofProjectId(PROJECT), cache.get("unknown")]).toEqual([
      undefined,
      [],
      undefined,
    ]);
  });
});

describe("of the objects of one project", () => {
  const young = {
    young: { createdAt: "2030-01-03T00:00:00Z" },
    b: { createdAt: "2030-01-02T00:00:00Z" },
    a: { createdAt: "2030-01-02T00:00:00Z" },
    gone: { createdAt: "2029-01-01T00:00:00Z", deleting: true },
    other: { projectId: "32b6e34b3d91647abb20e7b9" },
  };

  test("all are found that are not being deleted", () => {
    const found = cacheOf(young).ofProjectId(PROJECT);
    expect(found.map(({ name }) => name).toSorted()).toEqual(["a", "b", "young"]);
  });

  test("the oldest rules", () => {
    expect(cacheOf({ ...young, old: {} }).ruling(PROJECT)?.name).toBe("old");
  });

  test("the first by name rules if two are equally old", () => {
    expect(cacheOf(young).ruling(PROJECT)?.name).toBe("a");
  });

  test("none rules if there is none", () => {
    expect(cacheOf({}).ruling(PROJECT)).toBeUndefined();
  });
});

describe("namespaces have to be known", () => {
  const byName = { namespaces: ["shop"], usernames: ["orders-*"] };
  const bySelector = { namespaceSelector: { matchLabels: { team: "shop" } }, usernames: ["orders-*"] };

  test.each<[string, Readonly<Record<string, Change>>, boolean]>([
    ["without any project", {}, false],
    ["without grants", { production: {} }, false],
    ["with grants by name alone", { production: { grants: [byName] } }, false],
    ["with a grant by labels", { production: { grants: [byName, bySelector] } }, true],
    ["with a project that cannot be read", { production: { projectId: 5, grants: [bySelector] } }, false],
  ])("%s", (_what, projects, expected) => {
    expect(cacheOf(projects).needsNamespaces).toBe(expected);
  });
});

test("a namespace without labels has none", () => {
  const metadata = { name: "shop", uid: "u", resourceVersion: "1" };
  expect(namespaceLabels({ metadata } as never)).toEqual({ ...metadata, labels: {} });
});
