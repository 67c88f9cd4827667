import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import type { KubeConfig } from "../../../src/kube/config/kube-config.ts";
import { readCredentials } from "../../control-plane/control-plane.ts";
import type { Scene } from "../operator/scene.ts";
import { temporaryFile } from "../temporary-file.ts";

/** Which request to stop, and whether the API server has done it by then. */
export interface Stop {
  readonly method: "GET" | "POST" | "PATCH";
  /** Of the path with its query. */
  readonly path: RegExp;
  /** @default any */
  readonly body?: RegExp;
  /** `request`: the API server has not seen it. `answer`: it is done, and nobody knows. */
  readonly at: "request" | "answer";
}

/** A request that is stopped, once it comes. */
export interface Stopped {
  /** Resolves when it has come. */
  readonly reached: Promise<void>;
  /** Lets it go its way, even where its sender is gone by now. */
  letGo(): void;
}

/** The account whose rights are behind the gate, and a kubeconfig of its API server. */
export type GateOwner = Pick<Scene, "kubeconfigPath"> & { readonly account: Pick<Scene["account"], "token"> };

interface Armed extends Stop {
  readonly reached: PromiseWithResolvers<void>;
  readonly gone: PromiseWithResolvers<void>;
}

/**
 * A door to the API server, in plain HTTP so that it can read what passes, with the rights of the scene's operator. It
 * stops single requests at the very place where a process is to die.
 */
export class RequestGate implements AsyncDisposable {
  /** What has passed, answered: method, path without query, and status. */
  readonly passed: { readonly method: string; readonly path: string; readonly status: number }[] = [];
  readonly #target: URL;
  readonly #token: string;
  readonly #agent: Agent;
  readonly #server: Server;
  readonly #armed = new Set<Armed>();

  private constructor(server: string, ca: string, token: string) {
    this.#target = new URL(server);
    this.#token = token;
    this.#agent = new Agent({ ca, keepAlive: true, timeout: 45_000 });
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async open({ account, kubeconfigPath }: GateOwner): Promise<RequestGate> {
    const { server, caPem } = readCredentials(kubeconfigPath);
    const gate = new RequestGate(server, caPem, await account.token());
    await new Promise<void>((resolve) => gate.#server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => gate[Symbol.asyncDispose]());
    return gate;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** For an operator in this process. */
  get kubeConfig(): KubeConfig {
    const authenticate = async () => ({ headers: {}, tls: {} });
    return { server: new URL(this.url), source: "gate", namespace: undefined, authenticate };
  }

  /** For an operator in a process of its own: the path of a kubeconfig, which goes with the test. */
  async kubeconfigFile(namespace?: string): Promise<string> {
    const config = {
      clusters: [{ name: "gate", cluster: { server: this.url, "insecure-skip-tls-verify": true } }],
      users: [{ name: "nobody", user: {} }],
      contexts: [
        { name: "gate", context: { cluster: "gate", user: "nobody", ...(namespace !== undefined && { namespace }) } },
      ],
      "current-context": "gate",
    };
    // JSON is YAML.
    return temporaryFile("kubeconfig", JSON.stringify(config));
  }

  /** Stops the next request that fits, once. */
  stop(stop: Stop): Stopped {
    const armed: Armed = { ...stop, reached: Promise.withResolvers(), gone: Promise.withResolvers() };
    this.#armed.add(armed);
    return { reached: armed.reached.promise, letGo: () => armed.gone.resolve() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request;
    let body: Buffer;
    try {
      body = await buffer(request);
    } catch {
      // Its sender died in the middle.
      return;
    }
    const stop = this.#take(method, url, body);
    await this.#wait(stop, "request");
    const { hostname, port, host } = this.#target;
    const upstream = httpsRequest({
      agent: this.#agent,
      hostname,
      port,
      method,
      path: url,
      headers: { ...headers, host, authorization: `Bearer ${this.#token}` },
    });
    upstream.on("error", () => response.destroy());
    // A watch ends with its reader; what was let go late has none.
    if (!response.closed) response.on("close", () => upstream.destroy());
    upstream.on("response", (answer) => void this.#answer(stop, { method, url }, answer, response));
    upstream.end(body);
  }

  async #answer(
    stop: Armed | undefined,
    { method, url }: { readonly method: string; readonly url: string },
    answer: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    answer.on("error", () => response.destroy());
    this.passed.push({ method, path: url.split("?", 1)[0] ?? "", status: answer.statusCode ?? 0 });
    await this.#wait(stop, "answer");
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.flushHeaders();
    answer.pipe(response);
  }

  #take(method: string, url: string, body: Buffer): Armed | undefined {
    for (const armed of this.#armed) {
      if (armed.method === method && armed.path.test(url) && (armed.body?.test(body.toString("utf8")) ?? true)) {
        this.#armed.delete(armed);
        return armed;
      }
    }
    return undefined;
  }

  async #wait(stop: Armed | undefined, at: Stop["at"]): Promise<void> {
    if (stop?.at !== at) return;
    stop.reached.resolve();
    await stop.gone.promise;
  }
}

/** The writes of an issuance, as they pass the gate. */
export const WRITES = {
  preflight: { method: "POST", path: /\/secrets\?.*dryRun=All/ },
  record: { method: "PATCH", path: /\/atlasusercertificates\/[^/]+\/status/, body: /"issuance":\{/ },
  write: { method: "POST", path: /\/secrets\?(?!.*dryRun)/ },
  rewrite: { method: "PATCH", path: /\/secrets\/[^/?]+\?(?!.*dryRun)/ },
  close: { method: "PATCH", path: /\/atlasusercertificates\/[^/]+\/status/, body: /"issuance":null/ },
} as const satisfies Record<string, Omit<Stop, "at">>;
