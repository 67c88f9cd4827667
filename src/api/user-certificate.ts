import { z } from "zod";
import { conditionSchema } from "./conditions.ts";
import { DURATION_PATTERN } from "./duration.ts";
import { API_GROUP, API_VERSION, OWN_PREFIX } from "./names.ts";

/**
 * AtlasUserCertificate: one database user of one Atlas project, one Secret with its X.509 client certificate.
 *
 * This schema is the one source: TypeScript types, the CRD in crds/ and what `kubectl explain` says come from it.
 * `rules` become x-kubernetes-validations. They stand in place of minimum, pattern and minLength wherever the API
 * server's own sentence for those says less than the person who typed the value needs to know.
 */

interface Rule {
  readonly rule: string;
  readonly message: string;
  /** The field that the person has to look at, where the rule stands above it, such as `.renewBefore`. */
  readonly fieldPath?: string;
}

const rules = (...list: readonly Rule[]) => ({ "x-kubernetes-validations": list });

const DNS_SUBDOMAIN = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

const objectName = (field: string, description: string) =>
  z.string().meta({
    description,
    maxLength: 253,
    ...rules({
      rule: `self.matches('${DNS_SUBDOMAIN}')`,
      message: `${field} must be a DNS subdomain: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit, at most 253 characters`,
    }),
  });

const ownKeysRefused: Rule = {
  rule: `self.all(key, !key.startsWith('${OWN_PREFIX}'))`,
  message: `keys that begin with ${OWN_PREFIX} are the operator's own: choose another prefix`,
};

/** A qualified name as Kubernetes wants it: what it would refuse on the Secret later is refused here at once. */
const QUALIFIED_NAME =
  "^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";

const keysQualified: Rule = {
  rule: `self.all(key, key.matches('${QUALIFIED_NAME}') && key.indexOf('/') <= 253)`,
  message:
    "a key must be a name of at most 63 letters, digits, '-', '_' and '.' that begins and ends with a letter or digit, with or without a DNS subdomain and a '/' before it, such as app or example.com/team",
};

const secretLabels = z.record(z.string(), z.string().meta({ maxLength: 63 })).meta({
  description: "Labels that the Secret gets. Labels of other owners on the Secret stay as they are.",
  maxProperties: 64,
  ...rules(ownKeysRefused, keysQualified, {
    rule: "self.all(key, self[key].matches('^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$'))",
    message:
      "a label's value must be empty or begin and end with a letter or digit, with letters, digits, '-', '_' and '.' between, at most 63 characters",
  }),
});

const secretAnnotations = z.record(z.string(), z.string().meta({ maxLength: 262144 })).meta({
  description: "Annotations that the Secret gets. Annotations of other owners on the Secret stay as they are.",
  maxProperties: 64,
  ...rules(ownKeysRefused, keysQualified),
});

const isDuration = (value: string) => `(${value} != '' && ${value}.matches('${DURATION_PATTERN}'))`;

