import * as z from "zod";
import { commonStatus } from "./conditions.ts";
import { pendingRestartsSchema } from "./rollout-restart.ts";
import { timestamp } from "./schema.ts";

/** The status of an AtlasUserCertificate. As for its spec, the types and the CRD come from this schema. */

const recentIssuanceSchema = z
  .object({
    time: timestamp("Time at which it was issued."),
    reason: z.string().meta({ description: "Why it was issued." }),
    projectId: z
      .string()
      .optional()
      .meta({ description: "Atlas project of the database user that it was issued for." }),
    username: z.string().optional().meta({ description: "Database user that it was issued for." }),
    serialNumber: z.string().optional().meta({
      description: "Serial number, in decimal. Absent while it is unknown whether Atlas issued a certificate.",
    }),
    notAfter: timestamp("Time at which it expires.").optional(),
    replaces: z.string().optional().meta({ description: "Serial number of the certificate that it replaced." }),
    lost: z
      .string()
      .optional()
      .meta({
        description:
          "Set if the private key never reached the Secret: AnswerLost or NotStored. Such a certificate counts toward the " +
          "limits.",
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
    message: z.string().meta({ description: "The problem." }),
    remedy: z.string().optional().meta({ description: "What to do about it, or what happens next." }),
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
      "The last attempt, if it failed. A change of generation, credentials or renewal request ends the wait for the next one; " +
      "so does the end of customer-managed X.509 in the project that spec.projectRef names.",
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

const consumersSchema = z
  .object({
    pods: z.int().meta({ description: "Number of pods that use the certificate in the Secret.", format: "int32" }),
    outdated: z.int().meta({
      description: "Number of those that still use a certificate from before the latest renewal.",
      format: "int32",
    }),
    unknown: z
      .int()
      .optional()
      .meta({
        description:
          "Number of those that restarted a container so soon after the renewal that it may have read the old file. " +
          "Absent while there are none.",
        format: "int32",
      }),
    outdatedPods: z
      .array(z.string())
      .optional()
      .meta({ description: "Names of outdated pods, at most 10.", "x-kubernetes-list-type": "atomic" }),
    outdatedValidUntil: timestamp("Time at which the first of the certificates that they use expires.").optional(),
    observedAt: timestamp("Time at which the operator saw this. It changes only when the rest does, or at a warning."),
  })
  .meta({
    description:
      "Pods that use the certificate, counted while the certificate before it is unexpired: after a renewal and every 10 " +
      "minutes.",
  });

export const userCertificateStatusSchema = z
  .object({
    ...commonStatus(
      "Conditions of the resource: Ready, Issuing and Stalled, and with spec.rolloutRestart RestartPending.",
    ),
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
    previous: z
      .object({
        serialNumber: z.string().meta({ description: "Its serial number, in decimal." }),
        notAfter: timestamp("Time until which it is valid."),
        replacedAt: timestamp("Time at which the Secret held the certificate after it."),
      })
      .optional()
      .meta({
        description:
          "The certificate before this one, until it expires: apps that have not read the new one still log in with it.",
      }),
    consumers: consumersSchema.optional(),
    unlisted: z
      .object({
        serialNumber: z.string().meta({ description: "Serial number of that certificate, in decimal." }),
        since: timestamp("Time of the first list that lacked the certificate."),
        latest: timestamp("Time of the latest list that lacked it."),
        lists: z.int().meta({ description: "Number of consecutive lists that lacked it.", format: "int32" }),
        replaced: z.boolean().optional().meta({
          description: "Whether a certificate was already replaced and Atlas has not listed the new one yet.",
        }),
      })
      .optional()
      .meta({
        description: "Set while Atlas' lists lack the certificate. It is replaced only after three lists agree.",
      }),
    revision: z
      .int()
      .optional()
      .meta({ description: "Number of certificates that the Secret has held.", format: "int64" }),
    issuance: issuanceSchema.optional(),
    recentIssuances: z.array(recentIssuanceSchema).optional().meta({
      description: "Certificates issued in the last 24 hours, and older ones until one day after they expire.",
      "x-kubernetes-list-type": "atomic",
    }),
    renewRequest: z.string().optional().meta({ description: "The last renewal request that was answered." }),
    lastAttempt: lastAttemptSchema.optional(),
    unexpiredCertificates: z
      .int()
      .optional()
      .meta({ description: "Number of unexpired certificates that Atlas lists for the user.", format: "int32" }),
    // Not unaccountedCertificates: the CRD of 0.1.0 declares a number of that name, and drops what a list holds.
    unaccounted: z
      .array(unaccountedSchema)
      .optional()
      .meta({
        description:
          "Unexpired certificates of the user that no AtlasUserCertificate explains: issued elsewhere, or orphaned by a " +
          "lost response. The 100 that expire last.",
        "x-kubernetes-list-type": "atomic",
      }),
    pendingRestarts: pendingRestartsSchema.optional(),
    leftBehind: z.array(leftBehindSchema).optional().meta({
      description: "Secrets that were left behind when spec.secretName changed, until their certificates expire.",
      "x-kubernetes-list-type": "atomic",
    }),
  })
  .meta({
    description: "Observed state of the certificate.",
    // The API server fills in defaults of fields only where their object exists.
    default: {},
  });

export type UserCertificateStatus = Readonly<z.output<typeof userCertificateStatusSchema>>;
export type Issuance = Readonly<z.output<typeof issuanceSchema>>;
export type RecentIssuance = Readonly<z.output<typeof recentIssuanceSchema>>;
export type LastAttempt = Readonly<z.output<typeof lastAttemptSchema>>;
export type UnaccountedCertificate = Readonly<z.output<typeof unaccountedSchema>>;
export type Consumers = Readonly<z.output<typeof consumersSchema>>;
export type LeftBehind = Readonly<z.output<typeof leftBehindSchema>>;
