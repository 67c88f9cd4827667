import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import type { IssueReason } from "../../api/reasons.ts";
import type { Issuance } from "../../api/user-certificate.ts";
import type { SecretContent } from "../../certificate/secret-data.ts";
import type { OwnerReference } from "../../kube/resource-type.ts";
import type { Trouble } from "./trouble.ts";

/** What the operator keeps of a Secret: never its data. */
export interface SecretMetadata {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly deleting: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly ownerReferences: readonly OwnerReference[];
  /** Label and annotation keys that the operator wrote, from managedFields: those it may take away again. */
  readonly ownLabelKeys: readonly string[];
  readonly ownAnnotationKeys: readonly string[];
  /** Who else wrote into it, from managedFields. */
  readonly otherWriters: readonly string[];
}

/** The Secret named in spec.secretName. */
export type ObservedSecret =
  | { readonly kind: "absent" }
  /** One that carries none of the operator's annotations: never written to. */
  | { readonly kind: "foreign"; readonly metadata: SecretMetadata }
  | { readonly kind: "managed"; readonly metadata: SecretMetadata; readonly content: SecretContent };

/** The Secret named in spec.credentialsRef, or the operator's default one. */
export type ObservedCredentials =
  /** The resource names none, and the operator has no default one. */
  | { readonly kind: "unnamed"; readonly version: undefined }
  | { readonly kind: "usable"; readonly version: string }
  | { readonly kind: "unusable"; readonly version: string | undefined; readonly problem: string };

/** A certificate in Atlas' list of the user's unexpired ones. */
export interface ListedCertificate {
  readonly serialNumber: string;
  readonly notAfter: Date;
}

/** What Atlas said in this round, if it was asked. */
export type ObservedAtlas =
  | { readonly kind: "notAsked" }
  | { readonly kind: "listed"; readonly certificates: readonly ListedCertificate[] }
  | { readonly kind: "refused"; readonly trouble: Trouble };

/** The limits on what can't be given back, and the intervals. All from the operator's flags. */
export interface Policy {
  /** Certificates issued per resource in any 24 hours. */
  readonly maxIssuesPerDay: number;
  /** Unexpired certificates of one database user at Atlas. */
  readonly maxUnexpiredPerUser: number;
  /** How often Atlas' list is compared with the Secret. */
  readonly verifyIntervalMs: number;
  /** The longest wait between two attempts where only time can help. */
  readonly maxBackoffMs: number;
  /** The longest wait between two attempts where a person has to mend something at Atlas. */
  readonly recheckIntervalMs: number;
  /** The length of a month: the calendar's, or a simulator's. */
  readonly monthMs: number;
  /** Whether Atlas is a simulated one, which every condition's message then says. @default false */
  readonly simulatedAtlas?: boolean;
}

/** Everything that decide() may know. */
export interface Observed {
  readonly resource: UserCertificate;
  readonly secret: ObservedSecret;
  /** Another living resource of the namespace whose Secret it is: it holds it, or is the older of two that want it. */
  readonly secretHolder: string | undefined;
  readonly credentials: ObservedCredentials;
  readonly atlas: ObservedAtlas;
  /** Serial numbers that other resources with the same user account for. */
  readonly serialsOfOthers: ReadonlySet<string>;
  /** Attempts for the same user that other resources are making now. */
  readonly attemptsOfOthers: readonly Issuance[];
  /** When this process repaired the Secret lately, in milliseconds since the epoch. */
  readonly recentRepairs: readonly number[];
  readonly policy: Policy;
}

/** What is in the way, in the closed form that the switch in act.ts goes through. */
export type Decision =
  | { readonly kind: "blocked"; readonly trouble: Trouble }
  /** The open issuance did write its Secret: only its record is still open. */
  | { readonly kind: "finish" }
  | { readonly kind: "issue"; readonly reason: IssueReason; readonly message: string }
  | { readonly kind: "repair"; readonly differences: readonly string[] }
  | { readonly kind: "keep" };
