/** The public cloud. The government cloud is `https://cloud.mongodbgov.com`. */
export const DEFAULT_BASE_URL = "https://cloud.mongodb.com";

type BaseUrl =
  | { readonly ok: true /** Scheme, host and port, without a slash at the end. */; readonly origin: string }
  | { readonly ok: false; readonly problem: string };

const LOOPBACK_HOST = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

/**
 * Checks the address of the Atlas Administration API: https, or http to this machine only, because every request
 * carries credentials and an answer may carry a private key. A path, a query, a fragment or credentials in the address
 * are mistakes that would silently send requests elsewhere, so they are refused. The problem never quotes the text,
 * which might hold a password.
 */
export function parseBaseUrl(text: string): BaseUrl {
  const refuse = (problem: string): BaseUrl => ({ ok: false, problem: `The Atlas base URL ${problem}.` });
  // The URL parser would quietly drop blanks and turn backslashes into slashes.
  if (/[\s\\]/.test(text)) return refuse("must not contain blanks or backslashes");
  if (!URL.canParse(text)) return refuse(`is not a URL; it looks like ${DEFAULT_BASE_URL}`);
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") return refuse("must start with https://");
  if (!/^https?:\/\//i.test(text)) return refuse(`is not a URL; it looks like ${DEFAULT_BASE_URL}`);
  // An empty user name, query or fragment ("https://@host", "https://host/?") leaves no trace in the parsed URL.
  if (text.includes("@")) return refuse("must not contain credentials");
  if (text.includes("?")) return refuse("must not have a query");
  if (text.includes("#")) return refuse("must not have a fragment");
  if (url.pathname !== "/") return refuse("must not have a path");
  if (url.protocol === "http:" && !LOOPBACK_HOST.test(url.hostname)) {
    return refuse("must use https; plain http is accepted only for localhost, 127.0.0.1 and [::1]");
  }
  return { ok: true, origin: url.origin };
}
