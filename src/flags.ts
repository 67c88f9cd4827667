import { parseArgs } from "node:util";
import { parseDurationMs } from "./api/duration.ts";
import { type BindAddress, parseBindAddress } from "./telemetry/bind-address.ts";

/** One flag: where its value comes from, what it may be, and what `--help` says. */
export interface Flag<T> {
  /** Placeholder of the value in the help, such as `DURATION`; empty for a switch. */
  readonly placeholder: string;
  readonly description: string;
  /** The value as a person would type it; undefined where there is none unless it is given. */
  readonly default: string | undefined;
  /** Gives the value, or throws a UsageError that says what is allowed. */
  readonly parse: (text: string) => T;
}

/** The command line asks for something that does not exist. The message says what does. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

type FlagTable = Readonly<Record<string, Flag<unknown>>>;
export type FlagValues<F extends FlagTable> = {
  readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never;
};

/** The prefix of the environment variable that stands in for a flag: `--log-level` is ATLAS_CERTS_LOG_LEVEL. */
const ENVIRONMENT_PREFIX = "ATLAS_CERTS_";

/**
 * Reads flags from the command line, then from the environment, then from their defaults.
 *
 * @throws UsageError for an unknown flag or a value that is not allowed
 */
export function readFlags<F extends FlagTable>(
  table: F,
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): FlagValues<F> {
  const given = parse(table, argv);
  const values = Object.entries(table).map(([name, flag]) => {
    const fromEnvironment = environment[environmentVariable(name)];
    const [text, source] =
      given[name] !== undefined
        ? [given[name], `--${name}`]
        : fromEnvironment !== undefined && fromEnvironment !== ""
          ? [fromEnvironment, environmentVariable(name)]
          : [flag.default, `--${name}`];
    return [name, text === undefined ? undefined : parsed(flag, text, source)];
  });
  // Each value came from its own flag's parse.
  return Object.fromEntries(values) as FlagValues<F>;
}

/** The help text of a table of flags, in the table's order. */
export function describeFlags(table: FlagTable): string {
  return Object.entries(table)
    .map(([name, flag]) => {
      const usage = `  --${name}${flag.placeholder === "" ? "" : `=${flag.placeholder}`}`;
      const standard = flag.default === undefined || flag.default === "" ? "" : ` Defaults to ${flag.default}.`;
      return `${usage}\n${wrap(`${flag.description}${standard}`, 6, 94)}`;
    })
    .join("\n");
}

export function environmentVariable(name: string): string {
  return ENVIRONMENT_PREFIX + name.toUpperCase().replaceAll("-", "_");
}

export function textFlag(placeholder: string, description: string, standard?: string): Flag<string | undefined> {
  return { placeholder, description, default: standard, parse: (text) => (text === "" ? undefined : text) };
}

export function switchFlag(description: string, standard: boolean): Flag<boolean> {
  return {
    placeholder: "",
    description,
    default: String(standard),
    parse: (text) => {
      if (text !== "true" && text !== "false")
        throw new UsageError(`must be true or false, not ${JSON.stringify(text)}`);
      return text === "true";
    },
  };
}

interface Bounds {
  readonly least: number;
  readonly most: number;
}

export function wholeNumberFlag(description: string, standard: number, bounds: Bounds): Flag<number>;
export function wholeNumberFlag(description: string, standard: undefined, bounds: Bounds): Flag<number | undefined>;
export function wholeNumberFlag(
  description: string,
  standard: number | undefined,
  bounds: Bounds,
): Flag<number | undefined> {
  return {
    placeholder: "N",
    description,
    default: standard === undefined ? undefined : String(standard),
    parse: (text) => {
      const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
      if (value >= bounds.least && value <= bounds.most) return value;
      throw new UsageError(
        `must be a whole number from ${bounds.least} to ${bounds.most}, not ${JSON.stringify(text)}`,
      );
    },
  };
}

/** A duration, in milliseconds. */
export function durationFlag(description: string, standard: string): Flag<number>;
export function durationFlag(description: string, standard: undefined): Flag<number | undefined>;
export function durationFlag(description: string, standard: string | undefined): Flag<number | undefined> {
  return {
    placeholder: "DURATION",
    description,
    default: standard,
    parse: (text) => {
      const ms = parseDurationMs(text);
      if (ms !== undefined && ms > 0) return ms;
      throw new UsageError(`must be a duration such as 6h, 1h30m, 10s or 500ms, not ${JSON.stringify(text)}`);
    },
  };
}

export function choiceFlag<T extends string>(description: string, choices: readonly T[], standard: T): Flag<T> {
  return {
    placeholder: choices.join("|"),
    description,
    default: standard,
    parse: (text) => {
      const choice = choices.find((candidate) => candidate === text);
      if (choice !== undefined) return choice;
      throw new UsageError(`must be one of ${choices.join(", ")}, not ${JSON.stringify(text)}`);
    },
  };
}

/** Where a server listens; `0` is undefined: there is none. */
export function bindAddressFlag(description: string, standard: string): Flag<BindAddress | undefined> {
  return {
    placeholder: "ADDRESS",
    description,
    default: standard,
    parse: (text) => {
      if (text === "0") return undefined;
      const address = parseBindAddress(text);
      if (address !== undefined) return address;
      throw new UsageError(`must be :PORT, HOST:PORT, or 0 to disable it, not ${JSON.stringify(text)}`);
    },
  };
}

/** Values with commas between them; empty means none. */
export function listFlag(placeholder: string, description: string): Flag<readonly string[]> {
  return {
    placeholder,
    description,
    default: "",
    parse: (text) =>
      text
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== ""),
  };
}

function parse(table: FlagTable, argv: readonly string[]): Readonly<Record<string, string | undefined>> {
  const given: Record<string, string> = {};
  const { tokens } = parseArgs({ args: [...argv], strict: false, allowPositionals: true, tokens: true });
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index];
    if (token === undefined || token.kind === "option-terminator") continue;
    if (token.kind === "positional") throw new UsageError(`unexpected argument ${JSON.stringify(token.value)}`);
    const flag = Object.hasOwn(table, token.name) ? table[token.name] : undefined;
    if (flag === undefined) throw new UsageError(`unknown flag ${token.rawName}`);
    const next = tokens[index + 1];
    if (token.value !== undefined) {
      given[token.name] = token.value;
    } else if (flag.placeholder === "") {
      given[token.name] = "true";
    } else if (next?.kind === "positional") {
      given[token.name] = next.value;
      index++;
    } else {
      throw new UsageError(`--${token.name} needs a value: --${token.name}=${flag.placeholder}`);
    }
  }
  return given;
}

function parsed(flag: Flag<unknown>, text: string, source: string): unknown {
  try {
    return flag.parse(text);
  } catch (error: unknown) {
    if (error instanceof UsageError) throw new UsageError(`${source} ${error.message}`);
    throw error;
  }
}

function wrap(text: string, indent: number, width: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((each) => " ".repeat(indent) + each).join("\n");
}
