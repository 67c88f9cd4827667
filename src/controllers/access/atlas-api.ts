import type { X509AuthenticationApi } from "../../atlas/x509-authentication-api.ts";

/** The part of Atlas' API that the controller uses. */
export type AtlasApi = Pick<X509AuthenticationApi, "createDatabaseUserCertificate" | "listAllDatabaseUserCertificates">;
