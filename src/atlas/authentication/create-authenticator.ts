import type { Clock } from "../../clock.ts";
import type { AtlasTransport } from "../transport/transport.ts";
import type { Authenticator } from "./authenticator.ts";
import { type AtlasCredentials, describeCredentials } from "./credentials.ts";
import { DigestAuthenticator } from "./digest-authenticator.ts";
import { ServiceAccountAuthenticator } from "./service-account-authenticator.ts";

/** The way to authenticate that goes with the kind of credentials. */
export function createAuthenticator(options: {
  readonly credentials: AtlasCredentials;
  readonly transport: AtlasTransport;
  readonly clock: Clock;
  readonly random: () => number;
  readonly longestWaitMs: number | undefined;
}): Authenticator {
  const { credentials, ...rest } = options;
  const common = { ...rest, caller: describeCredentials(credentials) };
  switch (credentials.kind) {
    case "serviceAccount":
      return new ServiceAccountAuthenticator({ ...common, ...credentials });
    case "apiKeys":
      return new DigestAuthenticator({ ...common, ...credentials });
    default:
      throw new Error(credentials satisfies never);
  }
}
