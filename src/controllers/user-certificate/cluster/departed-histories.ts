import type { UserCertificate } from "../../../api/parse-user-certificate.ts";
import type { Issuance, RecentIssuance } from "../../../api/user-certificate-status.ts";
import { DAY_MS } from "../../../clock.ts";
import { type User, userKey } from "../core/model/user.ts";

interface Departed {
  readonly atMs: number;
  readonly issuances: readonly RecentIssuance[];
  readonly attempts: readonly Issuance[];
  /** Serial number of the certificate that replaced an unlisted one, if no list has held it. */
  readonly unconfirmed: string | undefined;
}

/**
 * Certificates that deleted resources had issued, by database user, for a day. They count toward the user's limits even
 * while Atlas' list lags behind. After a restart the list alone tells.
 */
export class DepartedHistories {
  readonly #byUser = new Map<string, readonly Departed[]>();

  /** @param nowMs milliseconds since the epoch */
  note({ spec, status }: UserCertificate, nowMs: number): void {
    const { issuance, recentIssuances: issuances = [], unlisted } = status;
    if (issuance === undefined && issuances.length === 0) return;
    const attempts = issuance === undefined ? [] : [issuance];
    const unconfirmed = unlisted?.replaced === true ? unlisted.serialNumber : undefined;
    this.#byUser.set(userKey(spec), [...this.of(spec, nowMs), { atMs: nowMs, issuances, attempts, unconfirmed }]);
  }

  /** @param nowMs milliseconds since the epoch */
  of(user: User, nowMs: number): readonly Departed[] {
    const key = userKey(user);
    const recent = (this.#byUser.get(key) ?? []).filter(({ atMs }) => nowMs - atMs < DAY_MS);
    if (recent.length === 0) this.#byUser.delete(key);
    else this.#byUser.set(key, recent);
    return recent;
  }
}
