import { gzipSync } from "node:zlib";
import type { Dispatcher } from "undici";
import { describe, expect, test } from "vitest";
import type { SensitiveText } from "../../sensitive-text.ts";
import { ExchangeHandler, type ExchangeOptions } from "./exchange-handler.ts";

/** undici's side of an exchange, as far as it can be stopped. */
function controller() {
  const aborts: Error[] = [];
  const fake: Dispatcher.DispatchController = {
    aborted: false,
    paused: false,
    reason: null,
    rawHeaders: [],
    rawTrailers: [],
    abort: (reason) => void aborts.push(reason),
    pause: () => undefined,
    resume: () => undefined,
  };
  return { aborts, fake };
}

describe("ExchangeHandler", () => {
  test("lets a request out once, even when undici would send it again on another connection", async () => {
    const handler = new ExchangeHandler({ maxAnswerBytes: 100 });
    const { aborts, fake } = controller();
    handler.onRequestStart(fake);
    expect(aborts).toHaveLength(0);
    handler.onRequestStart(fake);
    expect(aborts).toHaveLength(2);
    await expect(handler.answer).rejects.toMatchObject({ sent: true, reason: "network" });
  });

  test("does not let a request out that was stopped before", async () => {
    const handler = new ExchangeHandler({ maxAnswerBytes: 100 });
    const { aborts, fake } = controller();
    handler.stop("aborted", "stopped by the caller");
    handler.onRequestStart(fake);
    expect(aborts).toHaveLength(1);
    await expect(handler.answer).rejects.toMatchObject({ sent: false, reason: "aborted" });
  });

  test("asks once more before the first byte, and does not let a request out that is no longer wanted", async () => {
    const handler = new ExchangeHandler({
      maxAnswerBytes: 100,
      beforeSending: () => {
        throw new Error("the lease is lost");
      },
    });
    const { aborts, fake } = controller();
    handler.onRequestStart(fake);
    expect(aborts).not.toHaveLength(0);
    await expect(handler.answer).rejects.toMatchObject({
      sent: false,
      reason: "aborted",
      message: "the lease is lost",
    });
  });

  test("keeps the first reason for stopping", async () => {
    const handler = new ExchangeHandler({ maxAnswerBytes: 100 });
    handler.stop("timeout", "no result within 5 ms");
    handler.stop("aborted", "stopped by the caller");
    await expect(handler.answer).rejects.toMatchObject({ reason: "timeout" });
  });

  describe("an exchange that is given up", () => {
    const isWhole = (body: SensitiveText) => body.reveal().startsWith("whole");

    /** An exchange of which this much has arrived. */
    function underWay(text: string, status = 201, options: Partial<ExchangeOptions> = {}) {
      const handler = new ExchangeHandler({ maxAnswerBytes: 100, isWhole, ...options });
      const { fake } = controller();
      handler.onRequestStart(fake);
      handler.onResponseStart(fake, status, {});
      handler.onResponseData(fake, Buffer.from(text));
      return { handler, fake };
    }

    test.each(["timeout", "aborted", "closed", "network"] as const)(
      "keeps an answer that is whole (%s)",
      async (reason) => {
        const { handler } = underWay("whole and more");
        handler.stop(reason, "it failed");
        const { status, body } = await handler.answer;
        expect([status, body.reveal()]).toEqual([201, "whole and more"]);
      },
    );

    test("keeps an answer that is whole when the connection fails", async () => {
      const { handler, fake } = underWay("whole");
      handler.onResponseError(fake, new Error("other side closed"));
      expect((await handler.answer).body.reveal()).toBe("whole");
    });

    test("keeps the beginning of an answer that is too large when that is whole", async () => {
      const { handler } = underWay(`whole${"x".repeat(100)}`);
      expect((await handler.answer).body.length).toBe(100);
    });

    test.each([
      ["it is not whole", () => underWay("half")],
      ["it is an error", () => underWay("whole", 500)],
      ["nothing else was asked for", () => underWay("whole", 201, { isWhole: undefined })],
    ])("fails when %s", async (_name, start) => {
      const { handler } = start();
      handler.stop("timeout", "it failed");
      await expect(handler.answer).rejects.toMatchObject({ reason: "timeout", sent: true });
    });

    test("leaves none of the bytes that arrived in memory", async () => {
      const handler = new ExchangeHandler({ maxAnswerBytes: 100, isWhole });
      const { fake } = controller();
      handler.onRequestStart(fake);
      handler.onResponseStart(fake, 201, {});
      const chunk = Buffer.from("half a key");
      handler.onResponseData(fake, chunk);
      handler.stop("timeout", "it failed");
      await expect(handler.answer).rejects.toMatchObject({ reason: "timeout" });
      expect(chunk.every((byte) => byte === 0)).toBe(true);
    });
  });

  test("refuses an answer that is too large once it is decoded", async () => {
    const handler = new ExchangeHandler({ maxAnswerBytes: 100 });
    const { fake } = controller();
    handler.onRequestStart(fake);
    handler.onResponseStart(fake, 200, { "content-encoding": "gzip" });
    handler.onResponseData(fake, gzipSync(Buffer.alloc(10_000)));
    handler.onResponseEnd();
    await expect(handler.answer).rejects.toMatchObject({ reason: "tooLarge", status: 200 });
  });

  test("takes a header without a value for one with none", async () => {
    const handler = new ExchangeHandler({ maxAnswerBytes: 100 });
    const { fake } = controller();
    handler.onRequestStart(fake);
    handler.onResponseStart(fake, 200, { "x-a": undefined, "x-b": "1" });
    handler.onResponseEnd();
    const { headers } = await handler.answer;
    expect([...headers]).toEqual([
      ["x-a", []],
      ["x-b", ["1"]],
    ]);
  });

  test("takes an end without an answer for no answer", async () => {
    const handler = new ExchangeHandler({ maxAnswerBytes: 100 });
    const { fake } = controller();
    handler.onRequestStart(fake);
    handler.onResponseEnd();
    handler.onResponseError(fake, new Error("gone"));
    await expect(handler.answer).rejects.toMatchObject({ message: "gone", sent: true });
  });
});
