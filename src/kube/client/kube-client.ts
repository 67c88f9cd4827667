import type { IncomingMessage } from "node:http";
import { type Clock, systemClock } from "../../clock.ts";
import type { KubeConfig } from "../config/kube-config.ts";
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
import { HttpTransport } from "./http-transport.ts";
import { type ReadPage, readPage } from "./list-page.ts";
import { RequestBudget } from "./request-budget.ts";
import { type KubeExchange, RequestSender } from "./request-sender.ts";
import * as requests from "./requests.ts";
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

/**
 * Objects per page of a list. What a page leaves behind makes the heap grow, and it does not shrink to what is kept: at
 * rest after a start over 5,000 resources, pages of 500 were measured at 23 MiB more of resident memory.
 */
const DEFAULT_PAGE_SIZE = 100;
const DEFAULT_SILENCE_TIMEOUT_MS = 90_000;

/** A small JSON client for the API server: shared connections, a deadline on every call, one kind of error. */
export class KubeClient implements KubeApi {
  readonly #clock: Clock;
  readonly #sender: RequestSender;
  readonly #maxAnswerBytes: number;
  readonly #maxPageBytes: number;
  readonly #fieldManager: string | undefined;

  constructor(options: KubeClientOptions) {
    const {
      clock = systemClock,
      random = Math.random,
      maxAnswerBytes = 64 * 2 ** 20,
      maxPageBytes = 2 ** 22,
    } = options;
    const { requestsPerSecond = 1000, burst = 2000, maxConnections = 16, timeoutMs = 30_000 } = options;
    const { kubeConfig, userAgent, onExchange } = options;
    this.#clock = clock;
    this.#maxAnswerBytes = maxAnswerBytes;
    this.#maxPageBytes = Math.min(maxPageBytes, maxAnswerBytes);
    this.#fieldManager = options.fieldManager;
    this.#sender = new RequestSender({
      transport: new HttpTransport({ kubeConfig, clock, maxConnections }),
      budget: new RequestBudget({ requestsPerSecond, burst, clock }),
      ...{ userAgent, timeoutMs, maxAnswerBytes, onExchange, clock, random },
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
        answer = await this.#sender.answer(request, options, (response) =>
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
    const deadline = this.#sender.begin(options);
    const watchdog = new Watchdog(this.#clock, options.silenceTimeoutMs ?? DEFAULT_SILENCE_TIMEOUT_MS);
    try {
      const response = await this.#sender.send(request, options, deadline.signal);
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
        this.#sender.distrust();
        throw new KubeError({ reason: "Timeout", operation, explanation: "the watch fell silent", cause: error });
      }
      throw this.#sender.translate(error, request, deadline);
    } finally {
      watchdog.stop();
      // A reader that has enough leaves in the middle: the connection must go with it.
      deadline.abort();
      this.#sender.end(deadline);
    }
  }

  /** Ends every call and watch under way and closes the connections. */
  async close(): Promise<void> {
    this.#sender.close();
  }

  async #object<T extends KubeObject>(request: requests.KubeRequest, options: CallOptions): Promise<T> {
    return asObject<T>(await this.#json(request, options), request);
  }

  #json(request: requests.KubeRequest, options: CallOptions): Promise<unknown> {
    const { operation } = request;
    return this.#sender.answer(request, options, async (response) => {
      const body = parseJson(await readText(response, this.#maxAnswerBytes, operation));
      if (body !== undefined) return body;
      const explanation = `the answer is not JSON (content type ${contentType(response)})`;
      throw new KubeError({ reason: "BadAnswer", operation, status: response.statusCode, explanation });
    });
  }

  #named<O extends WriteOptions>(options: O): O {
    return this.#fieldManager === undefined ? options : { fieldManager: this.#fieldManager, ...options };
  }
}

function contentType(response: IncomingMessage): string {
  return (response.headers["content-type"] ?? "none").slice(0, 80);
}
