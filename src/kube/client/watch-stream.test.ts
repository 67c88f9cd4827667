import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LineSplitter, parseWatchLine } from "./watch-stream.ts";

describe("LineSplitter", () => {
  test("however the bytes are cut, the lines are the same", () => {
    const line = fc.string({ unit: "binary", maxLength: 20 }).map((text) => text.replace(/\s/g, "_"));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }), (lines, sizes) => {
        const bytes = Buffer.from(lines.map((one) => `${one}\n`).join(""), "utf8");
        const splitter = new LineSplitter();
        const seen: string[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          seen.push(...splitter.push(bytes.subarray(at, at + size)));
          at += size;
        }
        // A lone surrogate does not survive UTF-8, on neither side.
        expect([seen, splitter.pending]).toEqual([
          lines.filter((one) => one !== "").map((one) => one.toWellFormed()),
          0,
        ]);
      }),
    );
  });

  test("what has begun and not ended is no line", () => {
    const splitter = new LineSplitter();
    expect([splitter.push(Buffer.from('{"a":1}\r\n{"b"')), splitter.pending]).toEqual([['{"a":1}'], 4]);
  });
});

test("whatever a line holds, it is an event or a KubeError", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
      try {
        expect(parseWatchLine(line, "watch x", 0)).toHaveProperty("type");
      } catch (error: unknown) {
        expect(error).toHaveProperty("name", "KubeError");
      }
    }),
  );
});
