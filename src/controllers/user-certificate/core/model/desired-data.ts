import type { UserCertificateSpec } from "../../../../api/user-certificate.ts";
import {
  base64,
  COMBINED_KEY,
  CONNECTION_STRING_KEY,
  digestOf,
  type ExtraKey,
  KEYSTORE_KEY,
  type SecretData,
} from "../../../../certificate/secret-data.ts";

type Wishes = Pick<UserCertificateSpec, "connectionString" | "keystores">;

export function wantsKeystore({ keystores }: Wishes): boolean {
  return keystores?.pkcs12 !== undefined;
}

/** The keys that the spec asks for beside the pair. */
export function wantedExtras(spec: Wishes): readonly ExtraKey[] {
  return [
    ...(spec.connectionString === undefined ? [] : ([CONNECTION_STRING_KEY] as const)),
    ...(wantsKeystore(spec) ? ([KEYSTORE_KEY] as const) : []),
  ];
}

/** The values of those that follow from the spec alone, as data of a Secret. */
export function desiredExtras(spec: Wishes): SecretData {
  return spec.connectionString === undefined
    ? {}
    : { [CONNECTION_STRING_KEY]: base64(connectionString(spec.connectionString)) };
}

/**
 * Ties a keystore, whose bytes are random, to its certificate and its password.
 *
 * @param passwordVersion as observed, never the password
 */
export function keystoreMark(keystoreDigest: string, fingerprint: string, passwordVersion: string): string {
  return digestOf([keystoreDigest, fingerprint, passwordVersion].join(" "));
}

type ConnectionString = NonNullable<UserCertificateSpec["connectionString"]>;

/** The connection string of an app that mounts the Secret (MongoDB's Connection String specification). */
export function connectionString(parts: ConnectionString): string {
  const { scheme, host, database = "", mountPath, options = {} } = parts;
  const folder = mountPath.endsWith("/") ? mountPath : `${mountPath}/`;
  const query = {
    authMechanism: "MONGODB-X509",
    authSource: "$external",
    tls: "true",
    tlsCertificateKeyFile: folder + COMBINED_KEY,
    // Sorted: the API server keeps no order.
    ...Object.fromEntries(Object.entries(options).toSorted(([left], [right]) => (left < right ? -1 : 1))),
  };
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encoded(value)}`);
  return `${scheme}://${host}/${encodeURIComponent(database)}?${pairs.join("&")}`;
}

/** A slash may stand in a query as it is, and a path is easier to read so. */
function encoded(value: string): string {
  return encodeURIComponent(value).replaceAll("%2F", "/");
}
