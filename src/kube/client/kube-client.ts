import type { IncomingMessage } from "node:http";
import { askedWaitMs } from "../../backoff.ts";
import { type Clock, systemClock } from "../../clock.ts";
import { Deadline } from "../../deadline.ts";
import { type KubeConfig, KubeConfigError } from "../config/kube-config.ts";
import type {
  CallOptions,
  GetOptions,
  KubeApi,
  ListOptions,
  ListPage,
  MergePatchOptions,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from "../kube-api.ts";
import { KubeError } from "../kube-error.ts";
import type { Desired, KubeObject, ObjectRef, ResourceType } from "../resource-type.ts";
import { AnswerTooLarge, asObject, parseJson, readText } from "./answer-body.ts";
import { type HttpExchange, HttpTransport } from "./http-transport.ts";
import { type ReadPage, readPage } from "./list-page.ts";
import { RequestBudget } from "./request-budget.ts";
import * as requests from "./requests.ts";
import { errorOfAnswer } from "./status-answer.ts";
import { LineSplitter, parseWatchLine } from "./watch-stream.ts";
import { Watchdog } from "./watchdog.ts";

export interface KubeClientOptions {
  readonly kubeConfig: KubeConfig;
  /** Product and version, such as `atlas-cert-operator/1.2.3`. */
  readonly userAgent: string;
  /** Deadline of a call in milliseconds, and of a watch until it is accepted. @default 30000 */
  readonly timeoutMs?: number;
  /** Requests a second in the long run: a brake for a defect that goes round in circles, not for work. @default 1000 */
  readonly requestsPerSecond?: number;
  /** Requests at once after a quiet time. @default 2000 */
  readonly burst?: number;
  /** The most connections for concurrent calls; watches and the lease come on top. @default 16 */
  readonly maxConnections?: number;
  /** The largest answer that is read, in bytes. @default 67108864 (64 MiB) */
  readonly maxAnswerBytes?: number;
  /** The largest page of a list, if it has several objects, and the largest object of a list, in bytes. @default 4194304 (4 MiB) */
  readonly maxPageBytes?: number;
  /** Under which name writes are noted in managedFields, unless the call says otherwise. @default the API server's guess */
  readonly fieldManager?: string;
  /** Called after each request that was sent, repeated ones included. It must not throw. */
  readonly onExchange?: (exchange: KubeExchange) => void;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default Math.random */
  readonly random?: () => number;
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

/**
 * Objects per page of a list. What a page leaves behind makes the heap grow, and it does not shrink to what is kept: at
 * rest after a start over 5,000 resources, pages of 500 were measured at 23 MiB more of resident memory.
 */
const DEFAULT_PAGE_SIZE = 100;
const DEFAULT_SILENCE_TIMEOUT_MS = 90_000;

/** A small JSON client for the API server: shared connections, a deadline on every call, one kind of error. */
export class KubeClient implements KubeApi {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #transport: HttpTransport;
  readonly #budget: RequestBudget;
  readonly #userAgent: string;
  readonly #timeoutMs: number;
  readonly #maxAnswerBytes: number;
  readonly #maxPageBytes: number;
  readonly #fieldManager: string | undefined;
  readonly #onExchange: KubeClientOptions["onExchange"];
  readonly #underWay = new Set<Deadline>();
  #closed: Error | undefined;

  constructor(options: KubeClientOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#userAgent = options.userAgent;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#maxAnswerBytes = options.maxAnswerBytes ?? 64 * 2 ** 20;
    this.#maxPageBytes = Math.min(options.maxPageBytes ?? 2 ** 22, this.#maxAnswerBytes);
    this.#fieldManager = options.fieldManager;
    this.#onExchange = options.onExchange;
    this.#transport = new HttpTransport({
      kubeConfig: options.kubeConfig,
      clock: this.#clock,
      maxConnections: options.maxConnections ?? 16,
    });
    this.#budget = new RequestBudget({
      requestsPerSecond: options.requestsPerSecond ?? 1000,
      burst: options.burst ?? 2000,
      clock: this.#clock,
    });
  }

  async get<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef, options: GetOptions = {}): Promise<T> {
    return this.#object(requests.get(type, ref, options), options);
  }

  /**
   * Pages that would take long are asked for again with fewer objects, down to one. An object that is too large is skipped
   * and named: no one can make a list unreadable.
   */
  async *list<T extends KubeObject, R = T>(
    type: ResourceType<T>,
    options: ListOptions<T, R> = {},
  ): AsyncGenerator<ListPage<R>, void, undefined> {
    const mostItems = options.limit ?? DEFAULT_PAGE_SIZE;
    // Without one, what is kept is the object: R is T.
    const keep = options.keep ?? ((object: T) => object as unknown as R);
    const maxItemBytes = this.#maxPageBytes;
    let limit = mostItems;
    let continueToken: string | undefined;
    for (;;) {
      const request = requests.list(type, { ...options, limit }, continueToken);
      const { operation } = request;
      const maxBytes = limit > 1 ? this.#maxPageBytes : Number.POSITIVE_INFINITY;
      let answer: ReadPage<R>;
      try {
        answer = await this.#answer(request, options, (response) =>
          readPage(response, { operation, maxBytes, maxItemBytes, keep }),
        );
      } catch (error: unknown) {
        if (!(error instanceof AnswerTooLarge) || limit <= 1) throw error;
        limit = Math.ceil(limit / 2);
        continue;
      }
      yield answer.page;
      continueToken = answer.continueToken;
      if (answer.bytes * 4 < this.#maxPageBytes && limit < mostItems) limit = Math.min(mostItems, limit * 2);
      if (continueToken === undefined) return;
    }
  }

  async create<T extends KubeObject>(
    type: ResourceType<T>,
    object: Desired<T>,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#object(requests.create(type, object, this.#named(options)), options);
  }

  async mergePatch<T extends KubeObject>(
    type: ResourceType<T>,
    ref: ObjectRef,
    patch: object,
    options: MergePatchOptions = {},
  ): Promise<T> {
    return this.#object(requests.mergePatch(type, ref, patch, this.#named(options)), options);
  }

  async *watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const request = requests.watch(type, options);
    const { operation } = request;
    const deadline = this.#begin(options);
    const watchdog = new Watchdog(this.#clock, options.silenceTimeoutMs ?? DEFAULT_SILENCE_TIMEOUT_MS);
    try {
      const response = await this.#send(request, options, deadline.signal);
      deadline.stopTimer();
      watchdog.start(() => response.destroy());
      yield { type: "OPENED" };
      const splitter = new LineSplitter();
      for await (const chunk of response) {
        watchdog.feed();
        for (const line of splitter.push(chunk)) {
          yield parseWatchLine<T>(line, operation, this.#clock.now());
        }
        if (splitter.pending > this.#maxAnswerBytes) {
          throw new KubeError({ reason: "BadAnswer", operation, explanation: "a line of the watch is too long" });
        }
      }
      if (splitter.pending > 0) {
        throw new KubeError({ reason: "Network", operation, explanation: "the watch was cut in the middle of a line" });
      }
    } catch (error: unknown) {
      if (watchdog.barked) {
        this.#transport.distrust();
        throw new KubeError({ reason: "Timeout", operation, explanation: "the watch fell silent", cause: error });
      }
      throw this.#translate(error, request, deadline);
    } finally {
      watchdog.stop();
      // A reader that has enough leaves in the middle: the connection must go with it.
      deadline.abort();
      this.#end(deadline);
    }
  }

  /** Ends every call and watch under way and closes the connections. */
  async close(): Promise<void> {
    this.#closed = new Error("the Kubernetes client is closed");
    for (const deadline of this.#underWay) {
      deadline.abort(this.#closed);
    }
    this.#transport.close();
  }

  async #object<T extends KubeObject>(request: requests.KubeRequest, options: CallOptions): Promise<T> {
    return asObject<T>(await this.#json(request, options), request.operation);
  }

  #json(request: requests.KubeRequest, options: CallOptions): Promise<unknown> {
    const { operation } = request;
    return this.#answer(request, options, async (response) => {
      const body = parseJson(await readText(response, this.#maxAnswerBytes, operation));
      if (body !== undefined) return body;
      const explanation = `the answer is not JSON (content type ${contentType(response)})`;
      throw new KubeError({ reason: "BadAnswer", operation, status: response.statusCode, explanation });
    });
  }

  /** @param read reads the body of an answer of success */
  async #answer<A>(
    request: requests.KubeRequest,
    options: CallOptions,
    read: (response: IncomingMessage) => Promise<A>,
  ): Promise<A> {
    const deadline = this.#begin(options);
    try {
      return await read(await this.#send(request, options, deadline.signal));
    } catch (error: unknown) {
      throw this.#translate(error, request, deadline);
    } finally {
      this.#end(deadline);
    }
  }

  /** Resolves with an answer of success, its body unread. Throws KubeError for every other answer. */
  async #send(request: requests.KubeRequest, options: CallOptions, signal: AbortSignal): Promise<IncomingMessage> {
    const exchange: HttpExchange = {
      method: request.method,
      path: request.path,
      headers: { ...request.headers, "user-agent": this.#userAgent },
      body: request.body,
      lane: request.isWatch || options.urgent ? "own" : "shared",
    };
    let mayAuthenticateAgain = true;
    for (let sends = 1; ; sends += 1) {
      if (!options.urgent) {
        await this.#budget.take(signal);
      }
      const response = await this.#exchange(request, exchange, signal);
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) {
        return response;
      }
      const text = await readText(response, this.#maxAnswerBytes, request.operation);
      const error = errorOfAnswer(
        request.operation,
        { status, body: parseJson(text), retryAfter: response.headers["retry-after"] },
        this.#clock.now(),
      );
      if (error.reason === "Unauthorized" && mayAuthenticateAgain) {
        // The token has been replaced since it was read. Nothing was done, so sending again is safe for every method.
        mayAuthenticateAgain = false;
        this.#transport.distrust();
        continue;
      }
      const waitMs = askedWaitMs(error.retryAfterMs ?? Number.POSITIVE_INFINITY, this.#random());
      // A wait that takes much of the deadline is the caller's to wait, who knows what else there is to do.
      if (error.reason !== "TooManyRequests" || sends === MAX_SENDS || waitMs * 3 > this.#timeoutOf(options)) {
        throw error;
      }
      await this.#clock.sleep(waitMs, signal);
    }
  }

  async #exchange(request: requests.KubeRequest, exchange: HttpExchange, signal: AbortSignal) {
    let code: number | undefined;
    try {
      const response = await this.#transport.send(exchange, signal);
      code = response.statusCode;
      return response;
    } finally {
      this.#onExchange?.({ verb: requests.verbOf(request), code });
    }
  }

  #translate(error: unknown, request: requests.KubeRequest, deadline: Deadline): unknown {
    const { operation } = request;
    if (error instanceof KubeError) {
      return error;
    }
    if (deadline.expired) {
      this.#transport.distrust();
      return new KubeError({ reason: "Timeout", operation, explanation: "no answer in time", cause: error });
    }
    if (deadline.signal.aborted) {
      return deadline.signal.reason;
    }
    if (error instanceof KubeConfigError) {
      return new KubeError({ reason: "Unauthorized", operation, explanation: error.message, cause: error });
    }
    this.#transport.distrust();
    return new KubeError({ reason: "Network", operation, explanation: networkSentence(error), cause: error });
  }

  #timeoutOf(options: CallOptions): number {
    return options.timeoutMs ?? this.#timeoutMs;
  }

  #begin(options: CallOptions): Deadline {
    if (this.#closed !== undefined) {
      throw this.#closed;
    }
    const deadline = new Deadline(this.#clock, this.#timeoutOf(options), options.signal);
    this.#underWay.add(deadline);
    return deadline;
  }

  #end(deadline: Deadline): void {
    this.#underWay.delete(deadline);
    deadline.clear();
  }

  #named<O extends WriteOptions>(options: O): O {
    return this.#fieldManager === undefined ? options : { fieldManager: this.#fieldManager, ...options };
  }
}

function contentType(response: IncomingMessage): string {
  return (response.headers["content-type"] ?? "none").slice(0, 80);
}

/** Describes a failed connection. Node's error code says more than its message, which is often empty. */
function networkSentence(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  return [code, error.message].filter((part) => part !== undefined && part !== "").join(": ");
}
