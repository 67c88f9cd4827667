import type { AtlasOperation } from "../atlas/errors/atlas-error.ts";
import type { AtlasAnswer } from "../atlas/transport/exchange-handler.ts";
import { AtlasTransport, type AtlasTransportOptions } from "../atlas/transport/transport.ts";
import type { Clock } from "../clock.ts";
import type { AtlasExchange } from "../telemetry/metrics.ts";

type Request = Parameters<AtlasTransport["exchange"]>[0];

export interface MeasuredTransportOptions extends AtlasTransportOptions {
  readonly clock: Clock;
  readonly onExchange: (exchange: AtlasExchange) => void;
}

/** Connections to Atlas that report every exchange: what Atlas saw, repeated tries and authentication included. */
export class MeasuredTransport extends AtlasTransport {
  readonly #clock: Clock;
  readonly #onExchange: (exchange: AtlasExchange) => void;

  constructor(options: MeasuredTransportOptions) {
    super(options);
    this.#clock = options.clock;
    this.#onExchange = options.onExchange;
  }

  override async exchange(request: Request): Promise<AtlasAnswer> {
    const startedAt = this.#clock.monotonic();
    let status: number | undefined;
    try {
      const answer = await super.exchange(request);
      status = answer.status;
      return answer;
    } finally {
      const durationMs = this.#clock.monotonic() - startedAt;
      this.#onExchange({ operation: operationOf(request), projectId: projectIdOf(request), status, durationMs });
    }
  }
}

/** For those who count by projects that Atlas has confirmed: users can name any. */
function projectIdOf({ path }: Pick<Request, "path">): string | undefined {
  return /^\/api\/atlas\/v2\/groups\/([0-9a-f]{24})\//.exec(path)?.[1];
}

/** By the shape of the path alone: project and user must not get into a label. */
export function operationOf({ method, path }: Pick<Request, "method" | "path">): AtlasOperation | "other" {
  const [route = ""] = path.split("?");
  if (route === "/api/oauth/token") return "authenticate";
  if (route === "/api/atlas/v2/rateLimits") return "listRateLimits";
  if (/\/databaseUsers\/[^/]+\/certs$/.test(route)) {
    return method === "GET" ? "listDatabaseUserCertificates" : "createDatabaseUserCertificate";
  }
  if (route.endsWith("/userSecurity")) return "getUserSecurity";
  return route.endsWith("/userSecurity/customerX509") ? "disableCustomerManagedX509" : "other";
}
