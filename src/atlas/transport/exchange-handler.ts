import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import { SensitiveText } from "../../sensitive-text.ts";
import { textOfWiped } from "../../wiped-bytes.ts";
import { DecodedTooLarge, decodeContent } from "./content-coding.ts";
import { TransportFailure, type TransportFailureReason, toTransportFailure } from "./transport-failure.ts";

/** A whole answer. The body is kept as a secret until someone knows what it is. */
export interface AtlasAnswer {
  readonly status: number;
  /** Header values by lower-case name; of a repeated header all, in order. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: SensitiveText;
}

/** Whether the request was carried out. Atlas' specification and Atlas do not always agree on which 2xx says so. */
export function isSuccess({ status }: Pick<AtlasAnswer, "status">): boolean {
  return status >= 200 && status < 300;
}

export interface ExchangeOptions {
  readonly maxAnswerBytes: number;
  /** If it throws, the request is not sent. */
  readonly beforeSending?: (() => void) | undefined;
  /** As in AtlasRequest. */
  readonly isWhole?: ((body: SensitiveText) => boolean) | undefined;
}

/** One request on its way through undici: collects the answer and knows how far the request got. */
export class ExchangeHandler implements Dispatcher.DispatchHandler {
  readonly answer: Promise<AtlasAnswer>;
  readonly #settle: PromiseWithResolvers<AtlasAnswer>;
  readonly #options: ExchangeOptions;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #stopped: TransportFailure | undefined;
  #sent = false;
  #status: number | undefined;
  #headers: ReadonlyMap<string, readonly string[]> = new Map();
  #bytes = 0;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#settle = Promise.withResolvers();
    this.answer = this.#settle.promise;
  }

  /** Gives the exchange up: its answer settles at once, and a request that still waits for a connection is not sent. */
  stop(reason: TransportFailureReason, message: string): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = new TransportFailure({ reason, message, sent: this.#sent, status: this.#status });
    this.#fail(this.#stopped);
    this.#controller?.abort(this.#stopped);
  }

  /** Called with the connection ready, right before the first byte is written. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // undici puts a request back into its queue after some failures of a connection; nothing goes out a second time.
    if (this.#sent) this.stop("network", "the connection was lost, and the request is not sent a second time");
    if (this.#stopped === undefined) this.#askOnceMore();
    if (this.#stopped !== undefined) controller.abort(this.#stopped);
    else this.#sent = true;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // 1xx are announcements, not the answer.
    if (status < 200) return;
    this.#status = status;
    this.#headers = new Map(
      Object.entries(headers).map(([name, value]) => [name, value === undefined ? [] : [value].flat()]),
    );
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const room = this.#options.maxAnswerBytes - this.#bytes;
    this.#bytes += chunk.length;
    this.#chunks.push(chunk.subarray(0, Math.max(room, 0)));
    if (chunk.length > room) this.stop("tooLarge", `the answer is larger than ${this.#options.maxAnswerBytes} bytes`);
  }

  onResponseEnd(): void {
    if (this.#status === undefined) return;
    try {
      this.#settle.resolve(this.#takeAnswer(this.#status));
    } catch (error) {
      if (!(error instanceof DecodedTooLarge)) throw error;
      this.stop("tooLarge", error.message);
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(toTransportFailure(error, { sent: this.#sent, status: this.#status }));
  }

  /** An answer that came without its proper end may hold all that is wanted, and then it is kept: a key comes once. */
  #fail(failure: TransportFailure): void {
    const rest = this.#status === undefined ? undefined : this.#rescue(this.#status);
    if (rest === undefined) this.#settle.reject(failure);
    else this.#settle.resolve(rest);
  }

  #rescue(status: number): AtlasAnswer | undefined {
    const { isWhole } = this.#options;
    try {
      const answer = this.#takeAnswer(status);
      return isWhole !== undefined && isSuccess(answer) && isWhole(answer.body) ? answer : undefined;
    } catch (error) {
      if (error instanceof DecodedTooLarge) return undefined;
      throw error;
    }
  }

  /** The bytes are wiped, because even the beginning of an answer may hold a key. */
  #takeAnswer(status: number): AtlasAnswer {
    const whole = Buffer.concat(this.#chunks);
    for (const chunk of this.#chunks.splice(0)) chunk.fill(0);
    try {
      const decoded = decodeContent(whole, this.#headers.get("content-encoding") ?? [], this.#options.maxAnswerBytes);
      return { status, headers: this.#headers, body: new SensitiveText(textOfWiped(decoded, "utf8")) };
    } finally {
      whole.fill(0);
    }
  }

  #askOnceMore(): void {
    try {
      this.#options.beforeSending?.();
    } catch (error: unknown) {
      this.stop("aborted", error instanceof Error ? error.message : String(error));
    }
  }
}
