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
    userSharedWithOtherClusters: z
      .boolean()
      .default(false)
      .meta({
        description:
          "Set to true if other clusters obtain certificates for the same database user. Certificates that no " +
          "AtlasUserCertificate of this cluster explains are then listed in the status, without Events and alerts. " +
          "Defaults to false.",
      }),
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
    time: timestamp("Time at which it was issued."),
    reason: z.string().meta({ description: "Why it was issued." }),
    serialNumber: z
      .string()
      .optional()
      .meta({ description: "Serial number, in decimal. Absent while it is unknown whether Atlas issued a certificate." }),
    notAfter: timestamp("Time at which it expires.").optional(),
    replaces: z.string().optional().meta({ description: "Serial number of the certificate that it replaced." }),
    lost: z.string().optional().meta({
      description:
        "Set if the private key never reached the Secret: AnswerLost, AnswerUnusable or NotStored. Such a certificate " +
        "counts toward the limits.",
    }),
  })
  .meta({ description: "A certificate that was issued, or may have been, for this resource." });

const issuanceSchema = z
  .object({
    id: z.string().meta({ description: "Identifier of this attempt." }),
    startedAt: timestamp("Time at which the attempt was recorded."),
    reason: z.string().meta({ description: "Why a certificate is issued." }),
    projectId: z.string().meta({ description: "Atlas project of the database user." }),
    username: z.string().meta({ description: "Database user that the certificate is for." }),
    knownSerials: z
      .array(z.string())
      .meta({ description: "Serial numbers that Atlas listed for the user before the attempt." }),
    replaces: z.string().optional().meta({ description: "Serial number of the certificate that it replaces." }),
    renewRequest: z.string().optional().meta({ description: "The renewal request that this attempt answers." }),
    parked: z
      .object({
        pod: z.string().meta({ description: "The operator process that holds the certificate in memory." }),
        serialNumber: z.string().meta({ description: "Its serial number, in decimal." }),
        notAfter: timestamp("Time at which it expires."),
        until: timestamp(
          "Time until which that process still tries to store it after it stopped leading. No other attempt is made before.",
        ).optional(),
      })
      .optional()
      .meta({
        description:
          "Set while the certificate has been issued but its Secret cannot be written. Until it is stored, the private " +
          "key exists only in the memory of that process.",
      }),
  })
  .meta({
    description:
      "The attempt in progress, recorded before Atlas is asked for a certificate, so that a certificate whose response " +
      "was lost can be recognized.",
  });

const lastAttemptSchema = z
  .object({
    time: timestamp("Time of the failure."),
    reason: z.string().meta({ description: "Why it failed." }),
    message: z.string().meta({ description: "The problem and the remedy." }),
    needsPerson: z.boolean().meta({ description: "Whether a person has to act before a retry can succeed." }),
    failures: z.int().meta({ description: "Number of consecutive failures.", format: "int32" }),
    nextAttemptTime: timestamp("Time of the next retry."),
    notRechecked: z
      .string()
      .optional()
      .meta({ description: "Why the latest retries could not tell whether the problem persists." }),
    generation: z.int().meta({ description: "The metadata.generation that it was made for.", format: "int64" }),
    credentialsVersion: z
      .string()
      .optional()
      .meta({ description: "The resourceVersion of the credentials Secret that it used." }),
    renewRequest: z.string().optional().meta({ description: "The renewal request that it saw." }),
  })
  .meta({
    description:
      "The last attempt, if it failed. A change of generation, credentials or renewal request ends the wait for the next one.",
  });

const unaccountedSchema = z
  .object({
    serialNumber: z.string().meta({ description: "Serial number, in decimal." }),
    createdAt: timestamp("Time at which Atlas issued it.").optional(),
    notAfter: timestamp("Time at which it expires."),
  })
  .meta({ description: "A certificate of the user that no AtlasUserCertificate explains." });

const leftBehindSchema = z
  .object({
    secretName: z.string().meta({ description: "Name of the Secret." }),
    serialNumber: z.string().optional().meta({ description: "Serial number of the certificate that it holds." }),
    notAfter: timestamp("Time until which that certificate is valid."),
  })
  .meta({ description: "A Secret that spec.secretName no longer names. It is not renewed any more." });

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
      .meta({ description: "The metadata.generation that this status describes.", format: "int64" }),
    secretName: z.string().optional().meta({ description: "Name of the Secret that holds the certificate." }),
    serialNumber: z
      .string()
      .optional()
      .meta({ description: "Serial number of the certificate, in decimal, as Atlas lists it." }),
    fingerprint: z
      .string()
      .optional()
      .meta({ description: "SHA-256 fingerprint of the certificate, in hexadecimal pairs with colons." }),
    notBefore: timestamp("Time from which the certificate is valid.").optional(),
    notAfter: timestamp("Time at which the certificate expires.").optional(),
    renewalTime: timestamp("Time at which the certificate is renewed.").optional(),
    lastVerifiedTime: timestamp(
      "Time at which Atlas last listed the certificate, or returned it to the operator.",
    ).optional(),
    unlisted: z
      .object({
        serialNumber: z.string().meta({ description: "Serial number of that certificate, in decimal." }),
        since: timestamp("Time of the first list that lacked the certificate."),
        lists: z.int().meta({ description: "Number of consecutive lists that lacked it.", format: "int32" }),
        replaced: z
          .boolean()
          .optional()
          .meta({ description: "Whether a certificate was already replaced and Atlas has not listed the new one yet." }),
      })
      .optional()
      .meta({ description: "Set while Atlas' lists lack the certificate. It is replaced only after three lists agree." }),
    revision: z
      .int()
      .optional()
      .meta({ description: "Number of certificates that the Secret has held.", format: "int64" }),
    issuance: issuanceSchema.optional(),
    recentIssuances: z.array(recentIssuanceSchema).optional().meta({
      description: "Certificates issued in the last 24 hours, and older ones until a day after they expire.",
      "x-kubernetes-list-type": "atomic",
    }),
    renewRequest: z.string().optional().meta({ description: "The last renewal request that was answered." }),
    lastAttempt: lastAttemptSchema.optional(),
    unexpiredCertificates: z
      .int()
      .optional()
      .meta({ description: "Number of unexpired certificates that Atlas lists for the user.", format: "int32" }),
    unaccounted: z.array(unaccountedSchema).optional().meta({
      description:
        "Unexpired certificates of the user that no AtlasUserCertificate explains: issued elsewhere, or orphaned by a " +
        "lost response. The 100 that expire last.",
      "x-kubernetes-list-type": "atomic",
    }),
    leftBehind: z.array(leftBehindSchema).optional().meta({
      description: "Secrets that were left behind when spec.secretName changed, until their certificates expire.",
      "x-kubernetes-list-type": "atomic",
    }),
  })
  .meta({ description: "What the operator observed and did." });

export type UserCertificateSpec = Readonly<z.output<typeof userCertificateSpecSchema>>;
export type UserCertificateStatus = Readonly<z.output<typeof userCertificateStatusSchema>>;
export type Issuance = Readonly<z.output<typeof issuanceSchema>>;
export type RecentIssuance = Readonly<z.output<typeof recentIssuanceSchema>>;
export type LastAttempt = Readonly<z.output<typeof lastAttemptSchema>>;
export type UnaccountedCertificate = Readonly<z.output<typeof unaccountedSchema>>;
export type LeftBehind = Readonly<z.output<typeof leftBehindSchema>>;

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
