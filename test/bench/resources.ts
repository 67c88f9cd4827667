import { z } from "zod";
import type { Report } from "../control-plane/progress.ts";
import { CREDENTIALS_SECRET, namespaceOf, SERVICE_ACCOUNT, type Wanted, wanted } from "./fixtures.ts";
import { inParallel } from "./in-parallel.ts";
import type { BenchScene } from "./scene.ts";

/** Callers that prepare a scene; nothing of what they do is measured. */
const CALLERS = 16;

export const CERTIFICATES_ROOT = "/apis/atlascerts.io/v1alpha1";

export function certificatePath({ namespace, name }: Pick<Wanted, "namespace" | "name">): string {
  return `${CERTIFICATES_ROOT}/namespaces/${namespace}/atlasusercertificates/${name}`;
}

export function secretPath({ namespace, secretName }: Pick<Wanted, "namespace" | "secretName">): string {
  return `/api/v1/namespaces/${namespace}/secrets/${secretName}`;
}

/** A namespace for each project, with the credentials in it. */
export async function createNamespaces(scene: BenchScene, projects: number): Promise<void> {
  await inParallel(projects, CALLERS, async (project) => {
    const namespace = namespaceOf(project);
    await createNamespace(scene, namespace);
    await scene.must("POST", `/api/v1/namespaces/${namespace}/secrets`, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: CREDENTIALS_SECRET },
      stringData: SERVICE_ACCOUNT,
    });
  });
}

export async function createNamespace(scene: BenchScene, name: string): Promise<void> {
  await scene.must("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
}

export interface CreateOptions {
  /** The number of the first one. @default 0 */
  readonly from?: number;
  /** One more than the number of the last one. */
  readonly to: number;
  readonly projects: number;
  /** Members of the spec beside those that every resource needs. */
  readonly spec?: object;
  readonly report?: Report;
}

/** Applies the resources of these numbers. */
export async function createCertificates(scene: BenchScene, options: CreateOptions): Promise<void> {
  const { from = 0, to, projects, spec, report } = options;
  const create = (index: number) => createCertificate(scene, wanted(from + index, projects), spec);
  await inParallel(to - from, CALLERS, create, report);
}

export async function createCertificate(scene: BenchScene, one: Wanted, spec: object = {}): Promise<void> {
  await scene.must("POST", certificatePath({ ...one, name: "" }).slice(0, -1), {
    apiVersion: "atlascerts.io/v1alpha1",
    kind: "AtlasUserCertificate",
    metadata: { name: one.name },
    spec: {
      projectId: one.projectId,
      credentialsRef: { name: CREDENTIALS_SECRET },
      username: one.username,
      secretName: one.secretName,
      ...spec,
    },
  });
}

const certificatesSchema = z.object({
  metadata: z.object({ continue: z.string().optional() }),
  items: z.array(
    z.object({
      metadata: z.object({ namespace: z.string(), name: z.string() }),
      spec: z.object({ projectId: z.string(), username: z.string(), secretName: z.string() }),
      status: z
        .object({
          serialNumber: z.string().optional(),
          issuance: z.object({ startedAt: z.string() }).optional(),
          recentIssuances: z
            .array(z.object({ serialNumber: z.string().optional(), lost: z.string().optional() }))
            .default([]),
          conditions: z
            .array(z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() }))
            .default([]),
        })
        .default({ conditions: [], recentIssuances: [] }),
    }),
  ),
});

/** A resource as the API server has it. */
export type ListedResource = z.output<typeof certificatesSchema>["items"][number];

export async function listCertificates(scene: BenchScene): Promise<readonly ListedResource[]> {
  const items: ListedResource[] = [];
  let token = "";
  do {
    const page = `limit=500${token && `&continue=${token}`}`;
    const { body } = await scene.must("GET", `${CERTIFICATES_ROOT}/atlasusercertificates?${page}`);
    const list = certificatesSchema.parse(body);
    items.push(...list.items);
    token = list.metadata.continue ?? "";
  } while (token !== "");
  return items;
}

export function isReady({ status }: ListedResource): boolean {
  return status.conditions.some((condition) => condition.type === "Ready" && condition.status === "True");
}

/**
 * The scene is what it should be: this many resources, all Ready, each with a serial number of its own.
 *
 * @throws Error that says what is missing
 */
export async function expectAllIssued(scene: BenchScene, resources: number): Promise<void> {
  const listed = await listCertificates(scene);
  const unready = listed.filter((resource) => !isReady(resource));
  const serials = new Set(listed.map(({ status }) => status.serialNumber));
  if (listed.length === resources && unready.length === 0 && serials.size === resources) return;
  const example = unready[0];
  throw new Error(
    `${resources} certificates were to be issued: ${listed.length} resources, ${unready.length} not Ready, ` +
      `${serials.size} serial numbers${example ? `; ${example.metadata.name}: ${JSON.stringify(example.status)}` : ""}`,
  );
}
