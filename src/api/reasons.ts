/** Why a new certificate is issued. The order is the order in which they are checked. */
export type IssueReason =
  | "SecretMissing"
  | "SecretDataMissing"
  | "PemUndecodable"
  | "KeyMismatch"
  | "SecretReverted"
  | "IdentityChanged"
  | "RenewRequested"
  | "NearingExpiry"
  | "NotListedByAtlas";

/** Why nothing goes on although something may be wanted. */
export const BLOCKED_REASONS = [
  "Suspended",
  "SecretForeign",
  "SecretClaimedTwice",
  "SecretContended",
  "SecretNotWritable",
  "CrdOutdated",
  "ClockWrong",
  "CredentialsMissing",
  "CredentialsRejected",
  "RoleMissing",
  "IpNotOnAccessList",
  "ProjectNotFound",
  "UserNotFound",
  "CustomerManagedX509On",
  "RequestRejected",
  "IssuanceBudgetSpent",
  "TooManyUnexpired",
  "RateLimited",
  "AtlasUnavailable",
  "AnswerLost",
  "AnswerUnusable",
  "Expired",
] as const;
export type BlockedReason = (typeof BLOCKED_REASONS)[number];
