import * as z from "zod";
import { rules } from "./schema.ts";

/** Options that the operator sets, or that would take the login away from the certificate. */
const RESERVED_OPTIONS: readonly string[] = [
  "authMechanism",
  "authMechanismProperties",
  "authSource",
  "ssl",
  "tls",
  "tlsCertificateKeyFile",
  "tlsCertificateKeyFilePassword",
];

const LABEL = "[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?";
const HOST_AND_PORT = `${LABEL}([.]${LABEL})*(:[0-9]{1,5})?`;

/** `spec.connectionString`: what the key connectionString of the Secret is made of. */
export const connectionStringSchema = z
  .object({
    host: z.string().meta({
      description:
        "Host name of the cluster, as Atlas shows it, such as cluster0.abcde.mongodb.net. With the scheme mongodb also " +
        "host:port, or several of them separated by commas.",
      maxLength: 4096,
    }),
    scheme: z
      .enum(["mongodb+srv", "mongodb"])
      .default("mongodb+srv")
      .meta({ description: "Scheme of the connection string: mongodb+srv or mongodb. Defaults to mongodb+srv." }),
    database: z
      .string()
      .optional()
      .meta({
        description: "Name of the app's default database. Defaults to none.",
        maxLength: 63,
        ...rules({
          rule: `self.matches(r'^[^/\\\\. "$*<>:|?\\p{Cc}]+$')`,
          message: 'database must be a name without spaces, control characters and / \\ . " $ * < > : | ?',
        }),
      }),
    mountPath: z
      .string()
      .default("/etc/mongodb")
      .meta({
        description:
          "Folder in which the app mounts the Secret: the connection string names the file tls-combined.pem there. " +
          "Defaults to /etc/mongodb.",
        maxLength: 1024,
        ...rules({
          rule: "self.matches(r'^(/[^/\\p{Cc}]+)+/?$') && !self.matches(r'/[.][.]?(/|$)')",
          message: "mountPath must be an absolute path without . and .., such as /etc/mongodb",
        }),
      }),
    options: z
      .record(z.string(), z.string().meta({ maxLength: 1024 }))
      .optional()
      .meta({
        description:
          "Further options of the connection string, such as appName or maxPoolSize, as unencoded text. Defaults to none.",
        maxProperties: 32,
        ...rules(
          {
            rule: "self.all(key, key.matches('^[A-Za-z]{1,64}$'))",
            message: "an option must be a name of 1 to 64 letters, such as appName",
          },
          { rule: "self.all(key, self[key] != '')", message: "an option must have a value" },
          {
            rule: `self.all(key, !(key.lowerAscii() in [${RESERVED_OPTIONS.map((option) => `'${option.toLowerCase()}'`).join(", ")}]))`,
            message: `the operator sets these options, or they do not go with X.509: ${RESERVED_OPTIONS.join(", ")}`,
          },
        ),
      }),
  })
  .meta({
    description:
      "Connection string to store under the key connectionString, for drivers that read the certificate from a PEM file " +
      "(not for Java). Defaults to none.",
    ...rules(
      {
        rule: `self.scheme != 'mongodb+srv' || self.host.matches('^${LABEL}([.]${LABEL}){2,}$')`,
        message:
          "host must be one full host name without a port, such as cluster0.abcde.mongodb.net, if the scheme is mongodb+srv",
        fieldPath: ".host",
      },
      {
        rule: `self.scheme != 'mongodb' || self.host.matches('^${HOST_AND_PORT}(,${HOST_AND_PORT})*$')`,
        message: "host must be a host name, optionally with a port, or several of them separated by commas",
        fieldPath: ".host",
      },
    ),
  });
