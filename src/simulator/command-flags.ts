import { parseDurationMs } from "../api/duration.ts";
import {
  choiceFlag,
  describeFlags,
  durationFlag,
  environmentVariable,
  type Flag,
  switchFlag,
  textFlag,
  UsageError,
  wholeNumberFlag,
} from "../flags.ts";
import { KEY_ALGORITHMS } from "./certificate-authority.ts";
import { DIGEST_ALGORITHMS } from "./digest.ts";
import type { RateLimit } from "./rate-limit.ts";

const PORTS = { least: 0, most: 65_535 };

/** The flags of `simulate`, in the order of `--help`: where it listens, what it holds, how it issues, how strict it is. */
export const SIMULATE_FLAGS = {
  host: textFlag("ADDRESS", "Address of the API.", "127.0.0.1"),
  port: wholeNumberFlag("Port of the API. 0 picks a free port.", 0, PORTS),
  tls: switchFlag("Serve HTTPS. The CA file then also holds the CA certificate of the server.", false),
  "tls-cert-file": textFlag(
    "FILE",
    "PEM certificates to serve HTTPS with, the server's own first. Requires --tls-key-file.",
  ),
  "tls-key-file": textFlag("FILE", "PEM private key to serve HTTPS with. Requires --tls-cert-file."),
  "ca-file": textFlag(
    "FILE",
    "File to write the CA certificates to. Defaults to a temporary file that is removed on exit.",
  ),
  "admin-host": textFlag("ADDRESS", "Address of the control API, which requires no credentials.", "127.0.0.1"),
  "admin-port": wholeNumberFlag("Port of the control API. 0 picks a free port.", 0, PORTS),
  fixtures: textFlag(
    "FILE",
    "JSON file with projects, database users and credentials. Defaults to two sample projects.",
  ),
  month: durationFlag("Length of a month. Defaults to calendar months.", undefined),
  "key-algorithm": choiceFlag("Key algorithm of the certificates.", KEY_ALGORITHMS, "rsa-2048"),
  "certificate-limit": wholeNumberFlag(
    "Maximum number of unexpired certificates of a user. Defaults to no limit.",
    undefined,
    {
      least: 1,
      most: 999_999_999,
    },
  ),
  "rate-limit": rateLimitFlag("Rate limit of each project, as CAPACITY/REFILL/INTERVAL, or unlimited.", "1200/500/60s"),
  "digest-algorithm": choiceFlag("Hash algorithm of HTTP Digest.", DIGEST_ALGORITHMS, "MD5"),
  "role-missing-status": choiceFlag("HTTP status of the error for a missing role.", ["403", "401"], "403"),
};

export const SIMULATE_USAGE = `Usage: atlas-cert-operator simulate [flags]

Runs a simulated Atlas that issues real X.509 certificates, for demos and tests. Once ready, it
prints one line of JSON: {"url", "adminUrl", "projects", "credentials", "caFile"}.
\`curl ADMIN_URL\` lists the controls of the control API.

Each flag can be set by an environment variable, such as ${environmentVariable("rate-limit")} for --rate-limit.

Flags:
${describeFlags(SIMULATE_FLAGS)}
  --help
      Print this help and exit.
`;

function rateLimitFlag(description: string, standard: string): Flag<RateLimit | "unlimited"> {
  return {
    placeholder: "LIMIT",
    description,
    default: standard,
    parse: (text) => {
      if (text === "unlimited") return text;
      const [, capacity, refill, interval] = /^([1-9]\d{0,8})\/([1-9]\d{0,8})\/([^/]+)$/.exec(text) ?? [];
      const intervalMs = parseDurationMs(interval ?? "");
      if (intervalMs !== undefined && intervalMs > 0 && intervalMs % 1000 === 0) {
        return { capacity: Number(capacity), refill: Number(refill), refillDurationSeconds: intervalMs / 1000 };
      }
      throw new UsageError(
        `must be capacity/refill/interval in whole seconds, such as 1200/500/60s, or unlimited, not ${JSON.stringify(text)}`,
      );
    },
  };
}
