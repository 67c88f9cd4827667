import * as z from "zod";
import { connectionStringSchema } from "./connection-string.ts";
import { DURATION_PATTERN, MIN_RENEW_BEFORE } from "./duration.ts";
import { API_GROUP, API_VERSION, OWN_PREFIX } from "./names.ts";
import { rolloutRestartSchema } from "./rollout-restart.ts";
import { keysQualified, labelValuesValid, objectName, projectIdSchema, type Rule, rules } from "./schema.ts";

/**
 * AtlasUserCertificate: one database user of one Atlas project, one Secret with its X.509 client certificate.
 *
 * This schema is the single source of the TypeScript types, the CRD in crds/ and the output of `kubectl explain`.
 * `rules` become x-kubernetes-validations. They replace minimum, pattern and minLength wherever the API server's own
 * message would tell the reader less than they need to know.
 */

const ownKeysRefused: Rule = {
  rule: `self.all(key, !key.startsWith('${OWN_PREFIX}'))`,
  message: `keys that start with ${OWN_PREFIX} are reserved for the operator: choose another prefix`,
};

const secretLabels = z.record(z.string(), z.string().meta({ maxLength: 63 })).meta({
  description: "Labels to set on the Secret. Labels set by others are preserved. Defaults to none.",
  maxProperties: 64,
  ...rules(ownKeysRefused, keysQualified, labelValuesValid),
});

const secretAnnotations = z.record(z.string(), z.string().meta({ maxLength: 262144 })).meta({
  description: "Annotations to set on the Secret. Annotations set by others are preserved. Defaults to none.",
  maxProperties: 64,
  ...rules(ownKeysRefused, keysQualified),
});

const isDuration = (value: string) => `(${value} != '' && ${value}.matches('${DURATION_PATTERN}'))`;

/**
 * The fields, by their path below spec, that name a Secret which the operator reads. None of them may be the Secret that
 * it writes: the operator would find it foreign and advise deleting it.
 */
const SECRETS_READ: readonly string[] = ["credentialsRef.name", "keystores.pkcs12.passwordSecretRef.name"];

function secretNameDiffersFrom(field: string): Rule {
  const parents = field
    .split(".")
    .slice(0, -1)
    .map((_, index, names) => `!has(self.${names.slice(0, index + 1).join(".")})`);
  return {
    rule: [...parents, `self.secretName != self.${field}`].join(" || "),
    message: `secretName must differ from ${field}: the operator only reads that Secret`,
    fieldPath: ".secretName",
  };
}

const passwordSecretRefSchema = z
  .object({
    name: objectName("keystores.pkcs12.passwordSecretRef.name", "Name of the Secret, in the resource's namespace."),
    key: z
      .string()
      .default("password")
      .meta({
        description: "Key in that Secret. Defaults to password.",
        maxLength: 253,
        ...rules({
          rule: "self.matches('^[-._a-zA-Z0-9]+$')",
          message: "key must be a key of a Secret: letters, digits, '-', '_' and '.'",
        }),
      }),
  })
  .meta({
    description:
      "Secret with the password of the keystore: 1 to 256 printable ASCII characters. While it is missing, the operator " +
      "issues and renews the PEM files without the keystore.",
  });

