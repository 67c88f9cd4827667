import * as z from "zod";

/** The part of an object's metadata that the operator keeps. */
export interface ObjectIdentity {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  /** RFC 3339, as the API server sent it. */
  readonly creationTimestamp: string;
  readonly deleting: boolean;
}

export interface ValidContent<Spec, Status> {
  readonly valid: true;
  readonly spec: Spec;
  readonly status: Status;
}

/** Of an object that this version cannot read: the installed CRD is older or newer, or its validation was bypassed. */
export interface InvalidContent {
  readonly valid: false;
  /** One sentence that names the fields. */
  readonly problem: string;
}

export type ValidClusterObject<Spec, Status> = ObjectIdentity & ValidContent<Spec, Status>;
export type ClusterObject<Spec, Status> = ValidClusterObject<Spec, Status> | (ObjectIdentity & InvalidContent);

const objectSchema = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    generation: z.int().default(0),
    creationTimestamp: z.string(),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.unknown().optional(),
  status: z.unknown().optional(),
});

interface Schemas<Spec, Status> {
  readonly spec: z.ZodType<Spec>;
  readonly status: z.ZodType<Status>;
}

/** Makes the parser of a cluster-scoped kind. */
export function clusterObjectParser<Spec, Status>(schemas: Schemas<Spec, Status>) {
  return (object: unknown): ClusterObject<Spec, Status> => ({ ...identityOf(object), ...contentOf(object, schemas) });
}

/** @throws z.ZodError if an object does not even have the metadata of a Kubernetes object */
export function identityOf(object: unknown): ObjectIdentity {
  const { deletionTimestamp, ...kept } = objectSchema.parse(object).metadata;
  return { ...kept, deleting: deletionTimestamp !== undefined };
}

export function contentOf<Spec, Status>(
  object: unknown,
  schemas: Schemas<Spec, Status>,
): ValidContent<Spec, Status> | InvalidContent {
  const content = objectSchema.parse(object);
  const spec = schemas.spec.safeParse(content.spec);
  const status = schemas.status.safeParse(content.status ?? {});
  if (spec.success && status.success) return { valid: true, spec: spec.data, status: status.data };
  const problems = Object.entries({ spec, status }).flatMap(([part, { error }]) =>
    (error?.issues ?? []).map(({ path, message }) => `${[part, ...path].join(".")}: ${message}`),
  );
  return { valid: false, problem: problems.join("; ") };
}
