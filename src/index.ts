/**
 * The library `atlas-x509`: X.509 authentication of MongoDB Atlas database users.
 *
 * @packageDocumentation
 */

export { type AtlasCredentials, type ParsedCredentials, parseCredentials } from "./atlas/authentication/credentials.ts";
export type { DatabaseUser } from "./atlas/database-user.ts";
export { AtlasError, type AtlasErrorKind, type AtlasOperation, type AtlasRole } from "./atlas/errors/atlas-error.ts";
export type { CertificatePage, IssuedCertificate, PageLink } from "./atlas/issued-certificate.ts";
export { Pacer, type Permit, type PermitRequest, type ProjectAccess } from "./atlas/pacing/pacer.ts";
export { DEFAULT_RATE_LIMITS, type RateLimits, type RateReport } from "./atlas/pacing/rate-limits.ts";
export type { CallPriority } from "./atlas/pacing/turn-shares.ts";
export type { CertificateList } from "./atlas/paging.ts";
export type {
  CreateCertificateParameters,
  DatabaseUserParameters,
  ListAllCertificatesParameters,
  ListCertificatesParameters,
  ProjectParameters,
} from "./atlas/parameters.ts";
export type { CallOptions } from "./atlas/session.ts";
export { DEFAULT_BASE_URL } from "./atlas/transport/base-url.ts";
export type { ProxyEnvironment } from "./atlas/transport/connections.ts";
export { readExtraCaFile } from "./atlas/transport/extra-ca.ts";
export { AtlasTransport, type AtlasTransportOptions } from "./atlas/transport/transport.ts";
export type { UserSecurity } from "./atlas/user-security.ts";
export { X509AuthenticationApi, type X509AuthenticationApiOptions } from "./atlas/x509-authentication-api.ts";
export type { CertificateFacts } from "./certificate/certificate-facts.ts";
export { checkIssued, type IssueRequest } from "./certificate/check-issued.ts";
export type { NameAttribute } from "./certificate/distinguished-name.ts";
export {
  type KeyPair,
  type KeyPairFault,
  type KeyPairResult,
  readKeyPair,
  readPemBundle,
} from "./certificate/key-pair.ts";
export { type RenewalRule, renewalTime } from "./certificate/renewal-time.ts";
export type { Clock } from "./clock.ts";
export { SensitiveText } from "./sensitive-text.ts";
