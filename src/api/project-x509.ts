import * as z from "zod";
import { commonStatus } from "./conditions.ts";
import { API_GROUP, API_VERSION, CREDENTIALS_LABEL } from "./names.ts";
import { clusterObjectParser, type ValidClusterObject } from "./parse-object.ts";
import { keysQualified, labelValuesValid, objectName, projectIdSchema, type Rule, rules, timestamp } from "./schema.ts";

/**
 * AtlasProjectX509: the X.509 side of one Atlas project, and who may obtain certificates of it.
 *
 * The bounds of the lists and texts keep the rules within the API server's cost limit.
 */

const MAX_GRANTS = 64;
const MAX_NAMES = 64;
const MAX_PATTERN_LENGTH = 256;

const namespaceName = z.string().meta({
  description: "Name of a namespace.",
  maxLength: 63,
  ...rules({
    rule: "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
    message:
      "a namespace must be a name, not a pattern: at most 63 lower-case letters, digits and '-', starting and ending with a letter or digit",
  }),
});

const userPattern = z.string().meta({
  description: "Plain user name; * stands for any number of characters, {namespace} for the resource's namespace.",
  maxLength: MAX_PATTERN_LENGTH,
  ...rules(
    {
      rule: "self.matches('^([A-Za-z0-9._@*-]|[{]namespace[}]([._@]|$))+$')",
      message:
        "a username must consist of letters, digits, '.', '_', '@', '-', '*' and {namespace}, and {namespace} must be followed by '.', '_', '@' or the end: otherwise namespace team could take team-b-orders. Name a distinguished name in distinguishedNames",
    },
    {
      // The mirror image: namespace b could take what namespace a-b is meant to have.
      rule: "!self.matches('[*][A-Za-z0-9-]*[{]')",
      message:
        "between a '*' and a {namespace} that follows it there must be a '.', '_' or '@': otherwise namespace b could take orders-team-b",
    },
  ),
});

const distinguishedName = z.string().meta({
  description: "Distinguished name of a user.",
  maxLength: MAX_PATTERN_LENGTH,
  ...rules(
    {
      rule: "self.matches('^[ ]*[A-Za-z0-9.-]+[ ]*=')",
      message:
        "a distinguished name must be attributes such as CN=reports,OU=analytics. Name a plain user in usernames",
    },
    {
      rule: "!self.contains('*') && !self.contains('{namespace}')",
      message:
        "distinguishedNames are whole names: '*' and {namespace} stand for nothing there. Write a literal '*' as \\2A",
    },
  ),
});

const isForEverybody = "(has(self.everybody) && self.everybody)";

const grantRules: readonly Rule[] = [
  {
    rule: "has(self.namespaces) != has(self.namespaceSelector)",
    message: "set either namespaces or namespaceSelector: they say which namespaces the grant is for",
  },
  {
    rule: "has(self.usernames) != has(self.distinguishedNames)",
    message:
      "set either usernames or distinguishedNames: they say which users the grant is for; use a second grant for the others",
  },
  {
    rule: `${isForEverybody} || !has(self.usernames) || !self.usernames.exists(name, name.matches('^[*]+$'))`,
    message: "a username of '*' alone grants every plain user of the project: set everybody: true if that is meant",
    fieldPath: ".usernames",
  },
  {
    rule: `${isForEverybody} || !has(self.namespaceSelector) || size(self.namespaceSelector.matchLabels) > 0`,
    message: "an empty matchLabels selects every namespace: set everybody: true if that is meant",
    fieldPath: ".namespaceSelector",
  },
];

const grantSchema = z
  .object({
    namespaces: z.array(namespaceName).optional().meta({
      description: "Names of the namespaces. Mutually exclusive with namespaceSelector.",
      maxItems: MAX_NAMES,
      "x-kubernetes-list-type": "set",
    }),
    namespaceSelector: z
      .object({
        matchLabels: z.record(z.string(), z.string().meta({ maxLength: 63 })).meta({
          description: "Labels that a namespace must have, all of them.",
          maxProperties: 16,
          ...rules(keysQualified, labelValuesValid),
        }),
      })
      .optional()
      .meta({
        description:
          "Selects namespaces by label. Everyone who may label a namespace can then give it this grant: prefer names. " +
          "Mutually exclusive with namespaces.",
      }),
    usernames: z.array(userPattern).optional().meta({
      description:
        'Plain database users, such as "orders-*" or "{namespace}.*". Mutually exclusive with distinguishedNames.',
      maxItems: MAX_NAMES,
      "x-kubernetes-list-type": "set",
    }),
    distinguishedNames: z
      .array(distinguishedName)
      .optional()
      .meta({
        description:
          "Database users with a distinguished name, compared attribute by attribute, in any order. Mutually exclusive " +
          "with usernames.",
        maxItems: MAX_NAMES,
        "x-kubernetes-list-type": "set",
      }),
    maxMonths: z
      .int()
      .default(3)
      .meta({
        description:
          "Longest lifetime of a certificate in months: 1 to 24. Atlas cannot revoke a certificate, so this is how long " +
          "a login outlives its grant. Defaults to 3.",
        format: "int32",
        ...rules({ rule: "self >= 1 && self <= 24", message: "maxMonths must be a whole number from 1 to 24" }),
      }),
    maxResources: z
      .int()
      .optional()
      .meta({
        description:
          "Number of AtlasUserCertificates of one namespace that may use the grant: the oldest ones. Defaults to no limit.",
        format: "int32",
        ...rules({
          rule: "self >= 1 && self <= 10000",
          message: "maxResources must be a whole number from 1 to 10000",
        }),
      }),
    shared: z
      .boolean()
      .default(false)
      .meta({
        description:
          "Allows several namespaces to obtain certificates of one user. Without it, a user belongs to the namespace " +
          "that had it first. Defaults to false.",
      }),
    everybody: z.boolean().default(false).meta({
      description: "Confirms that a username of * alone, or an empty namespaceSelector, is meant. Defaults to false.",
    }),
  })
  .meta({
    description: "Allows namespaces to obtain certificates of users. All fields must match.",
    ...rules(...grantRules),
  });

