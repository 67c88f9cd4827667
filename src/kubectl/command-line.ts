import { parseArgs } from "node:util";
import { UsageError } from "../flags.ts";

/** A flag as `kubectl` users know it. */
export interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** Stands for the value in the help. */
  readonly placeholder?: string;
  readonly description: string;
}

export type Options = Readonly<Record<string, Option>>;

/** Flags that every command has. */
export const COMMON_OPTIONS = {
  namespace: { type: "string", short: "n", placeholder: "NAME", description: "Namespace. Defaults to the context's." },
  kubeconfig: { type: "string", placeholder: "FILE", description: "Kubeconfig. Defaults to $KUBECONFIG." },
  context: { type: "string", placeholder: "NAME", description: "Context of the kubeconfig." },
  output: { type: "string", short: "o", placeholder: "json|yaml", description: "Print data instead of text." },
  help: { type: "boolean", short: "h", description: "Print this help and exit." },
} as const satisfies Options;

export const ALL_NAMESPACES = {
  type: "boolean",
  short: "A",
  description: "List resources in all namespaces.",
} as const satisfies Option;

export interface Arguments {
  readonly names: readonly string[];
  text(flag: string): string | undefined;
  isSet(flag: string): boolean;
}

/** @throws UsageError for flags that the command does not have, and for too few or too many arguments */
export function readArguments(
  argv: readonly string[],
  options: Options,
  { least, most }: { readonly least: number; readonly most: number },
): Arguments {
  const { values, positionals } = parsed(argv, options);
  if (!values.help && positionals.length < least) throw new UsageError("the name of a resource is missing");
  if (positionals.length > most) throw new UsageError(`unexpected argument ${JSON.stringify(positionals[most])}`);
  return {
    names: positionals,
    text: (flag) => {
      const value = values[flag];
      return typeof value === "string" && value !== "" ? value : undefined;
    },
    isSet: (flag) => values[flag] === true,
  };
}

function parsed(argv: readonly string[], options: Options) {
  try {
    const config = Object.fromEntries(
      Object.entries(options).map(([name, { type, short }]) => [
        name,
        short === undefined ? { type } : { type, short },
      ]),
    );
    return parseArgs({ args: [...argv], options: config, allowPositionals: true, strict: true });
  } catch (error: unknown) {
    if (!(error instanceof TypeError)) throw error;
    // The rest of Node's message is about how to pass an argument that begins with a hyphen.
    const [sentence = ""] = error.message.split(/[.\n]/);
    throw new UsageError(sentence.charAt(0).toLowerCase() + sentence.slice(1));
  }
}

/** The flags for `--help`, in two columns. */
export function describeOptions(options: Options): string {
  const rows = Object.entries(options).map(([name, { short, placeholder, description }]) => {
    const value = placeholder === undefined ? "" : `=${placeholder}`;
    return [`  ${short === undefined ? "    " : `-${short}, `}--${name}${value}`, description] as const;
  });
  const width = Math.max(...rows.map(([flag]) => flag.length));
  return rows.map(([flag, description]) => `${flag.padEnd(width)}  ${description}`).join("\n");
}
