/** Why a new certificate is issued. The order is the order in which they are checked. */
export const ISSUE_REASONS = [
  "SecretMissing",
  "SecretDataMissing",
  "PemUndecodable",
  "KeyMismatch",
  "SecretReverted",
  "IdentityChanged",
  "RenewRequested",
  "NearingExpiry",
  "NotListedByAtlas",
] as const;
export type IssueReason = (typeof ISSUE_REASONS)[number];

/** Why the operator does nothing now although something may be due. */
export const BLOCKED_REASONS = [
  "Suspended",
  "SecretForeign",
  "SecretClaimedTwice",
  "SecretContended",
  "SecretNotWritable",
  "SecretTerminating",
  "CertificateParked",
  "TooManyParked",
  "CrdOutdated",
  "CredentialsMissing",
  "OwnCredentialsForbidden",
  "NotGranted",
  "UsernameTaken",
  "GrantsUnverified",
  "CredentialsRejected",
  "RoleMissing",
  "IpNotOnAccessList",
  "ProjectNotFound",
  "UserNotFound",
  "CustomerManagedX509On",
  "RequestRejected",
  "NotListedByAtlas",
  "IssuanceBudgetSpent",
  "TooManyUnexpired",
  "RateLimited",
  "AtlasUnavailable",
  "AnswerLost",
  "AnswerUnusable",
  "KeystorePasswordMissing",
  "Expired",
] as const;
export type BlockedReason = (typeof BLOCKED_REASONS)[number];

/** Why a workload is not restarted although its Secret holds a new certificate. */
export const RESTART_REASONS = [
  "WorkloadMissing",
  "WorkloadPaused",
  "WorkloadOnDelete",
  "RestartFailed",
  "RestartsDisabled",
] as const;
export type RestartReason = (typeof RESTART_REASONS)[number];

/** Events that announce something else than a reason above. */
export const EVENT_REASONS = [
  "Issued",
  "Repaired",
  "CertificateOrphaned",
  "CertificateUnaccountedFor",
  "SecretLeftBehind",
  "ClockSkewed",
  "PodsOutdated",
  "WorkloadRestarted",
] as const;
export type EventReason = (typeof EVENT_REASONS)[number] | BlockedReason | RestartReason;
