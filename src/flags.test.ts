import { expect, test } from "vitest";
import {
  bindAddressFlag,
  choiceFlag,
  describeFlags,
  durationFlag,
  listFlag,
  readFlags,
  switchFlag,
  textFlag,
  UsageError,
  wholeNumberFlag,
} from "./flags.ts";

const TABLE = {
  kubeconfig: textFlag("FILE", "Where the API server is."),
  "verify-interval": durationFlag("How often.", "6h"),
  "max-issues": wholeNumberFlag("At most.", 4, { least: 1, most: 100 }),
  "leader-elect": switchFlag("Whether.", true),
  "log-level": choiceFlag("How much.", ["info", "debug"], "info"),
  namespaces: listFlag("A,B", "Which."),
};

test("gives the defaults where nothing is said", () => {
  expect(readFlags(TABLE, [], {})).toEqual({
    kubeconfig: undefined,
    "verify-interval": 21_600_000,
    "max-issues": 4,
    "leader-elect": true,
    "log-level": "info",
    namespaces: [],
  });
});

test("takes the command line before the environment, and that before the default", () => {
  const environment = { ATLAS_CERTS_MAX_ISSUES: "7", ATLAS_CERTS_LOG_LEVEL: "debug", ATLAS_CERTS_KUBECONFIG: "" };
  const values = readFlags(TABLE, ["--max-issues=9"], environment);
  expect(values["max-issues"]).toBe(9);
  expect(values["log-level"]).toBe("debug");
  expect(values.kubeconfig).toBeUndefined();
});

test("gives nothing for a number or a duration that has no default and is not given", () => {
  const table = {
    limit: wholeNumberFlag("At most. Without it: no limit.", undefined, { least: 1, most: 9 }),
    month: durationFlag("How long. Without it: as in the calendar.", undefined),
  };
  expect(readFlags(table, [], {})).toEqual({ limit: undefined, month: undefined });
  expect(readFlags(table, ["--limit=9", "--month=30s"], {})).toEqual({ limit: 9, month: 30_000 });
  expect(describeFlags(table)).not.toContain("Defaults");
});

test("takes a value after an equals sign, after a space, and a switch alone or with its value", () => {
  expect(readFlags(TABLE, ["--kubeconfig", "a b", "--leader-elect=false"], {})).toMatchObject({
    kubeconfig: "a b",
    "leader-elect": false,
  });
  expect(readFlags(TABLE, ["--leader-elect", "--namespaces=shop, billing,"], {})).toMatchObject({
    "leader-elect": true,
    namespaces: ["shop", "billing"],
  });
});

test.each([
  [["--kubeconfg=x"], {}, "unknown flag --kubeconfg"],
  [["--toString=x"], {}, "unknown flag --toString"],
  [["-x"], {}, "unknown flag -x"],
  [["now"], {}, 'unexpected argument "now"'],
  [["--kubeconfig"], {}, "--kubeconfig needs a value: --kubeconfig=FILE"],
  [["--max-issues=0"], {}, '--max-issues must be a whole number from 1 to 100, not "0"'],
  [["--max-issues=1.5"], {}, '--max-issues must be a whole number from 1 to 100, not "1.5"'],
  [["--verify-interval=6"], {}, '--verify-interval must be a duration such as 6h, 1h30m, 10s or 500ms, not "6"'],
  [["--leader-elect=maybe"], {}, '--leader-elect must be true or false, not "maybe"'],
  [[], { ATLAS_CERTS_LOG_LEVEL: "loud" }, 'ATLAS_CERTS_LOG_LEVEL must be one of info, debug, not "loud"'],
])("refuses %j with %j", (argv, environment, message) => {
  expect(() => readFlags(TABLE, argv, environment)).toThrow(new UsageError(message));
});

test("describes the flags in their order, no line longer than a terminal", () => {
  const help = describeFlags({ ...TABLE, last: textFlag("X", "a word ".repeat(40).trim()) });
  expect([...help.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name)).toEqual([...Object.keys(TABLE), "last"]);
  expect(Math.max(...help.split("\n").map((line) => line.length))).toBeLessThanOrEqual(94);
  expect(help).toContain("--verify-interval=DURATION\n      How often. Defaults to 6h.");
});

test("takes an address to listen on, or 0 for none", () => {
  const table = { "bind-address": bindAddressFlag("Where.", ":8080") };
  expect(readFlags(table, [], {})).toEqual({ "bind-address": { host: undefined, port: 8080 } });
  expect(readFlags(table, ["--bind-address=[::1]:0"], {})).toEqual({ "bind-address": { host: "::1", port: 0 } });
  expect(readFlags(table, ["--bind-address=0"], {})).toEqual({ "bind-address": undefined });
  expect(() => readFlags(table, ["--bind-address=8080"], {})).toThrow(
    new UsageError('--bind-address must be :PORT, HOST:PORT, or 0 to disable it, not "8080"'),
  );
});
