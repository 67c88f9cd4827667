import { byAge } from "../../../../api/by-age.ts";
import type { UserCertificate } from "../../../../api/parse-user-certificate.ts";
import { parseUserName, userNameKey } from "./user-name.ts";

interface Rivalry {
  /** Resources, of whatever namespace, that name the same AtlasProjectX509 and the same user. */
  readonly rivals: readonly UserCertificate[];
  readonly projectId: string;
  /** Whether a resource is granted the user. */
  readonly isGranted: (resource: UserCertificate) => boolean;
}

/** Whether a living resource of another namespace, that is granted the same user, had it first. */
export function isTaken(resource: UserCertificate, { isGranted, projectId, rivals }: Rivalry): boolean {
  return rivals.some(
    (other) =>
      other.namespace !== resource.namespace &&
      !other.deleting &&
      hadFirst(projectId, other, resource) &&
      isGranted(other),
  );
}

/**
 * The first that was issued a certificate of the user; before there is one, the older resource. Age alone would let a
 * tenant take a user that another one has had for long, by renaming an old resource.
 */
function hadFirst(projectId: string, left: UserCertificate, right: UserCertificate): boolean {
  const [leftSince, rightSince] = [left, right].map((one) => issuedSince(projectId, one));
  return leftSince === rightSince ? byAge(left, right) < 0 : (leftSince ?? "~") < (rightSince ?? "~");
}

/** When a resource was first issued a certificate of the user that it names, as far as its status remembers. */
function issuedSince(projectId: string, { spec, status }: UserCertificate): string | undefined {
  const { issuance, recentIssuances = [] } = status;
  const own = parseUserName(spec.username);
  const attempt = issuance && { time: issuance.startedAt, projectId: issuance.projectId, username: issuance.username };
  return [...recentIssuances, ...(attempt ? [attempt] : [])]
    .filter((entry) => {
      const name = entry.username === undefined ? undefined : parseUserName(entry.username);
      return entry.projectId === projectId && name && own && userNameKey(name) === userNameKey(own);
    })
    .map(({ time }) => time)
    .toSorted()[0];
}
