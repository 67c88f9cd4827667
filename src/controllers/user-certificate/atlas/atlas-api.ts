import type { X509AuthenticationApi } from "../../../atlas/x509-authentication-api.ts";

/** What the controller needs of Atlas. */
export type AtlasApi = Pick<X509AuthenticationApi, "createDatabaseUserCertificate" | "listAllDatabaseUserCertificates">;
