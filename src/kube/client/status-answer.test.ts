import { describe, expect, test } from "vitest";
import { KubeError, presentable } from "../kube-error.ts";
import { errorOfAnswer } from "./status-answer.ts";

const now = Date.UTC(2030, 0, 1);

test.each([
  ["more seconds than a minute", "86400", 60_000],
  ["a date, by the given clock", "Tue, 01 Jan 2030 00:00:30 GMT", 30_000],
])("reads a Retry-After of %s", (_name, retryAfter, expected) => {
  expect(errorOfAnswer("get x", { status: 503, body: {}, retryAfter }, now).retryAfterMs).toBe(expected);
});

describe("a Status", () => {
  test("in a watch has its code inside", () => {
    const error = errorOfAnswer("watch x", { body: { kind: "Status", code: 410, reason: "Gone" } }, now);
    expect([error.reason, error.status]).toEqual(["Expired", 410]);
  });

  test("without a code goes by its reason", () => {
    expect(errorOfAnswer("watch x", { body: { kind: "Status", reason: "Expired" } }, now).reason).toBe("Expired");
  });

  test("tells in its details how long to wait, if no header does", () => {
    const body = { kind: "Status", code: 504, reason: "Timeout", details: { retryAfterSeconds: 3 } };
    expect(errorOfAnswer("get x", { status: 504, body }, now).retryAfterMs).toBe(3000);
  });

  test("is not waited for longer than a header would be", () => {
    const body = { kind: "Status", code: 503, details: { retryAfterSeconds: 86_400 } };
    expect(errorOfAnswer("get x", { status: 503, body }, now).retryAfterMs).toBe(60_000);
  });

  test.each([[undefined], ["text"], [null], [[]], [{ kind: "Status", details: { causes: ["x"] } }]])(
    "that is none (%j) is an error nevertheless",
    (body) => {
      expect(errorOfAnswer("get x", { status: 500, body }, now).reason).toBe("Unavailable");
    },
  );
});

describe("what may be shown of a sentence", () => {
  test.each([
    ["an ordinary sentence stays", 'secrets "a" already exists', 'secrets "a" already exists'],
    ["a PEM block goes", "bad: -----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n!", "bad: [redacted]\n!"],
    ["a PEM block without its end goes", "bad: -----BEGIN PRIVATE KEY-----\nMII", "bad: [redacted]"],
    ["a long base64 run goes", `bad: ${"QUJD".repeat(40)}.`, "bad: [redacted]."],
    ["a long sentence is cut", "word ".repeat(200), `${"word ".repeat(120)}…`],
  ])("%s", (_name, text, expected) => {
    expect(presentable(text)).toBe(expected);
  });
});

test("KubeError.is tells reasons apart and other errors from its own", () => {
  const error = new KubeError({ reason: "NotFound", operation: "get x" });
  expect([KubeError.is(error), KubeError.is(error, "NotFound", "Conflict"), KubeError.is(error, "Conflict")]).toEqual([
    true,
    true,
    false,
  ]);
  expect(KubeError.is(new Error("NotFound"), "NotFound")).toBe(false);
});

test("a 404 that is no Status does not say that the object is gone", () => {
  expect(errorOfAnswer("get x", { status: 404, body: "<html>" }, now).reason).toBe("BadAnswer");
});
