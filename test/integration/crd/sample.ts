import { randomBytes } from "node:crypto";
import { afterAll, beforeAll } from "vitest";
import { z } from "zod";
import { rest } from "../../control-plane/control-plane.ts";
import type { RestAnswer } from "../../control-plane/rest.ts";

export type JsonObject = { readonly [key: string]: Json };
type Json = string | number | boolean | null | readonly Json[] | JsonObject;

/** Nothing but what must be there. */
export const LEAST_SPEC = {
  projectId: "32b6e34b3d91647abb20e7b8",
  credentialsRef: { name: "atlas-api" },
  username: "orders-api",
  secretName: "orders-api-mongodb",
};

/** What the API server adds to it. */
export const DEFAULTS = {
  monthsUntilExpiration: 3,
  userSharedWithOtherClusters: false,
  deletionPolicy: "Retain",
  suspend: false,
};

/** An AtlasUserCertificate with the least spec, changed by a merge patch (RFC 7396). */
export function userCertificate(name: string, change: JsonObject = {}) {
  return {
    apiVersion: "atlascerts.io/v1alpha1",
    kind: "AtlasUserCertificate",
    metadata: { name },
    spec: merged(LEAST_SPEC, change),
  };
}

/** Where AtlasUserCertificates live; the query makes the API server as strict as kubectl does. */
function pathOf(namespace: string, name: string | undefined, dryRun: boolean): string {
  const collection = `/apis/atlascerts.io/v1alpha1/namespaces/${namespace}/atlasusercertificates`;
  return `${collection}${name === undefined ? "" : `/${name}`}?fieldValidation=Strict${dryRun ? "&dryRun=All" : ""}`;
}

/** What the API server says to a resource with this change of the least spec. Nothing is stored. */
export function tryCreate(namespace: string, change: JsonObject): Promise<RestAnswer> {
  return rest("POST", pathOf(namespace, undefined, true), userCertificate("tried", change));
}

/** What the API server says to this change of the spec of a resource that exists. Nothing is stored. */
export function tryUpdate(namespace: string, name: string, change: JsonObject): Promise<RestAnswer> {
  return rest("PATCH", pathOf(namespace, name, true), { spec: change }, "application/merge-patch+json");
}

export async function create(namespace: string, name: string, change: JsonObject = {}): Promise<void> {
  const { status, body } = await rest("POST", pathOf(namespace, undefined, false), userCertificate(name, change));
  if (status !== 201) throw new Error(`${name} was not created: ${status} ${JSON.stringify(body)}`);
}

const storedSchema = z.object({
  metadata: z.object({ generation: z.int() }),
  spec: z.record(z.string(), z.json()),
  status: z.record(z.string(), z.json()).optional(),
});
export type Stored = z.output<typeof storedSchema>;

export async function read(namespace: string, name: string): Promise<Stored> {
  return stored(await rest("GET", pathOf(namespace, name, false)));
}

/** The resource in an answer. */
export function stored({ status, body }: RestAnswer): Stored {
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
  return storedSchema.parse(body);
}

const refusalSchema = z.object({
  message: z.string(),
  details: z.object({ causes: z.array(z.object({ field: z.string().optional(), message: z.string() })) }),
});

export interface Cause {
  readonly field: string;
  readonly message: string;
}

/**
 * What the API server has against each field. What it says of the object as a whole (that CEL rules were left out
 * because a type is wrong already) is not counted.
 */
export function refusal({ status, body }: RestAnswer): readonly Cause[] {
  if (status !== 422) throw new Error(`not refused as invalid: ${status} ${JSON.stringify(body)}`);
  return refusalSchema
    .parse(body)
    .details.causes.flatMap(({ field, message }) =>
      field === undefined || field === "<nil>" ? [] : [{ field, message }],
    );
}

/** One namespace for all tests of a file, for those that store nothing in it or only read what is stored. */
export function namespaceOfFile(prefix: string): string {
  const name = `${prefix}-${randomBytes(4).toString("hex")}`;
  beforeAll(async () => {
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
    const { status } = await rest("POST", "/api/v1/namespaces", namespace);
    if (status !== 201) throw new Error(`namespace ${name}: ${status}`);
  });
  afterAll(async () => {
    await rest("DELETE", `/api/v1/namespaces/${name}`);
  });
  return name;
}

/** RFC 7396. */
export function merged(target: JsonObject, patch: JsonObject): JsonObject {
  const result: { [key: string]: Json } = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    const former = target[key];
    if (value === null) delete result[key];
    else result[key] = isObject(value) ? merged(isObject(former) ? former : {}, value) : value;
  }
  return result;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