export const projectX509SpecSchema = z
  .object({
    projectId: projectIdSchema,
    credentialsRef: z
      .object({ name: objectName("credentialsRef.name", "Name of the Secret, in the operator's namespace.") })
      .meta({
        description:
          `Secret with the Atlas credentials, in the operator's namespace and with the label ${CREDENTIALS_LABEL}: ` +
          '"true". It holds clientId and clientSecret of a service account, or publicApiKey and privateApiKey, with the ' +
          "role Project Owner.",
      }),
    grants: z.array(grantSchema).optional().meta({
      description: "Who may obtain certificates of which users. Defaults to none: no namespace may use the project.",
      maxItems: MAX_GRANTS,
      "x-kubernetes-list-type": "atomic",
    }),
  })
  .meta({ description: "The project, its credentials, and who may use it." });

const certificateAuthoritySchema = z
  .object({
    fingerprint: z.string().meta({ description: "SHA-256 of the certificate: sha256: and 64 hexadecimal digits." }),
    subject: z.string().meta({ description: "Subject, in the form of RFC 4514." }),
    notAfter: timestamp("Time at which it expires."),
  })
  .meta({ description: "A certificate authority that the customer manages." });

export const projectX509StatusSchema = z
  .object({
    ...commonStatus("Conditions of the resource: Ready and Stalled."),
    resources: z.int().optional().meta({
      description: "Number of AtlasUserCertificates that use the project through a grant.",
      format: "int32",
    }),
    ready: z.int().optional().meta({
      description: "Number of AtlasUserCertificates that use the project through a grant and are ready.",
      format: "int32",
    }),
    unexpired: z.int().optional().meta({
      description: "Number of unexpired certificates that Atlas lists for the users of these AtlasUserCertificates.",
      format: "int32",
    }),
    rateLimitTokens: z.int().optional().meta({
      description:
        "Number of requests that Atlas' rate limit still allowed for the project at the last change of the status.",
      format: "int32",
    }),
    customerManagedX509: z
      .object({
        enabled: z.boolean().meta({
          description: "Whether customer-managed X.509 is enabled. While it is, Atlas issues no certificates.",
        }),
        certificateAuthorities: z
          .array(certificateAuthoritySchema)
          .optional()
          .meta({ description: "The certificate authorities that are set.", "x-kubernetes-list-type": "atomic" }),
        observedAt: timestamp(
          "Time at which Atlas said so, as of the last change of the status: the operator asks every 10 minutes.",
        ),
      })
      .optional()
      .meta({ description: "Customer-managed X.509 of the project." }),
  })
  .meta({ description: "Observed state of the project.", default: {} });

export const PROJECT_CONDITION_TYPES = ["Ready", "Stalled"] as const;

export type ProjectX509Spec = Readonly<z.output<typeof projectX509SpecSchema>>;
export type ProjectX509Status = Readonly<z.output<typeof projectX509StatusSchema>>;
export type Grant = Readonly<z.output<typeof grantSchema>>;

export const PROJECT_X509 = {
  group: API_GROUP,
  version: API_VERSION,
  kind: "AtlasProjectX509",
  plural: "atlasprojectx509s",
  singular: "atlasprojectx509",
  shortNames: ["apx"],
  categories: ["atlas"],
  namespaced: false,
  description:
    "AtlasProjectX509 lets namespaces obtain X.509 certificates of users of one Atlas project without access to the " +
    "project's API credentials. The platform team owns it: it says which namespaces may obtain certificates of which " +
    "users, and for how long.",
} as const;

/** An AtlasProjectX509, parsed. */
export type ProjectX509 = ValidClusterObject<ProjectX509Spec, ProjectX509Status>;

export const parseProjectX509 = clusterObjectParser({ spec: projectX509SpecSchema, status: projectX509StatusSchema });
