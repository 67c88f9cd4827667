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
  port: wholeNumberFlag("Port of the API; 0 takes a free one.", 0, PORTS),
  tls: switchFlag("Serve HTTPS. The CA file then holds the certificate of its authority too.", false),
  "tls-cert-file": textFlag(
    "FILE",
    "PEM certificates to serve HTTPS with, the server's own first. Goes with --tls-key-file.",
  ),
  "tls-key-file": textFlag("FILE", "PEM private key to serve HTTPS with. Goes with --tls-cert-file."),
  "ca-file": textFlag(
    "FILE",
    "File to write the certificates of the authorities to. Defaults to a temporary file, which is removed at the end.",
  ),
  "admin-host": textFlag("ADDRESS", "Address of the controls, which ask for no credentials.", "127.0.0.1"),
  "admin-port": wholeNumberFlag("Port of the controls; 0 takes a free one.", 0, PORTS),
  fixtures: textFlag("FILE", "Projects, database users and credentials as JSON. Defaults to two projects."),
  month: durationFlag("Length of a month. Defaults to the months of the calendar.", undefined),
  "key-algorithm": choiceFlag("Keys of the certificates.", KEY_ALGORITHMS, "rsa-2048"),
  "certificate-limit": wholeNumberFlag(
    "Maximum number of unexpired certificates of a user. Defaults to no limit.",
    undefined,
    {
      least: 1,
      most: 999_999_999,
    },
  ),
  "rate-limit": rateLimitFlag("Rate limit of each project, as CAPACITY/REFILL/INTERVAL, or unlimited.", "1200/500/60s"),
  "digest-algorithm": choiceFlag("Hash of HTTP Digest.", DIGEST_ALGORITHMS, "MD5"),
  "role-missing-status": choiceFlag("Status of the error for a missing role.", ["403", "401"], "403"),
};

export const SIMULATE_USAGE = `Usage: atlas-cert-operator simulate [flags]

Runs an Atlas that issues real X.509 certificates, for demos and tests. When it is ready it prints
one line of JSON: {"url", "adminUrl", "projects", "credentials", "caFile"}.
\`curl ADMIN_URL\` lists the controls.

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
