import { X509AuthenticationApi } from "../../src/index.ts";
import { SensitiveText } from "../../src/sensitive-text.ts";
import { SimulatorClient } from "../../src/simulator/client.ts";
import type { Credentials } from "../../src/simulator/fixtures.ts";
import { type Simulator, type SimulatorOptions, startSimulator } from "../../src/simulator/simulator.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";

export const PROJECT = "32b6e34b3d91647abb20e7b8";
export const USER = { groupId: PROJECT, username: "orders-api" };

/** The library in front of the simulator, both under one clock that stands still. */
export class SimulatedAtlas implements AsyncDisposable {
  readonly atlas: Simulator;
  readonly clock: ManualClock;
  readonly controls: SimulatorClient;
  readonly #apis: X509AuthenticationApi[] = [];

  private constructor(atlas: Simulator, clock: ManualClock) {
    this.atlas = atlas;
    this.clock = clock;
    this.controls = new SimulatorClient(atlas.adminUrl);
  }

  static async start(options: SimulatorOptions = {}): Promise<SimulatedAtlas> {
    const clock = new ManualClock({ skipUpToMs: 20_000 });
    return new SimulatedAtlas(await startSimulator({ clock, keyAlgorithm: "ec-p256", ...options }), clock);
  }

  /** An api object with the credentials of this kind and role. */
  api(kind: Credentials["kind"], role: Credentials["role"] = "GROUP_OWNER"): X509AuthenticationApi {
    const account = this.atlas.credentials.find((each) => each.kind === kind && each.role === role);
    if (account === undefined) throw new Error(`the simulator has no ${kind} with the role ${role}`);
    const api = new X509AuthenticationApi({
      credentials:
        account.kind === "serviceAccount"
          ? { kind: account.kind, clientId: account.clientId, clientSecret: new SensitiveText(account.clientSecret) }
          : {
              kind: "apiKeys",
              publicApiKey: account.publicApiKey,
              privateApiKey: new SensitiveText(account.privateApiKey),
            },
      baseUrl: this.atlas.url,
      clock: this.clock,
      learnRateLimits: false,
    });
    this.#apis.push(api);
    return api;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const api of this.#apis) await api.close();
    await this.atlas.close();
  }
}
