/**
 * The library `atlas-x509`: X.509 authentication of MongoDB Atlas database users.
 *
 * @packageDocumentation
 */
export { AtlasError, type AtlasErrorKind, type AtlasOperation, type AtlasRole } from "./atlas/atlas-error.ts";
export { DEFAULT_BASE_URL } from "./atlas/base-url.ts";
export type { ProxyEnvironment } from "./atlas/connections.ts";
export { type AtlasCredentials, type ParsedCredentials, parseCredentials } from "./atlas/credentials.ts";
export { readExtraCaFile } from "./atlas/extra-ca.ts";
export type { CertificatePage, IssuedCertificate, PageLink } from "./atlas/issued-certificate.ts";
export { Pacer, type Permit, type PermitRequest, type ProjectAccess } from "./atlas/pacer.ts";
export type { CertificateList } from "./atlas/paging.ts";
export type {
  CreateCertificateParameters,
  DatabaseUserParameters,
  ListAllCertificatesParameters,
  ListCertificatesParameters,
  ProjectParameters,
} from "./atlas/parameters.ts";
export { DEFAULT_RATE_LIMITS, type RateLimits, type RateReport } from "./atlas/rate-limits.ts";
export type { CallOptions } from "./atlas/session.ts";
export { AtlasTransport, type AtlasTransportOptions } from "./atlas/transport.ts";
export type { CallPriority } from "./atlas/turn-shares.ts";
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
