import type { UserCertificate } from "../../../../api/parse-user-certificate.ts";
import type { Issuance, RecentIssuance } from "../../../../api/user-certificate-status.ts";
import type { CertificateFacts } from "../../../../certificate/certificate-facts.ts";
import type { ExtraKey, SecretContent } from "../../../../certificate/secret-data.ts";
import type { OwnerReference } from "../../../../kube/resource-type.ts";
import type { Blocker } from "./blocker.ts";

/** The caches keep this of each Secret. */
export interface SecretIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly deleting: boolean;
}

/** The caches keep this of a Secret that a resource names, and never its data. */
export interface SecretMetadata extends SecretIdentity {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly ownerReferences: readonly OwnerReference[];
  /** Label and annotation keys that the operator wrote, from managedFields: only those may be removed again. */
  readonly ownLabelKeys: readonly string[];
  readonly ownAnnotationKeys: readonly string[];
  /** Of the keys that the spec may ask for, those that it wrote. */
  readonly ownDataKeys: readonly ExtraKey[];
  /** Other field managers that wrote to it. */
  readonly otherWriters: readonly string[];
}

/** The Secret named in spec.secretName. */
export type SecretState =
  | { readonly kind: "absent" }
  /** Not the operator's, so it is never written to. `problem` says which condition fails. */
  | { readonly kind: "foreign"; readonly metadata: SecretIdentity; readonly problem: string }
  | { readonly kind: "managed"; readonly metadata: SecretMetadata; readonly content: SecretContent };
export type ManagedSecret = Extract<SecretState, { kind: "managed" }>;

/** Another living resource that the Secret belongs to. */
export interface SecretHolder {
  readonly name: string;
  /** The Secret that it names by now, if it has left this one behind. */
  readonly movedTo?: string;
}

/** The Secret named in spec.credentialsRef, or that of the AtlasProjectX509. */
export type CredentialsState =
  /** The resource names none: an older CRD accepted it. */
  | { readonly kind: "unnamed"; readonly version: undefined }
  /** The resource may not use them. */
  | { readonly kind: "withheld"; readonly version: undefined }
  | { readonly kind: "usable"; readonly version: string }
  | { readonly kind: "unusable"; readonly version: string | undefined; readonly problem: string };

/** The password of the keystore, which is nowhere in a snapshot. */
export type PasswordState =
  /** The spec asks for no keystore. */
  | { readonly kind: "unwanted" }
  /** The version is the same for the same password. */
  | { readonly kind: "usable"; readonly version: string }
  | { readonly kind: "unusable"; readonly problem: string };

/** Why a resource may not use the AtlasProjectX509 that it names. */
export type ProjectRefusal =
  /** There is none that grants this; whether there is one at all is not told. */
  | { readonly because: "notNamed" }
  | { readonly because: "months" | "resources"; readonly most: number }
  /** This operator watches none. */
  | { readonly because: "notServed" };

/** The way to the project that the spec asks for. */
export type ProjectState =
  /** The namespace's own credentials. */
  | { readonly kind: "own" }
  | { readonly kind: "ownForbidden" }
  | {
      readonly kind: "granted";
      /** Another namespace had the user first, and the grant is not shared. */
      readonly isTaken: boolean;
      /** When Atlas last said that customer-managed X.509 is off, in milliseconds since the epoch. */
      readonly customerManagedOffMs?: number | undefined;
    }
  | { readonly kind: "refused"; readonly refusal: ProjectRefusal }
  /** The watch of projects or namespaces is out of date: whether it is still granted is not known. */
  | { readonly kind: "unverified" };

/** An unexpired certificate in Atlas' list of one user. */
export interface ListedCertificate {
  readonly serialNumber: string;
  readonly notAfter: Date;
  /** When it was issued; Atlas need not say. */
  readonly createdAt?: Date | undefined;
  /** RFC 2253. */
  readonly subject?: string | undefined;
}

/** Atlas' list of one user in this reconcile. */
export type ListState =
  | { readonly kind: "notAsked" }
  | { readonly kind: "listed"; readonly certificates: readonly ListedCertificate[] }
  | { readonly kind: "refused"; readonly blocker: Blocker };

/** Other living resources of the same user, and the certificates issued for them. */
export interface OthersOfUser {
  /** Number of those that name the user. */
  readonly count: number;
  readonly issuances: readonly RecentIssuance[];
  /** Their attempts whose outcome is not known. */
  readonly attempts: readonly Issuance[];
  /** Replacements of unlisted certificates that deleted resources left and no list has held. */
  readonly unconfirmed: readonly string[];
  /** Serial numbers that they account for, also of the user of the open attempt. */
  readonly explained: ReadonlySet<string>;
}

/** A certificate that was issued and waits in this process for its Secret to become writable. */
export interface ParkedView {
  readonly facts: CertificateFacts;
  readonly attempt: Issuance;
}

/** The limits on what cannot be undone, and the intervals. All from the operator's flags. */
export interface Policy {
  /** Certificates issued for one user in any 24 hours, plus one for each further resource of that user. */
  readonly maxIssuesPerDay: number;
  /** Unexpired certificates of one database user at Atlas. */
  readonly maxUnexpiredPerUser: number;
  /** Certificates that may wait in this process for their Secrets: they are lost if it is killed. */
  readonly maxParked: number;
  /** Interval between two comparisons of Atlas' list with the Secret, in milliseconds. */
  readonly verifyIntervalMs: number;
  /** Longest wait between two attempts if only time can help, in milliseconds. */
  readonly maxBackoffMs: number;
  /** Longest wait between two attempts if a person has to fix something in Atlas, in milliseconds. */
  readonly recheckIntervalMs: number;
  /** Whether pods that use an old certificate are counted. */
  readonly countsConsumers: boolean;
  /** Whether this installation allows the operator to restart workloads. */
  readonly restartsWorkloads: boolean;
}

/** Everything that decide() may know. Immutable. */
export interface Snapshot {
  /** Now by Atlas' clock, in milliseconds since the epoch. */
  readonly nowMs: number;
  /** Whether this process knows the difference to Atlas' clock: before, the time is that of its own clock. */
  readonly isClockMeasured: boolean;
  readonly resource: UserCertificate;
  readonly secret: SecretState;
  /** The other living resource that the Secret belongs to: it holds it, or it is the older of two that want it. */
  readonly secretHolder: SecretHolder | undefined;
  readonly project: ProjectState;
  readonly credentials: CredentialsState;
  readonly keystorePassword: PasswordState;
  /** The list of the user that the spec names. */
  readonly atlas: ListState;
  /** The list of the user of the open attempt: the same one, unless the spec names another user by now. */
  readonly attempted: ListState;
  /** When this process last read the list of the spec's user for this resource, in milliseconds since the epoch. */
  readonly listedMs: number | undefined;
  readonly others: OthersOfUser;
  readonly parked: ParkedView | undefined;
  /** Number of certificates that wait in this process for their Secrets. */
  readonly parkedCounts: { readonly inNamespace: number; readonly inTotal: number };
  /** When this process recently repaired the Secret, in milliseconds since the epoch. */
  readonly recentRepairs: readonly number[];
  readonly policy: Policy;
}
