import { ManualClock } from "../../testing/manual-clock.ts";
import type { AtlasCredentials } from "../authentication/credentials.ts";
import { AtlasError } from "../errors/atlas-error.ts";
import { Pacer } from "../pacing/pacer.ts";
import type { RateLimits } from "../pacing/rate-limits.ts";
import { AtlasTransport, type AtlasTransportOptions } from "../transport/transport.ts";
import { X509AuthenticationApi } from "../x509-authentication-api.ts";
import { type Reaction, type RecordedRequest, RecordingServer, tokenAnswer } from "./recording-server.ts";
import { SERVICE_ACCOUNT } from "./samples.ts";

/** Everything that a test of the client over a real connection needs, ended by `await using`. */
export class ApiUnderTest {
  readonly server: RecordingServer;
  readonly clock: ManualClock;
  readonly pacer: Pacer;
  readonly transport: AtlasTransport;
  readonly api: X509AuthenticationApi;

  private constructor(server: RecordingServer, options: ApiUnderTestOptions) {
    this.server = server;
    // Waits before another try are skipped; deadlines are not.
    this.clock = new ManualClock({ skipUpToMs: 29_000 });
    this.pacer = new Pacer({ clock: this.clock, ...(options.limits === undefined ? {} : { limits: options.limits }) });
    this.transport = new AtlasTransport({ baseUrl: server.url, clock: this.clock, ...options.transport });
    this.api = new X509AuthenticationApi({
      credentials: options.credentials ?? SERVICE_ACCOUNT,
      transport: this.transport,
      pacer: this.pacer,
      learnRateLimits: options.learnRateLimits ?? false,
      longestWaitMs: options.longestWaitMs,
      clock: this.clock,
      random: () => 0.5,
    });
  }

  static async start(options: ApiUnderTestOptions = {}): Promise<ApiUnderTest> {
    const answers = [...(options.answers ?? [])];
    const server = await RecordingServer.start((request, index) => {
      if (options.react !== undefined) return options.react(request, index);
      if (request.target === "/api/oauth/token") return tokenAnswer();
      return answers.shift() ?? ((socket) => socket.destroy());
    });
    return new ApiUnderTest(server, options);
  }

  /** The requests other than those for a token. */
  get calls(): readonly RecordedRequest[] {
    return this.server.requests.filter(({ target }) => target !== "/api/oauth/token");
  }

  get tokenRequests(): readonly RecordedRequest[] {
    return this.server.requests.filter(({ target }) => target === "/api/oauth/token");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.transport.close();
    await this.server[Symbol.asyncDispose]();
  }
}

export interface ApiUnderTestOptions {
  readonly credentials?: AtlasCredentials;
  /** Answers to the requests other than those for a token, in order; after the last, connections are cut. */
  readonly answers?: readonly Reaction[];
  /** Answers every request, that for a token too. */
  readonly react?: (request: RecordedRequest, index: number) => Reaction | Promise<Reaction>;
  readonly limits?: RateLimits;
  /** @default false: the answers are for the calls of the test alone */
  readonly learnRateLimits?: boolean;
  readonly longestWaitMs?: number;
  readonly transport?: AtlasTransportOptions;
}

/** The AtlasError that the promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<AtlasError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof AtlasError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}