export const userCertificateSpecSchema = z
  .object({
    projectId: z.string().meta({
      description: "The Atlas project (group) id: 24 lower-case hexadecimal digits, shown in the project's settings.",
      maxLength: 128,
      ...rules({
        rule: "self.matches('^[0-9a-f]{24}$')",
        message: "projectId must be the 24 lower-case hexadecimal digits that Atlas shows in the project's settings",
      }),
    }),
    credentialsRef: z
      .object({ name: objectName("credentialsRef.name", "Name of the Secret, in this namespace.") })
      .optional()
      .meta({
        description:
          "The Secret with the Atlas credentials: clientId and clientSecret of a service account, or publicApiKey and " +
          "privateApiKey. The role Project Owner is needed to issue a certificate. Without it the operator's default " +
          "credentials are used, where it was given some.",
      }),
    username: z.string().meta({
      description:
        "The database user that the certificate is for, as Atlas knows it: a plain name, or a distinguished name such " +
        "as CN=reports,OU=analytics. The user must exist in the project, with X.509 managed by Atlas.",
      maxLength: 1024,
      ...rules(
        { rule: "size(self) > 0", message: "username must not be empty: name the Atlas database user" },
        {
          rule: "!self.matches(r'[\\x00-\\x1f\\x7f-\\x{9f}]')",
          message: "username must not contain control characters such as tabs or line breaks",
        },
        // Servers and proxies take these for steps in a path.
        { rule: "self != '.' && self != '..'", message: "username must not be . or .." },
      ),
    }),
    monthsUntilExpiration: z
      .int()
      .default(3)
      .meta({
        description: "For how many months a certificate is issued: 1 to 24.",
        format: "int32",
        ...rules({
          rule: "self >= 1 && self <= 24",
          message: "monthsUntilExpiration must be a whole number from 1 to 24",
        }),
      }),
    renewBefore: z
      .string()
      .optional()
      .meta({
        description:
          "How long before its expiry a certificate is replaced, as a duration such as 720h or 1h30m. Instead of " +
          "renewBeforePercentage; without either, at a third of the certificate's lifetime. Where the certificate " +
          "turns out to live shorter than this, that third is used too. Never earlier than when two thirds are left.",
        maxLength: 32,
        ...rules({
          rule: `${isDuration("self")} && duration(self) >= duration('1s')`,
          message:
            "renewBefore must be a duration of at least 1s in hours, minutes and seconds, such as 720h or 1h30m; it can't be negative",
        }),
      }),
    renewBeforePercentage: z
      .int()
      .optional()
      .meta({
        description:
          "How much of a certificate's lifetime is left when it is replaced, in percent: 1 to 99. Instead of renewBefore. " +
          "Never more than two thirds.",
        format: "int32",
        ...rules({
          rule: "self >= 1 && self <= 99",
          message: "renewBeforePercentage must be a whole number from 1 to 99",
        }),
      }),
    secretName: objectName(
      "secretName",
      "Name of the Secret, in this namespace, that gets the certificate and its key. The operator makes it; one that " +
        "exists already and isn't the operator's is never touched.",
    ),
    secretTemplate: z
      .object({
        labels: secretLabels.optional(),
        annotations: secretAnnotations.optional(),
      })
      .optional()
      .meta({ description: "What the Secret gets besides the certificate." }),
    deletionPolicy: z
      .enum(["Retain", "Delete"])
      .default("Retain")
      .meta({
        description:
          "What becomes of the Secret when this resource is deleted. Retain (the default): it stays, and so do the apps " +
          "that mount it. Delete: it goes with the resource.",
      }),
    suspend: z
      .boolean()
      .default(false)
      .meta({ description: "While true, nothing is issued, repaired or verified; the Secret stays as it is." }),
  })
  .meta({
    description: "The certificate that is wanted.",
    ...rules(
      {
        rule: "!(has(self.renewBefore) && has(self.renewBeforePercentage))",
        message: "set renewBefore or renewBeforePercentage, not both",
        fieldPath: ".renewBeforePercentage",
      },
      {
        rule: `!has(self.renewBefore) || !${isDuration("self.renewBefore")} || self.monthsUntilExpiration < 1 || duration(self.renewBefore).getHours() < self.monthsUntilExpiration * 28 * 24`,
        message:
          "renewBefore must be shorter than the certificate's lifetime: less than 28 days (672h) for each month of monthsUntilExpiration",
        fieldPath: ".renewBefore",
      },
    ),
  });

const timestamp = (description: string) => z.string().meta({ description, format: "date-time" });

const recentIssuanceSchema = z
  .object({
    time: timestamp("When it was issued."),
    reason: z.string().meta({ description: "Why it was issued." }),
    serialNumber: z.string().optional().meta({ description: "Its serial number, in decimal." }),
    notAfter: timestamp("When it expires.").optional(),
  })
  .meta({ description: "A certificate that was issued for this resource." });

const issuanceSchema = z
  .object({
    id: z.string().meta({ description: "Tells this attempt from every other." }),
    startedAt: timestamp("When the attempt was recorded."),
    reason: z.string().meta({ description: "Why a certificate is issued." }),
    projectId: z.string().meta({ description: "The Atlas project it is for." }),
    username: z.string().meta({ description: "The database user it is for." }),
    knownSerials: z
      .array(z.string())
      .meta({ description: "Serial numbers that Atlas listed for the user before the attempt." }),
    renewRequest: z.string().optional().meta({ description: "The renew request that this attempt answers." }),
  })
  .meta({
    description:
      "The attempt under way, recorded before Atlas is asked to create anything, so that a certificate whose answer " +
      "got lost can be told from the others.",
  });

