import type { X509AuthenticationApi } from "../../atlas/x509-authentication-api.ts";

/** The part of Atlas' API that concerns the certificates of one database user. */
export type CertificateApi = Pick<
  X509AuthenticationApi,
  "createDatabaseUserCertificate" | "listAllDatabaseUserCertificates"
>;

/** The part that concerns customer-managed X.509 of one project. */
export type ProjectApi = Pick<X509AuthenticationApi, "getUserSecurity" | "disableCustomerManagedX509">;

/** The part of Atlas' API that the controllers use. */
export type AtlasApi = CertificateApi & ProjectApi;
