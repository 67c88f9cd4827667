import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pemBlocks } from "./pem-blocks.ts";

const block = (label: string, body = "AAAA\n") => `-----BEGIN ${label}-----\n${body}-----END ${label}-----`;

describe("finds", () => {
  test.each([
    ["one block", block("CERTIFICATE"), ["CERTIFICATE"]],
    ["blocks in their order", `${block("PRIVATE KEY")}\n${block("CERTIFICATE")}`, ["PRIVATE KEY", "CERTIFICATE"]],
    ["blocks without a line break between", block("A") + block("B"), ["A", "B"]],
    ["blocks between other lines", `subject=x\n${block("A")}\ntext -----\n${block("B")}`, ["A", "B"]],
    ["nothing in an empty text", "", []],
    ["nothing in other text", "{}", []],
    ["no block that was cut", `${block("A")}\n-----BEGIN B-----\nAAAA`, ["A"]],
    ["no block whose end names another label", "-----BEGIN A-----\nAAAA\n-----END B-----", []],
    ["a block after a broken first line", `-----BEGIN a b c-----\n${block("A")}`, ["A"]],
    ["a block after a first line that does not end", `-----BEGIN ${block("A")}`, ["A"]],
  ])("%s", (_what, text, labels) => {
    expect(pemBlocks(text).map(({ label }) => label)).toEqual(labels);
  });
});

test("a block ends in one line break and has Unix ones inside", () => {
  const [found] = pemBlocks(block("A").replaceAll("\n", "\r\n"));
  expect(found?.text).toBe(`${block("A")}\n`);
});

test("what it finds, it finds again in what it found", () => {
  const text = fc.array(
    fc.constantFrom("-----BEGIN ", "-----END ", "A", "CERTIFICATE", "-----", "-", "\n", "\r", "x=="),
  );
  fc.assert(
    fc.property(text, (parts) => {
      const blocks = pemBlocks(parts.join(""));
      expect(pemBlocks(blocks.map((found) => found.text).join(""))).toEqual(blocks);
    }),
  );
});

describe("takes linear time for a megabyte of", () => {
  test.each([
    ["first lines", "-----BEGIN A-----\n"],
    ["broken first lines", "-----BEGIN "],
    ["dashes", "-----"],
    ["blocks without a body", "-----BEGIN A----------END A-----"],
    ["first lines in small letters", "-----BEGIN a-----"],
  ])("%s", (_what, part) => {
    const startedAt = performance.now();
    pemBlocks(part.repeat(Math.ceil(1_000_000 / part.length)));
    // A quadratic search takes minutes; the bound is far from either.
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});
