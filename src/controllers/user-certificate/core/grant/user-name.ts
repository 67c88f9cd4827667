import { type NameAttribute, parseDistinguishedName } from "../../../../certificate/distinguished-name.ts";

/** The name of a database user, parsed. Names are compared in this form and never as text. */
export type UserName =
  | { readonly kind: "plain"; readonly name: string }
  | { readonly kind: "distinguished"; readonly attributes: readonly NameAttribute[] };

/** Characters that a server or a proxy could take for something else (`/`, `%`, `\`) are no part of a plain name. */
const PLAIN = /^[A-Za-z0-9._@-]+$/;

/** Control characters, lone surrogates, and the stand-in for bytes that are no UTF-8: different texts would be equal. */
const UNCLEAR = /[\p{C}\uFFFD]/u;

/** Undefined for a name that cannot be requested through a project. */
export function parseUserName(text: string): UserName | undefined {
  // Steps in a path.
  if (text === "." || text === "..") return undefined;
  if (PLAIN.test(text)) return { kind: "plain", name: text };
  const attributes = UNCLEAR.test(text) ? undefined : parseDistinguishedName(text);
  if (attributes === undefined || attributes.some(({ value }) => UNCLEAR.test(value))) return undefined;
  return { kind: "distinguished", attributes };
}

/** The same for names that mean the same user: in a distinguished one the order of attributes does not matter. */
export function userNameKey(name: UserName): string {
  return name.kind === "plain"
    ? name.name
    : JSON.stringify(name.attributes.map(({ type, value }) => JSON.stringify([type, value])).toSorted());
}
