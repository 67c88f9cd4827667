import * as z from "zod";
import { byAge } from "../../../api/by-age.ts";
import type { ProjectX509, parseProjectX509 } from "../../../api/project-x509.ts";
import { Store } from "../../../kube/cache/store.ts";
import { Index } from "../../../kube/cache/store-index.ts";
import type { KubeObject } from "../../../kube/resource-type.ts";

export type CachedProject = ReturnType<typeof parseProjectX509>;

/** The caches keep this of each namespace. */
export interface NamespaceLabels {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The AtlasProjectX509s and the namespaces' labels as last seen. */
export class ProjectCache {
  readonly #byProjectId = new Index<CachedProject>((project) => (project.valid ? [project.spec.projectId] : []));
  readonly store = new Store<CachedProject>({ indexes: [this.#byProjectId] });
  readonly namespaces = new Store<NamespaceLabels>();

  /** The project of this name, if it can be read and is not being deleted. */
  get(name: string): ProjectX509 | undefined {
    const project = this.store.get(name);
    return project?.valid === true && !project.deleting ? project : undefined;
  }

  /** The objects of one project at Atlas. */
  ofProjectId(projectId: string): readonly ProjectX509[] {
    return this.#byProjectId.keys(projectId).flatMap((name) => this.get(name) ?? []);
  }

  /** The oldest of them: it rules, and the others serve no one. */
  ruling(projectId: string): ProjectX509 | undefined {
    return this.ofProjectId(projectId).toSorted(byAge)[0];
  }

  /** Whether a grant selects namespaces by their labels, so that these have to be known. */
  get needsNamespaces(): boolean {
    for (const project of this.store.values()) {
      if (!project.valid) continue;
      if (project.spec.grants?.some(({ namespaceSelector }) => namespaceSelector !== undefined)) return true;
    }
    return false;
  }
}

const metadataSchema = z.object({
  name: z.string(),
  uid: z.string(),
  resourceVersion: z.string(),
  labels: z.record(z.string(), z.string()).default({}),
});

export function namespaceLabels({ metadata }: KubeObject): NamespaceLabels {
  return metadataSchema.parse(metadata);
}
