import { z } from "zod";

/** The part of a cluster-scoped object's metadata that the operator keeps. */
export interface ClusterObjectIdentity {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  /** RFC 3339, as the API server sent it. */
  readonly creationTimestamp: string;
  readonly deleting: boolean;
}

export interface ValidClusterObject<Spec, Status> extends ClusterObjectIdentity {
  readonly valid: true;
  readonly spec: Spec;
  readonly status: Status;
}

/** An object that this version cannot read: the installed CRD is older or newer, or its validation was bypassed. */
export interface InvalidClusterObject extends ClusterObjectIdentity {
  readonly valid: false;
  /** One sentence that names the fields. */
  readonly problem: string;
}

export type ClusterObject<Spec, Status> = ValidClusterObject<Spec, Status> | InvalidClusterObject;

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

/**
 * Makes the parser of a cluster-scoped kind. It throws z.ZodError if an object does not even have the metadata of a
 * Kubernetes object.
 */
export function clusterObjectParser<Spec, Status>(
  spec: z.ZodType<Spec>,
  status: z.ZodType<Status>,
): (object: unknown) => ClusterObject<Spec, Status> {
  return (object) => {
    const { metadata, ...content } = objectSchema.parse(object);
    const { deletionTimestamp, ...kept } = metadata;
    const identity = { ...kept, deleting: deletionTimestamp !== undefined };
    const parsed = [spec.safeParse(content.spec), status.safeParse(content.status ?? {})] as const;
    const [parsedSpec, parsedStatus] = parsed;
    if (parsedSpec.success && parsedStatus.success) {
      return { ...identity, valid: true, spec: parsedSpec.data, status: parsedStatus.data };
    }
    const issues = parsed.flatMap(({ error }, index) =>
      (error?.issues ?? []).map(
        ({ path, message }) => `${[index === 0 ? "spec" : "status", ...path].join(".")}: ${message}`,
      ),
    );
    return { ...identity, valid: false, problem: issues.join("; ") };
  };
}
