import * as z from "zod";
import { commonStatus } from "./conditions.ts";
import { API_GROUP, API_VERSION } from "./names.ts";
import { clusterObjectParser, type ValidClusterObject } from "./parse-object.ts";
import { objectName, rules, timestamp } from "./schema.ts";

/**
 * AtlasCustomerX509Removal: one deliberate call that switches customer-managed X.509 off for a project, and restarts its
 * database. A request that is made once, like a Job; not a state that the operator keeps up.
 */

/** How long after its creation a request may act at most, in hours. The operator and the admission policy check it. */
export const MAX_REMOVAL_HOURS = 24;

/** More than Atlas' user interface shows at once; it keeps the rules within the API server's cost limit. */
const MAX_AUTHORITIES = 64;

export const customerX509RemovalSpecSchema = z
  .object({
    projectRef: z
      .object({ name: objectName("projectRef.name", "Name of the AtlasProjectX509.") })
      .meta({ description: "AtlasProjectX509 whose project is meant; its credentials are used." }),
    certificateAuthorities: z
      .array(
        z.string().meta({
          description: "SHA-256 of a certificate in DER form: sha256: and 64 lower-case hexadecimal digits.",
          maxLength: 128,
          ...rules({
            rule: "self.matches('^sha256:[0-9a-f]{64}$')",
            message:
              "a certificate authority must be sha256: and 64 lower-case hexadecimal digits: copy it from status.customerManagedX509 of the AtlasProjectX509",
          }),
        }),
      )
      .meta({
        description:
          "Fingerprints of exactly the certificate authorities that are set in Atlas: copy them from " +
          "status.customerManagedX509 of the AtlasProjectX509. If others are set, the operator does nothing.",
        maxItems: MAX_AUTHORITIES,
        "x-kubernetes-list-type": "set",
        ...rules({
          rule: "size(self) > 0",
          message:
            "certificateAuthorities must not be empty: copy the fingerprints from status.customerManagedX509 of the AtlasProjectX509",
        }),
      }),
    notAfter: z.string().meta({
      description:
        `Time after which the operator never acts upon this request: at most ${MAX_REMOVAL_HOURS} hours after it was ` +
        "created.",
      format: "date-time",
    }),
    acknowledgeRollingRestart: z.boolean().meta({
      description:
        "Confirms that Atlas restarts the nodes of every cluster of the project, one after the other. Must be true.",
      ...rules({
        rule: "self",
        message:
          "acknowledgeRollingRestart must be true: Atlas restarts the nodes of every cluster of the project, one after the other",
      }),
    }),
  })
  .meta({
    description: "The request. It cannot be changed.",
    ...rules({
      rule: "self == oldSelf",
      message: "spec is immutable: delete this AtlasCustomerX509Removal and create another one",
    }),
  });

export const customerX509RemovalStatusSchema = z
  .object({
    ...commonStatus("Conditions of the request: Complete, Failed, Reconciling and Stalled."),
    projectId: z.string().optional().meta({ description: "ID of the Atlas project that the request was made for." }),
    requestedAt: timestamp(
      "Time at which the operator recorded its request to Atlas. From then on it only reads: it never sends the request twice.",
    ).optional(),
    completedAt: timestamp("Time at which customer-managed X.509 was found to be off.").optional(),
    message: z.string().optional().meta({ description: "Current state of the request, and the next step." }),
  })
  .meta({ description: "Observed state of the request.", default: {} });

/** Complete and Failed are for people and `kubectl wait`; kstatus reads Reconciling and Stalled. */
export const REMOVAL_CONDITION_TYPES = ["Complete", "Failed", "Reconciling", "Stalled"] as const;

type CustomerX509RemovalSpec = Readonly<z.output<typeof customerX509RemovalSpecSchema>>;
export type CustomerX509RemovalStatus = Readonly<z.output<typeof customerX509RemovalStatusSchema>>;

export const CUSTOMER_X509_REMOVAL = {
  group: API_GROUP,
  version: API_VERSION,
  kind: "AtlasCustomerX509Removal",
  plural: "atlascustomerx509removals",
  singular: "atlascustomerx509removal",
  shortNames: ["acxr"],
  categories: ["atlas"],
  namespaced: false,
  description:
    "AtlasCustomerX509Removal asks Atlas once to switch off customer-managed X.509 for a project, so that Atlas issues " +
    "certificates for its database users again. Atlas restarts the nodes of every cluster of the project, one after the " +
    "other. The operator acts only until notAfter, only if exactly the named certificate authorities are set, and never " +
    "twice.",
} as const;

/** An AtlasCustomerX509Removal, parsed. */
export type CustomerX509Removal = ValidClusterObject<CustomerX509RemovalSpec, CustomerX509RemovalStatus>;

export const parseCustomerX509Removal = clusterObjectParser({
  spec: customerX509RemovalSpecSchema,
  status: customerX509RemovalStatusSchema,
});
