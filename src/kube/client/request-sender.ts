import type { IncomingMessage } from "node:http";
import { askedWaitMs } from "../../backoff.ts";
import type { Clock } from "../../clock.ts";
import { Deadline } from "../../deadline.ts";
import { KubeConfigError } from "../config/kube-config.ts";
import type { CallOptions } from "../kube-api.ts";
import { KubeError } from "../kube-error.ts";
import { parseJson, readText } from "./answer-body.ts";
import type { HttpExchange, HttpTransport } from "./http-transport.ts";
import type { RequestBudget } from "./request-budget.ts";
import { type KubeRequest, verbOf } from "./requests.ts";
import { errorOfAnswer } from "./status-answer.ts";

export interface RequestSenderOptions {
  readonly transport: HttpTransport;
  readonly budget: RequestBudget;
  readonly userAgent: string;
  /** Deadline of a call in milliseconds, and of a watch until it is accepted. */
  readonly timeoutMs: number;
  /** The largest answer that is read, in bytes. */
  readonly maxAnswerBytes: number;
  /** Called after each request that was sent, repeated ones included. It must not throw. */
  readonly onExchange?: ((exchange: KubeExchange) => void) | undefined;
  readonly clock: Clock;
  readonly random: () => number;
}

/** One request to the API server, for metrics. */
export interface KubeExchange {
  /** get, list, watch, create or patch. */
  readonly verb: string;
  /** HTTP status; undefined where no answer came. */
  readonly code: number | undefined;
}

/** How often one call is sent when the API server answers 429: it has refused before doing anything. */
const MAX_SENDS = 5;

/** Sends requests and repeats those that the API server refused before it did anything. Every failure becomes a KubeError. */
export class RequestSender {
  readonly #options: RequestSenderOptions;
  readonly #underWay = new Set<Deadline>();
  #closed: Error | undefined;

  constructor(options: RequestSenderOptions) {
    this.#options = options;
  }

  /** @param read reads the body of an answer of success */
  async answer<A>(
    request: KubeRequest,
    options: CallOptions,
    read: (response: IncomingMessage) => Promise<A>,
  ): Promise<A> {
    const deadline = this.begin(options);
    try {
      return await read(await this.send(request, options, deadline.signal));
    } catch (error: unknown) {
      throw this.translate(error, request, deadline);
    } finally {
      this.end(deadline);
    }
  }

  /** Resolves with an answer of success, its body unread. Throws KubeError for every other answer. */
  async send(request: KubeRequest, options: CallOptions, signal: AbortSignal): Promise<IncomingMessage> {
    const exchange: HttpExchange = {
      method: request.method,
      path: request.path,
      headers: { ...request.headers, "user-agent": this.#options.userAgent },
      body: request.body,
      lane: request.isWatch || options.urgent ? "own" : "shared",
    };
    let mayAuthenticateAgain = true;
    for (let sends = 1; ; sends += 1) {
      if (!options.urgent) await this.#options.budget.take(signal);
      const response = await this.#exchange(request, exchange, signal);
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) return response;
      const text = await readText(response, this.#options.maxAnswerBytes, request.operation);
      const error = errorOfAnswer(
        request.operation,
        { status, body: parseJson(text), retryAfter: response.headers["retry-after"] },
        this.#options.clock.now(),
      );
      if (error.reason === "Unauthorized" && mayAuthenticateAgain) {
        // The token has been replaced since it was read. Nothing was done, so sending again is safe for every method.
        mayAuthenticateAgain = false;
        this.#options.transport.distrust();
        continue;
      }
      const waitMs = askedWaitMs(error.retryAfterMs ?? Number.POSITIVE_INFINITY, this.#options.random());
      // A wait that takes much of the deadline is the caller's to wait, who knows what else there is to do.
      if (error.reason !== "TooManyRequests" || sends === MAX_SENDS || waitMs * 3 > this.#timeoutOf(options)) {
        throw error;
      }
      await this.#options.clock.sleep(waitMs, signal);
    }
  }

  async #exchange(request: KubeRequest, exchange: HttpExchange, signal: AbortSignal) {
    let code: number | undefined;
    try {
      const response = await this.#options.transport.send(exchange, signal);
      code = response.statusCode;
      return response;
    } finally {
      this.#options.onExchange?.({ verb: verbOf(request), code });
    }
  }

  /** The error of a call, as callers know errors of the API server. */
  translate(error: unknown, request: KubeRequest, deadline: Deadline): unknown {
    const { operation } = request;
    if (error instanceof KubeError) return error;
    if (deadline.expired) {
      this.#options.transport.distrust();
      return new KubeError({ reason: "Timeout", operation, explanation: "no answer in time", cause: error });
    }
    if (deadline.signal.aborted) return deadline.signal.reason;
    if (error instanceof KubeConfigError) {
      return new KubeError({ reason: "Unauthorized", operation, explanation: error.message, cause: error });
    }
    this.#options.transport.distrust();
    return new KubeError({ reason: "Network", operation, explanation: networkSentence(error), cause: error });
  }

  #timeoutOf(options: CallOptions): number {
    return options.timeoutMs ?? this.#options.timeoutMs;
  }

  /** Starts the deadline of a call; `end` stops it. */
  begin(options: CallOptions): Deadline {
    if (this.#closed !== undefined) throw this.#closed;
    const deadline = new Deadline(this.#options.clock, this.#timeoutOf(options), options.signal);
    this.#underWay.add(deadline);
    return deadline;
  }

  end(deadline: Deadline): void {
    this.#underWay.delete(deadline);
    deadline.clear();
  }

  /** The next request opens a new connection: this one may be dead. */
  distrust(): void {
    this.#options.transport.distrust();
  }

  /** Ends every call and watch under way and closes the connections. */
  close(): void {
    this.#closed = new Error("the Kubernetes client is closed");
    for (const deadline of this.#underWay) {
      deadline.abort(this.#closed);
    }
    this.#options.transport.close();
  }
}

/** Describes a failed connection. Node's error code says more than its message, which is often empty. */
function networkSentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  return [code, error.message].filter((part) => part !== undefined && part !== "").join(": ");
}
