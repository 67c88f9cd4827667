import type { UserCertificateSpec } from "../../../../api/user-certificate.ts";
import { base64, COMBINED_KEY, type ExtraKey, type SecretData } from "../../../../certificate/secret-data.ts";

/** The keys that the spec asks for beside the pair. */
export function wantedExtras(spec: Pick<UserCertificateSpec, "connectionString">): readonly ExtraKey[] {
  return spec.connectionString === undefined ? [] : ["connectionString"];
}

/** Their values, as data of a Secret. */
export function desiredExtras(spec: Pick<UserCertificateSpec, "connectionString">): SecretData {
  return spec.connectionString === undefined
    ? {}
    : { connectionString: base64(connectionString(spec.connectionString)) };
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
