import type { Grant } from "../../../../api/project-x509.ts";
import { parseUserName, type UserName, userNameKey } from "./user-name.ts";

/** A certificate that a resource asks for through a project. */
export interface GrantRequest {
  readonly namespace: string;
  /** Labels of the namespace; undefined while they are not known. */
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly username: string;
  readonly months: number;
}

type GrantRefusal =
  /** No grant names this namespace and this user. */
  | { readonly because: "notNamed" }
  /** Only a grant with a selector may name them, and the labels of the namespace are not known. */
  | { readonly because: "labelsUnknown" }
  | { readonly because: "months"; readonly most: number }
  | { readonly because: "resources"; readonly most: number };

export type GrantVerdict =
  | { readonly kind: "granted"; readonly grant: Grant }
  | ({ readonly kind: "refused" } & GrantRefusal);

/**
 * The first grant of which every field matches; if there is none, what the nearest one lacks.
 *
 * @param olderUses number of older resources of the namespace that use a grant; asked only of a grant with a limit
 */
export function matchGrants(
  grants: readonly Grant[],
  request: GrantRequest,
  olderUses: (grant: Grant) => number,
): GrantVerdict {
  const name = parseUserName(request.username);
  let nearest: GrantRefusal = { because: "notNamed" };
  for (const grant of name === undefined ? [] : grants) {
    if (name === undefined || !namesUser(grant, name, request.namespace)) continue;
    const isNamed = namesNamespace(grant, request);
    if (isNamed === false) continue;
    const refusal = isNamed === undefined ? LABELS_UNKNOWN : limitReached(grant, request, olderUses);
    if (refusal === undefined) return { kind: "granted", grant };
    if (NEARNESS.indexOf(refusal.because) > NEARNESS.indexOf(nearest.because)) nearest = refusal;
  }
  return { kind: "refused", ...nearest };
}

const LABELS_UNKNOWN: GrantRefusal = { because: "labelsUnknown" };

const NEARNESS: readonly GrantRefusal["because"][] = ["notNamed", "months", "resources", "labelsUnknown"];

/** Undefined while that is not known. */
function namesNamespace({ namespaces, namespaceSelector }: Grant, request: GrantRequest): boolean | undefined {
  if (namespaces !== undefined && !namespaces.includes(request.namespace)) return false;
  if (namespaceSelector === undefined) return namespaces !== undefined;
  const { labels } = request;
  if (labels === undefined) return undefined;
  return Object.entries(namespaceSelector.matchLabels).every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  );
}

function namesUser({ usernames, distinguishedNames }: Grant, name: UserName, namespace: string): boolean {
  if (usernames === undefined && distinguishedNames === undefined) return false;
  const isPlain =
    usernames === undefined || (name.kind === "plain" && usernames.some((one) => fits(one, name.name, namespace)));
  const isDistinguished =
    distinguishedNames === undefined ||
    (name.kind === "distinguished" && distinguishedNames.some((one) => isSameName(one, name)));
  return isPlain && isDistinguished;
}

function fits(pattern: string, name: string, namespace: string): boolean {
  return globMatches(pattern.replaceAll("{namespace}", namespace), name);
}

function isSameName(text: string, name: UserName): boolean {
  const granted = parseUserName(text);
  return granted?.kind === "distinguished" && userNameKey(granted) === userNameKey(name);
}

function limitReached(
  grant: Grant,
  { months }: GrantRequest,
  olderUses: (grant: Grant) => number,
): GrantRefusal | undefined {
  const { maxMonths, maxResources } = grant;
  if (months > maxMonths) return { because: "months", most: maxMonths };
  if (maxResources === undefined || olderUses(grant) < maxResources) return undefined;
  return { because: "resources", most: maxResources };
}

/**
 * Whether a text matches a pattern in which `*` stands for any number of characters. In time proportional to the product
 * of both lengths at most, whatever the pattern.
 */
export function globMatches(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resumeAt = 0;
  for (let index = 0; index < text.length; ) {
    if (pattern[at] === "*") {
      star = at++;
      resumeAt = index;
    } else if (pattern[at] === text[index]) {
      at++;
      index++;
    } else if (star !== -1) {
      // The last star takes one more.
      at = star + 1;
      index = ++resumeAt;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}
