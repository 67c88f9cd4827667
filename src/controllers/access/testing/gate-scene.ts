import { AtlasError, type AtlasErrorKind } from "../../../atlas/errors/atlas-error.ts";
import type { CertificateList } from "../../../atlas/paging.ts";
import type { UserSecurity } from "../../../atlas/user-security.ts";
import { SensitiveText } from "../../../sensitive-text.ts";
import { ManualClock } from "../../../testing/manual-clock.ts";
import type { AtlasApi } from "../atlas-api.ts";
import { CredentialsGate } from "../credentials-gate.ts";

export const SECRET = "shop/atlas-api";
export const RECHECK_MS = 600_000;
export const USER = { groupId: "p", username: "orders-api" };
export const EMPTY: CertificateList = { certificates: [], answeredAt: undefined };

export function refusal(kind: AtlasErrorKind, retryAfterMs?: number): AtlasError {
  const problem = `Cannot list the certificates of database user "someone-else": ${kind}.`;
  return new AtlasError({ kind, operation: "listDatabaseUserCertificates", problem, status: 401, retryAfterMs });
}

/** An Atlas whose answers the test gives, call by call. */
export class GateScene {
  readonly clock = new ManualClock({ startAt: Date.UTC(2026, 0, 1) });
  readonly gate = new CredentialsGate({ recheckIntervalMs: RECHECK_MS, clock: this.clock });
  /** Answers to the calls that Atlas has not answered yet. */
  readonly open: PromiseWithResolvers<CertificateList>[] = [];
  calls = 0;
  /** Makes Atlas answer at once. @default it answers when the test says so */
  answer: (() => CertificateList) | undefined;
  readonly #api: AtlasApi = {
    listAllDatabaseUserCertificates: async () => {
      this.calls++;
      if (this.answer !== undefined) return this.answer();
      const answer = Promise.withResolvers<CertificateList>();
      this.open.push(answer);
      return answer.promise;
    },
    createDatabaseUserCertificate: async () => {
      this.calls++;
      this.answer?.();
      return new SensitiveText("pem");
    },
    getUserSecurity: () => this.#settings(),
    disableCustomerManagedX509: () => this.#settings(),
  };

  /** The guarded API of a Secret that holds these credentials. */
  holds(content: string, secret = SECRET): AtlasApi {
    return this.gate.guard(secret, content, this.#api);
  }

  async #settings(): Promise<UserSecurity> {
    this.calls++;
    this.answer?.();
    return { customerX509: {}, answeredAt: undefined };
  }

  rejects(): this {
    this.answer = () => {
      throw refusal("credentials");
    };
    return this;
  }

  accepts(): this {
    this.answer = () => EMPTY;
    return this;
  }
}

/** The result of a call: "ok", or the error. */
export async function list(api: AtlasApi, signal?: AbortSignal): Promise<AtlasError | "ok"> {
  try {
    await api.listAllDatabaseUserCertificates(USER, { signal });
    return "ok";
  } catch (error: unknown) {
    if (error instanceof AtlasError) return error;
    throw error;
  }
}

export const many = (api: AtlasApi) => Array.from({ length: 20 }, () => list(api));
