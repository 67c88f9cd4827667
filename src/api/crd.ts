import * as z from "zod";
import {
  CUSTOMER_X509_REMOVAL,
  customerX509RemovalSpecSchema,
  customerX509RemovalStatusSchema,
} from "./customer-x509-removal.ts";
import { PROJECT_X509, projectX509SpecSchema, projectX509StatusSchema } from "./project-x509.ts";
import { USER_CERTIFICATE, userCertificateSpecSchema } from "./user-certificate.ts";
import { userCertificateStatusSchema } from "./user-certificate-status.ts";

/** A piece of a JSON document. */
type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

interface PrinterColumn {
  readonly name: string;
  readonly jsonPath: string;
  readonly description: string;
  /** Future times are strings too: the API server prints a `date` in the future as `<invalid>`. */
  readonly type: "string" | "integer" | "date";
  /** 0: always shown; 1: with `-o wide`. */
  readonly priority: 0 | 1;
}

const condition = (type: string, field: string) => `.status.conditions[?(@.type=="${type}")].${field}`;
const readyCondition = (field: string) => condition("Ready", field);

const USER_CERTIFICATE_COLUMNS: readonly PrinterColumn[] = [
  column("READY", readyCondition("status"), "Whether apps can log in with the certificate in the Secret.", "string", 0),
  column("REASON", readyCondition("reason"), "Reason for that, in one word.", "string", 0),
  column("SECRET", ".spec.secretName", "Secret that apps mount.", "string", 0),
  column("EXPIRES", ".status.notAfter", "Time at which the certificate expires.", "string", 0),
  column("RENEWAL", ".status.renewalTime", "Time at which the certificate is due for renewal.", "string", 0),
  column("AGE", ".metadata.creationTimestamp", "Age of the resource.", "date", 0),
  column("USERNAME", ".spec.username", "Database user.", "string", 1),
  column("PROJECT", ".spec.projectId", "ID of the Atlas project.", "string", 1),
  column("SERIAL", ".status.serialNumber", "Serial number of the certificate.", "string", 1),
  column("OUTDATED", ".status.consumers.outdated", "Pods that still use an old certificate.", "integer", 1),
  column("MESSAGE", readyCondition("message"), "Reason and next step.", "string", 1),
];

const PROJECT_X509_COLUMNS: readonly PrinterColumn[] = [
  column("READY", readyCondition("status"), "Whether certificates of the project can be issued.", "string", 0),
  column("REASON", readyCondition("reason"), "Reason for that, in one word.", "string", 0),
  column("PROJECT", ".spec.projectId", "ID of the Atlas project.", "string", 0),
  column("RESOURCES", ".status.resources", "Number of AtlasUserCertificates that use the project.", "integer", 0),
  column("RESOURCES-READY", ".status.ready", "Number of those that are ready.", "integer", 0),
  column(
    "CUSTOMER-X509",
    ".status.customerManagedX509.enabled",
    "Whether customer-managed X.509 is enabled, so that Atlas issues no certificates.",
    "string",
    0,
  ),
  column("AGE", ".metadata.creationTimestamp", "Age of the resource.", "date", 0),
  column("UNEXPIRED", ".status.unexpired", "Number of unexpired certificates of the users.", "integer", 1),
  column("TOKENS", ".status.rateLimitTokens", "Requests that Atlas' rate limit still allows.", "integer", 1),
  column("MESSAGE", readyCondition("message"), "Reason and next step.", "string", 1),
];

const REMOVAL_COLUMNS: readonly PrinterColumn[] = [
  column("COMPLETE", condition("Complete", "status"), "Whether customer-managed X.509 is off.", "string", 0),
  column("FAILED", condition("Failed", "status"), "Whether the request has failed.", "string", 0),
  column("REASON", condition("Complete", "reason"), "Reason for both, in one word.", "string", 0),
  column("PROJECT", ".spec.projectRef.name", "AtlasProjectX509.", "string", 0),
  column("NOT-AFTER", ".spec.notAfter", "Time after which the operator never acts upon it.", "string", 0),
  column("REQUESTED", ".status.requestedAt", "Time at which the operator asked Atlas.", "string", 0),
  column("AGE", ".metadata.creationTimestamp", "Age of the request.", "date", 0),
  column("MESSAGE", ".status.message", "Current state and next step.", "string", 1),
];

