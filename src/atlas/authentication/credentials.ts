import { createHmac, randomBytes } from "node:crypto";
import { SensitiveText } from "../../sensitive-text.ts";

/**
 * How to prove to Atlas who is calling: a service account (OAuth 2.0 client credentials, what Atlas recommends) or an
 * API key pair (HTTP Digest, legacy).
 */
export type AtlasCredentials =
  | { readonly kind: "serviceAccount"; readonly clientId: string; readonly clientSecret: SensitiveText }
  | { readonly kind: "apiKeys"; readonly publicApiKey: string; readonly privateApiKey: SensitiveText };

/** The result of `parseCredentials`: credentials, or a sentence that says what is wrong with the entries. */
export type ParsedCredentials =
  | { readonly ok: true; readonly credentials: AtlasCredentials }
  | { readonly ok: false; readonly problem: string };

const SERVICE_ACCOUNT = ["clientId", "clientSecret"] as const;
const API_KEYS = ["publicApiKey", "privateApiKey"] as const;
const WANTED = "clientId and clientSecret (a service account), or publicApiKey and privateApiKey (an API key pair)";

/** The format of the public parts. Atlas uses 24 hex digits after the prefix, and eight lower-case letters. */
const PUBLIC_CLIENT_ID = /^mdb_sa_id_[0-9a-z]{1,40}$/i;
const PUBLIC_API_KEY = /^[a-z]{1,16}$/;

/** The format of the secret parts, which a public field can hold only by mistake. */
const IS_SECRET = {
  clientId: /^mdb_sa_sk_/i,
  publicApiKey: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
} as const;

/**
 * Reads credentials from the decoded entries of a Secret or of an environment. The names are those of the Atlas
 * Kubernetes Operator's Secrets; other entries (such as its `orgId`) are ignored. Blanks and line breaks around a value
 * are trimmed: `kubectl create secret --from-file` and `echo | base64` leave one behind.
 *
 * @returns the credentials, or one sentence that names the keys it looked for and never a value
 */
export function parseCredentials(entries: Readonly<Record<string, string | undefined>>): ParsedCredentials {
  const refuse = (problem: string): ParsedCredentials => ({ ok: false, problem });
  const has = (key: string): boolean => entries[key] !== undefined;

  const serviceAccount = SERVICE_ACCOUNT.some(has);
  const apiKeys = API_KEYS.some(has);
  if (serviceAccount && apiKeys) {
    const found = [...SERVICE_ACCOUNT, ...API_KEYS].filter(has).join(", ");
    return refuse(`The credentials hold keys of both kinds (${found}); keep either ${WANTED}.`);
  }
  if (!serviceAccount && !apiKeys) return refuse(`The credentials hold neither ${WANTED.replace(", or", ", nor")}.`);

  const [name, secret] = serviceAccount ? SERVICE_ACCOUNT : API_KEYS;
  for (const [key, other] of [
    [name, secret],
    [secret, name],
  ] as const) {
    const value = entries[key];
    if (value === undefined) return refuse(`The credentials hold ${other} but not ${key}, and both are needed.`);
    const problem = problemOf(value.trim());
    if (problem !== undefined) return refuse(`The credentials' ${key} ${problem}.`);
  }
  if (!serviceAccount && entries[name]?.includes(":")) {
    return refuse(`The credentials' ${name} contains a colon, which no public API key has.`);
  }
  if (IS_SECRET[name].test(entries[name]?.trim() ?? "")) {
    return refuse(
      `The credentials' ${name} holds a secret, so the two fields are swapped; exchange the values of ${name} and ${secret}.`,
    );
  }

  const identity = entries[name]?.trim() ?? "";
  const secretText = new SensitiveText(entries[secret]?.trim() ?? "");
  return {
    ok: true,
    credentials: serviceAccount
      ? { kind: "serviceAccount", clientId: identity, clientSecret: secretText }
      : { kind: "apiKeys", publicApiKey: identity, privateApiKey: secretText },
  };
}

/**
 * The caller as a person knows it, for messages: `service account mdb_sa_id_…` or `API key abcdefgh`. They end in a
 * status, in Events and in the log: what does not look like Atlas' public part may be a secret in the wrong field, and
 * is left out.
 */
export function describeCredentials(credentials: AtlasCredentials): string {
  switch (credentials.kind) {
    case "serviceAccount":
      return PUBLIC_CLIENT_ID.test(credentials.clientId)
        ? `service account ${credentials.clientId}`
        : "the service account";
    case "apiKeys":
      return PUBLIC_API_KEY.test(credentials.publicApiKey) ? `API key ${credentials.publicApiKey}` : "the API key";
    default:
      throw new Error(credentials satisfies never);
  }
}

/** Of this process: without it, nothing can be learned from a key of credentials. */
const HASH_KEY = randomBytes(32);

/** The same text for the same credentials, in this process alone; it tells nothing of them. */
export function credentialsKey(credentials: AtlasCredentials): string {
  const parts =
    credentials.kind === "serviceAccount"
      ? [credentials.kind, credentials.clientId, credentials.clientSecret.reveal()]
      : [credentials.kind, credentials.publicApiKey, credentials.privateApiKey.reveal()];
  return createHmac("sha256", HASH_KEY).update(JSON.stringify(parts)).digest("base64url");
}

function problemOf(value: string): string | undefined {
  if (value === "") return "is empty";
  // A line break inside is a value pasted twice or still encoded, and would break a header.
  if (/\p{Cc}/u.test(value)) return "contains control characters, such as a line break in the middle";
  return undefined;
}
