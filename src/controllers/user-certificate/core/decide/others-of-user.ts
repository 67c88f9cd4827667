import type { UserCertificate } from "../../../../api/parse-user-certificate.ts";
import type { Issuance, RecentIssuance } from "../../../../api/user-certificate-status.ts";
import type { OthersOfUser } from "../model/snapshot.ts";
import { isSameUser, type User } from "../model/user.ts";
import { isOfUser } from "./history.ts";

/** The certificates of a resource that was deleted. */
export interface DepartedHistory {
  readonly issuances: readonly RecentIssuance[];
  readonly attempts: readonly Issuance[];
  /** Serial number of the certificate that replaced an unlisted one, if no list has held it. */
  readonly unconfirmed: string | undefined;
}

interface Neighbours {
  /** Resources that name a user, or whose status records certificates of it. */
  readonly ofUser: (user: User) => readonly UserCertificate[];
  /** The recently deleted ones of the user that the spec names. */
  readonly departed: readonly DepartedHistory[];
}

/** The certificates and attempts of a user that other resources account for. */
export function othersOfUser({ spec, status, uid }: UserCertificate, { departed, ofUser }: Neighbours): OthersOfUser {
  const { issuance } = status;
  const others = (user: User) => ofUser(user).filter((other) => other.uid !== uid);
  const all = others(spec);
  const same = all.filter((other) => isSameUser(other.spec, spec) && !other.deleting);
  const explaining = issuance === undefined || isSameUser(issuance, spec) ? all : [...all, ...others(issuance)];
  return {
    count: same.length,
    // One may name another user by now, or have named another one when its attempt began.
    issuances: [
      ...all.flatMap((other) => other.status.recentIssuances ?? []),
      ...departed.flatMap((one) => one.issuances),
    ].filter((entry) => isOfUser(entry, spec)),
    attempts: [
      ...all.flatMap((other) => livingAttempt(other) ?? []),
      ...departed.flatMap((one) => one.attempts),
    ].filter((attempt) => isSameUser(attempt, spec)),
    unconfirmed: departed.flatMap((one) => one.unconfirmed ?? []),
    explained: new Set(explaining.flatMap(accountedSerials)),
  };
}

function livingAttempt({ status, deleting }: UserCertificate): Issuance | undefined {
  return deleting ? undefined : status.issuance;
}

function accountedSerials({ status }: UserCertificate): readonly string[] {
  const { issuance, recentIssuances = [], serialNumber } = status;
  const held = recentIssuances.filter(({ lost }) => lost === undefined).map((entry) => entry.serialNumber);
  return [serialNumber, issuance?.parked?.serialNumber, ...held].filter((serial) => serial !== undefined);
}