function column(
  name: string,
  jsonPath: string,
  description: string,
  type: PrinterColumn["type"],
  priority: PrinterColumn["priority"],
): PrinterColumn {
  return { name, jsonPath, description, type, priority };
}

/** A kind of the operator's: where it is served, and what `kubectl get` shows of it. */
interface Kind {
  readonly names: {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
    readonly plural: string;
    readonly singular: string;
    readonly shortNames: readonly string[];
    readonly categories: readonly string[];
    readonly namespaced: boolean;
    readonly description: string;
  };
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  readonly columns: readonly PrinterColumn[];
}

/** All kinds. */
export const KINDS: readonly [Kind, ...Kind[]] = [
  {
    names: USER_CERTIFICATE,
    spec: userCertificateSpecSchema,
    status: userCertificateStatusSchema,
    columns: USER_CERTIFICATE_COLUMNS,
  },
  {
    names: PROJECT_X509,
    spec: projectX509SpecSchema,
    status: projectX509StatusSchema,
    columns: PROJECT_X509_COLUMNS,
  },
  {
    names: CUSTOMER_X509_REMOVAL,
    spec: customerX509RemovalSpecSchema,
    status: customerX509RemovalStatusSchema,
    columns: REMOVAL_COLUMNS,
  },
];

/** The CustomResourceDefinition of a kind, as crds/ holds it. */
export function customResourceDefinition({ names, spec, status, columns }: Kind): Json {
  const { group, version, kind, plural, singular, shortNames, categories, namespaced, description } = names;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular,
        shortNames: [...shortNames],
        categories: [...categories],
      },
      scope: namespaced ? "Namespaced" : "Cluster",
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns.map(printerColumn),
          schema: {
            openAPIV3Schema: {
              type: "object",
              description,
              required: ["spec"],
              properties: {
                apiVersion: { type: "string", description: "Version of this kind's schema." },
                kind: { type: "string", description: `Always ${kind}.` },
                metadata: { type: "object" },
                spec: structuralSchema(spec),
                // The operator alone writes it: who set which field of it would be a quarter of the stored object.
                status: structuralSchema(status.meta({ ...status.meta(), "x-kubernetes-map-type": "atomic" })),
              },
            },
          },
        },
      ],
    },
  };
}

function printerColumn({ priority, ...rest }: PrinterColumn): Json {
  return priority === 0 ? rest : { ...rest, priority };
}

/** A zod schema as a structural schema that the API server accepts. */
function structuralSchema(schema: z.ZodType): Json {
  // The document is JSON: it is made from our own schemas by a JSON serializer.
  return withoutForbidden(z.toJSONSchema(schema, { target: "openapi-3.0", io: "input" }) as Json);
}

/** Keys that zod writes and that a structural schema must not contain, or that are meaningless in it. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["$schema", "id", "propertyNames"]);

function withoutForbidden(node: Json, parentKey?: string): Json {
  if (isList(node)) return node.map((item) => withoutForbidden(item));
  if (typeof node !== "object" || node === null) return node;
  const kept: { [key: string]: Json } = {};
  for (const [key, value] of Object.entries(node)) {
    // Below `properties` every key is the name of a field, even if it looks like a keyword.
    if (parentKey !== "properties") {
      if (FORBIDDEN_KEYS.has(key)) continue;
      if (key === "additionalProperties" && value === false) continue;
      // The bounds of a safe integer, which zod adds; the format says the same.
      if ((key === "minimum" || key === "maximum") && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER) continue;
    }
    kept[key] = withoutForbidden(value, key);
  }
  return kept;
}

function isList(node: Json): node is readonly Json[] {
  return Array.isArray(node);
}
