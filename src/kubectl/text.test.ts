import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { lifetimeBar, paint, relative, table, toYaml, tree, wrap } from "./text.ts";

const PAGE = { width: 30, colours: false, nowMs: 0 };

test("a table that is wider than the page has its widest columns cut", () => {
  const rows = [["a-very-long-name-of-a-resource", "True", "another-long-name-of-a-secret"]];
  expect(table(["NAME", "READY", "SECRET"], rows, { ...PAGE, width: 44 }).join("\n")).toMatchInlineSnapshot(`
    "NAME                READY  SECRET
    a-very-long-name-…  True   another-long-nam…"
  `);
});

test("a table is no narrower than its columns can be", () => {
  const [header = ""] = table(["NAME", "SECRET"], [["a".repeat(40), "b".repeat(40)]], { ...PAGE, width: 10 });
  expect(header).toBe("NAME          SECRET");
});

test("colours do not move columns", () => {
  const rows = [[{ text: "no", colour: "bad" } as const, "x"]];
  const [, plain] = table(["READY", "NAME"], rows, PAGE);
  const [, coloured] = table(["READY", "NAME"], rows, { ...PAGE, colours: true });
  expect([plain, coloured]).toEqual(["no     x", "\x1b[31mno\x1b[0m     x"]);
});

test("no character of a name or message moves the cursor or turns the direction of writing", () => {
  expect(paint("a\x1b[2Jb\u202ec\n", PAGE)).toBe("a\\u{1b}[2Jb\\u{202e}c\\u{a}");
  expect(wrap("a\x07b", 10)).toEqual(["a\\u{7}b"]);
});

test("prose is wrapped between words, and a long word stays whole", () => {
  expect(wrap("one two aaaaaaaaaaaaaaaa three", 8)).toEqual(["one two", "aaaaaaaaaaaaaaaa", "three"]);
});

test("a tree has its labels and its leaves in columns", () => {
  const branches = [
    { label: "Secret", leaves: ["one", { cells: ["", "two"] }] },
    { label: "Nothing", leaves: [] },
    { label: "Events", leaves: ["many words that do not fit into the width of this page"] },
  ];
  expect(tree(branches, PAGE).join("\n")).toMatchInlineSnapshot(`
    "├─ Secret  one
    │            two
    └─ Events  many words that do
               not fit into the
               width of this page"
  `);
});

test.each([
  [0, "●─────◆───"],
  [50, "━━━━━●◆───"],
  [60, "━━━━━━●───"],
  [80, "━━━━━━◆━●─"],
  [-10, "──────◆───"],
  [200, "━━━━━━◆━━━"],
])("the bar after %d %% of a lifetime", (now, bar) => {
  expect(lifetimeBar({ notBefore: 0, notAfter: 100, renewal: 60 }, now, 10)).toBe(bar);
});

test("a bar without a renewal has no mark for it", () => {
  expect(lifetimeBar({ notBefore: 0, notAfter: 100 }, 50, 4)).toBe("━━●─");
});

test.each([
  [90_000_000, "in 1d"],
  [-90_000, "1m ago"],
  [200, "now"],
])("%d ms from now is %s", (ms, text) => {
  expect(relative(ms, 0)).toBe(text);
});

test("every JSON document survives YAML", () => {
  const json = fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)));
  fc.assert(
    fc.property(json, (value) => {
      expect(parse(toYaml(value))).toEqual(value);
    }),
  );
  const words = ["yes", "null", "1e3", "2030-01-01", "a: b", "", "- x", "0x1", "a #b", "multi\nline"];
  expect(parse(toYaml({ words }))).toEqual({ words });
});

test("YAML is written as kubectl writes it", () => {
  const data = { items: [{ name: "orders-api", ready: "True", none: undefined, list: [], map: {} }], total: 1 };
  expect(toYaml(data)).toMatchInlineSnapshot(`
    "items:
    - name: orders-api
      ready: "True"
      list: []
      map: {}
    total: 1
    "
  `);
});
