import type { Dispatcher } from "undici";
import { describe, expect, test } from "vitest";
import { ExchangeHandler } from "./exchange-handler.ts";

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
    const handler = new ExchangeHandler(100);
    const { aborts, fake } = controller();
    handler.onRequestStart(fake);
    expect(aborts).toHaveLength(0);
    handler.onRequestStart(fake);
    expect(aborts).toHaveLength(2);
    await expect(handler.answer).rejects.toMatchObject({ sent: true, reason: "network" });
  });

  test("does not let a request out that was stopped before", async () => {
    const handler = new ExchangeHandler(100);
    const { aborts, fake } = controller();
    handler.stop("aborted", "stopped by the caller");
    handler.onRequestStart(fake);
    expect(aborts).toHaveLength(1);
    await expect(handler.answer).rejects.toMatchObject({ sent: false, reason: "aborted" });
  });

  test("asks once more before the first byte, and does not let a request out that is no longer wanted", async () => {
    const handler = new ExchangeHandler(100, () => {
      throw new Error("the lease is lost");
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
    const handler = new ExchangeHandler(100);
    handler.stop("timeout", "no result within 5 ms");
    handler.stop("aborted", "stopped by the caller");
    await expect(handler.answer).rejects.toMatchObject({ reason: "timeout" });
  });

  test("takes a header without a value for one with none", async () => {
    const handler = new ExchangeHandler(100);
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
    const handler = new ExchangeHandler(100);
    const { fake } = controller();
    handler.onRequestStart(fake);
    handler.onResponseEnd();
    handler.onResponseError(fake, new Error("gone"));
    await expect(handler.answer).rejects.toMatchObject({ message: "gone", sent: true });
  });
});
