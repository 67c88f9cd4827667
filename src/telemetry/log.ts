import { createRequire } from "node:module";
import { type DestinationStream, type Logger, pino, stdSerializers } from "pino";
import { withSources } from "./source-stacks.ts";

/** All of pino's. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** `auto` is pretty in a terminal and JSON everywhere else. */
export const LOG_FORMATS = ["auto", "json", "pretty"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly destination: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/** Names of fields that must never be printed, wherever they stand up to three levels deep. */
const SECRET_FIELDS = [
  "authorization",
  "Authorization",
  "clientSecret",
  "privateApiKey",
  "access_token",
  "password",
  "data",
  "stringData",
  "body",
  "headers",
  "pem",
  "privateKeyPem",
] as const;

/** JSON lines with times in RFC 3339. Redaction sits here, where no caller can walk around it. */
export function createLog({ level, format, destination }: LogOptions): Logger {
  const wantsPretty = format === "pretty" || (format === "auto" && destination.isTTY === true);
  const stream = (wantsPretty ? prettyStream(destination) : undefined) ?? destination;
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
        censor: "[redacted]",
      },
      serializers: { err: errorOf },
      hooks: { streamWrite: withoutKeyMaterial },
    },
    stream,
  );
}

/** As pino prints errors, with stacks in terms of the sources. */
function errorOf(error: Error) {
  const printed = stdSerializers.err(error);
  // Anything can be thrown, and pino passes what is no error on as it is.
  if (typeof printed?.stack === "string") printed.stack = withSources(printed.stack);
  return printed;
}

/** The last net: whatever a library put into a message, no PEM block of a private key leaves this process in a log. */
export function withoutKeyMaterial(line: string): string {
  return line.includes("PRIVATE KEY-----")
    ? line.replaceAll(
        /-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|(?="|$))/gs,
        "[redacted]",
      )
    : line;
}

/** For developers: pino-pretty is there where the development dependencies are, and nowhere else. */
function prettyStream(destination: NodeJS.WritableStream): DestinationStream | undefined {
  try {
    const { prettyFactory }: typeof import("pino-pretty") = createRequire(import.meta.url)("pino-pretty");
    const prettify = prettyFactory({
      colorize: true,
      translateTime: "SYS:HH:MM:ss.l",
      ignore: "pid,hostname",
      singleLine: true,
    });
    // Line by line and not through its stream, which still holds the last lines when the process ends.
    return { write: (line) => void destination.write(prettify(line)) };
  } catch (error: unknown) {
    if (error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
