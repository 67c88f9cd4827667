import { SensitiveText } from "../../sensitive-text.ts";
import type { AtlasCredentials } from "../authentication/credentials.ts";

export const GROUP_ID = "32b6e34b3d91647abb20e7b8";
export const USERNAME = "orders-api";

/** A piece of the sample private key that must turn up nowhere but in the result. */
export const KEY_MATERIAL = "c2VjcmV0LWtleS1tYXRlcmlhbC1vZi1hLXRlc3Q";
export const CLIENT_SECRET = "mdb_sa_sk_Very-Secret_0123456789";
export const PRIVATE_API_KEY = "a1b2c3d4-secret-5e6f-7a8b-9c0d1e2f3a4b";

export const PEM = [
  "-----BEGIN CERTIFICATE-----",
  "MIIBszCCAVmgAwIBAgIIHEo=",
  "-----END CERTIFICATE-----",
  "-----BEGIN PRIVATE KEY-----",
  KEY_MATERIAL,
  "-----END PRIVATE KEY-----",
  "",
].join("\n");

export const SERVICE_ACCOUNT: AtlasCredentials = {
  kind: "serviceAccount",
  clientId: "mdb_sa_id_0123",
  clientSecret: new SensitiveText(CLIENT_SECRET),
};

export const API_KEYS: AtlasCredentials = {
  kind: "apiKeys",
  publicApiKey: "abcdefgh",
  privateApiKey: new SensitiveText(PRIVATE_API_KEY),
};

/** One certificate as Atlas lists it, with its serial number as the JSON text given. */
export function listedCertificate(serialNumberJson: string): string {
  return `{"_id":${serialNumberJson},"createdAt":"2026-01-01T00:00:00Z","groupId":"${GROUP_ID}","notAfter":"2026-04-01T00:00:00Z","subject":"CN=${USERNAME}"}`;
}

/** The body of a page with these certificates. */
export function pageBody(serialNumbersJson: readonly string[], totalCount?: number): string {
  const count = totalCount === undefined ? "" : `,"totalCount":${totalCount}`;
  return `{"links":[],"results":[${serialNumbersJson.map(listedCertificate).join(",")}]${count}}`;
}