const lastAttemptSchema = z
  .object({
    generation: z.int().meta({ description: "The metadata.generation it was made for.", format: "int64" }),
    credentialsVersion: z
      .string()
      .optional()
      .meta({ description: "The resourceVersion of the credentials Secret it used." }),
    renewRequest: z.string().optional().meta({ description: "The renew request it saw." }),
  })
  .meta({ description: "What the last failed attempt was made with: a change of any of it ends the waiting." });

export const userCertificateStatusSchema = z
  .object({
    conditions: z
      .array(conditionSchema)
      .optional()
      .meta({
        description: "Ready, Issuing and Stalled.",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
      }),
    observedGeneration: z
      .int()
      .optional()
      .meta({ description: "The metadata.generation that this status speaks of.", format: "int64" }),
    secretName: z.string().optional().meta({ description: "The Secret that holds the certificate." }),
    serialNumber: z
      .string()
      .optional()
      .meta({ description: "The certificate's serial number, in decimal, as Atlas lists it." }),
    fingerprint: z
      .string()
      .optional()
      .meta({ description: "SHA-256 of the certificate, in hexadecimal pairs with colons." }),
    notBefore: timestamp("When the certificate begins to be valid.").optional(),
    notAfter: timestamp("When the certificate expires.").optional(),
    renewalTime: timestamp("When the next certificate is issued.").optional(),
    lastVerifiedTime: timestamp("When Atlas last listed the certificate.").optional(),
    unlistedSince: timestamp(
      "When Atlas' list first held the certificate no longer. Another one is issued when a second list agrees.",
    ).optional(),
    revision: z
      .int()
      .optional()
      .meta({ description: "How many certificates were issued for this resource.", format: "int64" }),
    issuance: issuanceSchema.optional(),
    recentIssuances: z.array(recentIssuanceSchema).optional().meta({
      description: "Certificates issued in the last 24 hours, and older ones until a day after they expire.",
      "x-kubernetes-list-type": "atomic",
    }),
    renewRequest: z.string().optional().meta({ description: "The last renew request that was answered." }),
    failedAttempts: z
      .int()
      .optional()
      .meta({ description: "How many attempts in a row have failed.", format: "int32" }),
    nextAttemptTime: timestamp("When the next attempt is made.").optional(),
    lastAttempt: lastAttemptSchema.optional(),
    unexpiredCertificates: z
      .int()
      .optional()
      .meta({ description: "How many unexpired certificates Atlas lists for the user.", format: "int32" }),
    unaccountedCertificates: z.int().optional().meta({
      description:
        "How many of them no resource of this operator accounts for: issued elsewhere, or an answer that got lost.",
      format: "int32",
    }),
    unaccountedSerials: z
      .array(z.string())
      .optional()
      .meta({
        description:
          "Serial numbers of the unaccounted certificates, in decimal and in ascending order; none where there are more " +
          "than 100.",
        "x-kubernetes-list-type": "atomic",
      }),
    countedUser: z
      .object({
        projectId: z.string().meta({ description: "Its Atlas project." }),
        username: z.string().meta({ description: "Its name." }),
      })
      .optional()
      .meta({ description: "The database user whose certificates were counted last." }),
  })
  .meta({ description: "What the operator observed and did." });

export type UserCertificateSpec = Readonly<z.output<typeof userCertificateSpecSchema>>;
export type UserCertificateStatus = Readonly<z.output<typeof userCertificateStatusSchema>>;
export type Issuance = Readonly<z.output<typeof issuanceSchema>>;
export type RecentIssuance = Readonly<z.output<typeof recentIssuanceSchema>>;

export const USER_CERTIFICATE = {
  group: API_GROUP,
  version: API_VERSION,
  kind: "AtlasUserCertificate",
  plural: "atlasusercertificates",
  singular: "atlasusercertificate",
  shortNames: ["auc"],
  categories: ["atlas"],
  namespaced: true,
  description:
    "An Atlas-managed X.509 client certificate of one MongoDB database user, kept fresh in one Secret: issued through " +
    "the Atlas Admin API, verified against Atlas' list, and renewed before it expires.",
} as const;
