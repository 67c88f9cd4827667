import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import { SensitiveText } from "../sensitive-text.ts";
import { textOfWiped } from "../wiped-bytes.ts";
import { TransportFailure, type TransportFailureReason, toTransportFailure } from "./transport-failure.ts";

/** A whole answer. The body is kept as a secret until someone knows what it is. */
export interface AtlasAnswer {
  readonly status: number;
  /** Header values by lower-case name; of a repeated header all, in order. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: SensitiveText;
}

/** One request on its way through undici: collects the answer and knows how far the request got. */
export class ExchangeHandler implements Dispatcher.DispatchHandler {
  readonly answer: Promise<AtlasAnswer>;
  readonly #settle: PromiseWithResolvers<AtlasAnswer>;
  readonly #maxAnswerBytes: number;
  readonly #beforeSending: (() => void) | undefined;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #stopped: TransportFailure | undefined;
  #sent = false;
  #status: number | undefined;
  #headers: ReadonlyMap<string, readonly string[]> = new Map();
  #bytes = 0;

  /** @param beforeSending what it throws keeps the request from being sent */
  constructor(maxAnswerBytes: number, beforeSending?: () => void) {
    this.#maxAnswerBytes = maxAnswerBytes;
    this.#beforeSending = beforeSending;
    this.#settle = Promise.withResolvers();
    this.answer = this.#settle.promise;
  }

  /** Gives the exchange up: the answer rejects at once, and a request that still waits for a connection is not sent. */
  stop(reason: TransportFailureReason, message: string): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = new TransportFailure({ reason, message, sent: this.#sent, status: this.#status });
    this.#settle.reject(this.#stopped);
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
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxAnswerBytes) {
      this.stop("tooLarge", `the answer is larger than ${this.#maxAnswerBytes} bytes`);
      return;
    }
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#status === undefined) return;
    const body = new SensitiveText(textOfWiped(Buffer.concat(this.#chunks), "utf8"));
    this.#wipe();
    this.#settle.resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#wipe();
    this.#settle.reject(toTransportFailure(error, { sent: this.#sent, status: this.#status }));
  }

  /** What came may hold a key, the beginning of an answer too. */
  #wipe(): void {
    for (const chunk of this.#chunks.splice(0)) chunk.fill(0);
  }

  #askOnceMore(): void {
    try {
      this.#beforeSending?.();
    } catch (error: unknown) {
      this.stop("aborted", error instanceof Error ? error.message : String(error));
    }
  }
}