export const userCertificateSpecSchema = z
  .object({
    projectRef: z
      .object({ name: objectName("projectRef.name", "Name of the AtlasProjectX509.") })
      .optional()
      .meta({
        description:
          "AtlasProjectX509 whose project the user belongs to. It must grant this namespace the user. Mutually exclusive " +
          "with projectId and credentialsRef.",
      }),
    projectId: projectIdSchema
      .optional()
      .meta({ description: `${projectIdSchema.description} Required without projectRef.` }),
    credentialsRef: z
      .object({ name: objectName("credentialsRef.name", "Name of the Secret, in the resource's namespace.") })
      .optional()
      .meta({
        description:
          "Secret with the Atlas credentials for projectId: clientId and clientSecret of a service account, or " +
          "publicApiKey and privateApiKey. They need the role Project Owner to issue a certificate. Required with " +
          "projectId.",
      }),
    username: z.string().meta({
      description:
        "Database user to issue the certificate for, as Atlas knows it: a plain name, or a distinguished name such as " +
        "CN=reports,OU=analytics. The user must exist in the project and use Atlas-managed X.509 authentication.",
      maxLength: 1024,
      ...rules(
        { rule: "size(self) > 0", message: "username must not be empty: name the Atlas database user" },
        {
          // Invisible: two names that look the same would be two users.
          rule: "!self.matches(r'[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]')",
          message:
            "username must not contain control characters, format characters or line separators, such as tabs, line breaks or zero-width spaces",
        },
        {
          rule: "!self.matches(r'^\\p{Zs}|\\p{Zs}$')",
          message: "username must not start or end with a space",
        },
        // Servers and proxies take these for steps in a path.
        { rule: "self != '.' && self != '..'", message: "username must not be . or .." },
      ),
    }),
    monthsUntilExpiration: z
      .int()
      .default(3)
      .meta({
        description: "Lifetime of each certificate in months: 1 to 24. Defaults to 3.",
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
          `How long before it expires a certificate is renewed: a duration of at least ${MIN_RENEW_BEFORE}, such as 720h ` +
          "or 36h30m. At most two thirds of the lifetime are used; if the lifetime is shorter than this duration, one " +
          "third of the lifetime is used instead. Mutually exclusive with renewBeforePercentage. Defaults to one third " +
          "of the lifetime.",
        maxLength: 32,
        ...rules({
          rule: `${isDuration("self")} && duration(self) >= duration('${MIN_RENEW_BEFORE}')`,
          message: `renewBefore must be a duration of at least ${MIN_RENEW_BEFORE} in hours, minutes and seconds, such as 720h or 36h30m`,
        }),
      }),
    renewBeforePercentage: z
      .int()
      .optional()
      .meta({
        description:
          "Percentage of the lifetime that remains when a certificate is renewed: 1 to 99. At most two thirds of the " +
          "lifetime are used. Mutually exclusive with renewBefore. Defaults to one third of the lifetime.",
        format: "int32",
        ...rules({
          rule: "self >= 1 && self <= 99",
          message: "renewBeforePercentage must be a whole number from 1 to 99",
        }),
      }),
    secretName: objectName(
      "secretName",
      "Name of the Secret, in the resource's namespace, in which the operator stores the certificate and its private " +
        "key. The operator creates it. A Secret of this name that the operator does not own is never changed.",
    ),
    secretTemplate: z
      .object({
        labels: secretLabels.optional(),
        annotations: secretAnnotations.optional(),
      })
      .optional()
      .meta({ description: "Metadata to set on the Secret. Defaults to none." }),
    connectionString: connectionStringSchema.optional(),
    keystores: z
      .object({
        pkcs12: z
          .object({ passwordSecretRef: passwordSecretRefSchema })
          .optional()
          .meta({
            description:
              "PKCS#12 keystore with the certificate and its key, stored under the key keystore.p12, for Java and other " +
              "drivers that read no PEM file. A changed password rewrites it without a new certificate. Defaults to none.",
          }),
      })
      .optional()
      .meta({ description: "Keystores to store in the Secret besides the PEM files. Defaults to none." }),
    rolloutRestart: rolloutRestartSchema.optional(),
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
          "What happens to the Secret when this resource is deleted. Retain keeps it, so that apps that mount it go on " +
          "working. Delete deletes it together with the resource. Defaults to Retain.",
      }),
    suspend: z
      .boolean()
      .default(false)
      .meta({
        description:
          "Suspends the resource: while true, nothing is issued, repaired or verified, and the Secret is left as it is. " +
          "Defaults to false.",
      }),
  })
  .meta({
    description: "Desired certificate.",
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
      {
        rule: "has(self.projectRef) ? !has(self.projectId) && !has(self.credentialsRef) : has(self.projectId) && has(self.credentialsRef)",
        message:
          "set either projectRef, an AtlasProjectX509 that grants this namespace the user, or both projectId and credentialsRef",
      },
      ...SECRETS_READ.map(secretNameDiffersFrom),
    ),
  });

export type UserCertificateSpec = Readonly<z.output<typeof userCertificateSpecSchema>>;

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
    "AtlasUserCertificate keeps an Atlas-managed X.509 client certificate of one MongoDB database user valid in one " +
    "Secret. The operator issues it through the Atlas Administration API, verifies it against Atlas' list, and renews " +
    "it before it expires.",
} as const;
