import type { UserCertificate } from "../../../api/parse-user-certificate.ts";
import { type Clock, DAY_MS } from "../../../clock.ts";
import type { DepartedHistory } from "../core/decide/others-of-user.ts";
import { recordedUsers, type User, userKey } from "../core/model/user.ts";

interface Departed extends DepartedHistory {
  /** Monotonic: a clock that is set must not make a day of what has just been deleted. */
  readonly atMs: number;
}

/**
 * Certificates that deleted resources had issued, by database user, for a day. They count toward the user's limits even
 * while Atlas' list lags behind. After a restart the list alone tells.
 */
export class DepartedHistories {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #byUser = new Map<string, readonly Departed[]>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  note({ spec, status }: Pick<UserCertificate, "spec" | "status">): void {
    const { issuance, recentIssuances: issuances = [], unlisted } = status;
    const attempts = issuance === undefined ? [] : [issuance];
    const unconfirmed = unlisted?.replaced === true ? unlisted.serialNumber : undefined;
    const departed = { atMs: this.#clock.monotonic(), issuances, attempts, unconfirmed };
    // An entry of a certificate that was there before its resource names no user.
    const keys = new Set([spec, ...recordedUsers(status)].map(userKey));
    for (const key of keys) this.#byUser.set(key, [...this.#recent(key), departed]);
  }

  of(user: User): readonly Departed[] {
    return this.#recent(userKey(user));
  }

  #recent(key: string): readonly Departed[] {
    const nowMs = this.#clock.monotonic();
    const recent = (this.#byUser.get(key) ?? []).filter(({ atMs }) => nowMs - atMs < DAY_MS);
    if (recent.length === 0) this.#byUser.delete(key);
    else this.#byUser.set(key, recent);
    return recent;
  }
}
