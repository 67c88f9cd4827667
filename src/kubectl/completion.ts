import { UsageError } from "../flags.ts";
import { NAMESPACES } from "../kube/core-types.ts";
import { type Arguments, type Options, readArguments } from "./command-line.ts";
import type { Cluster } from "./report.ts";
import { listResources } from "./resources.ts";

/** A word that can stand at the cursor. */
export interface Candidate {
  readonly word: string;
  readonly about?: string | undefined;
}

/** The part of a command that completion knows. */
export interface Completable {
  readonly about: string;
  readonly options: Options;
  /** Its arguments; undefined if it has none. */
  readonly names: "resources" | "namespaces" | "shells" | undefined;
}

/** Reads names from the cluster that the flags on the line name; none where that is not possible. */
export type ReadNames = (what: "resources" | "namespaces", given: Arguments) => Promise<readonly string[]>;

/**
 * The words that can stand at the cursor.
 *
 * @param words those on the line after the name of the program, the last one as far as it was typed
 */
export async function candidatesFor(
  words: readonly string[],
  commands: Readonly<Record<string, Completable>>,
  read: ReadNames,
): Promise<readonly Candidate[]> {
  const current = words.at(-1) ?? "";
  const [name = ""] = words;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  const all =
    words.length < 2
      ? Object.entries(commands).map(([word, { about }]) => ({ word, about }))
      : command === undefined
        ? []
        : await inCommand(command, words.slice(1, -1), current, read);
  return all.filter(({ word }) => word.startsWith(current));
}

async function inCommand(
  { names, options }: Completable,
  before: readonly string[],
  current: string,
  read: ReadNames,
): Promise<readonly Candidate[]> {
  const open = Object.entries(options).find(([name, { short, type }]) => {
    return type === "string" && [`--${name}`, `-${short}`].includes(before.at(-1) ?? "");
  });
  const words = (list: readonly string[]) => list.map((word) => ({ word }));
  if (open === undefined && current.startsWith("-")) {
    return Object.entries(options).map(([name, { description }]) => ({ word: `--${name}`, about: description }));
  }
  if (open?.[0] === "output") return words(["json", "yaml"]);
  const what = open === undefined ? names : open[0].endsWith("namespace") ? "namespaces" : undefined;
  if (what === undefined) return [];
  if (what === "shells") return words(Object.keys(SCRIPTS));
  const given = argumentsIn(open === undefined ? before : before.slice(0, -1), options);
  if (given === undefined) return [];
  const found = await read(what, given);
  return words(open === undefined ? found.filter((name) => !given.names.includes(name)) : found);
}

/** Undefined for a line that the command would refuse. */
function argumentsIn(words: readonly string[], options: Options): Arguments | undefined {
  try {
    return readArguments(words, options, { least: 0, most: Number.POSITIVE_INFINITY });
  } catch (error: unknown) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

/** Names of the cluster, for the line that is being typed. */
export async function namesIn(cluster: Cluster, what: "resources" | "namespaces"): Promise<readonly string[]> {
  if (what === "resources") return (await listResources(cluster)).map(({ name }) => name);
  const found: string[] = [];
  for await (const { items } of cluster.kube.list(NAMESPACES, { metadataOnly: true, signal: cluster.signal })) {
    found.push(...items.map(({ metadata }) => metadata.name));
  }
  return found;
}

/** As kubectl reads them from plugins: a candidate in each line, then a line that says not to add names of files. */
export function completionLines(candidates: readonly Candidate[]): string {
  const lines = candidates.map(({ about, word }) => (about === undefined ? word : `${word}\t${about}`));
  return [...lines, ":4", ""].join("\n");
}

const PROGRAM = "kubectl-atlascerts";

/** The scripts of `completion`, by the shell. */
export const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `# source <(${PROGRAM} completion bash)
_kubectl_atlascerts() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    [[ $line == :* ]] || COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(${PROGRAM} __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _kubectl_atlascerts ${PROGRAM}
`,
  zsh: `#compdef ${PROGRAM}
# source <(${PROGRAM} completion zsh)
_kubectl_atlascerts() {
  local line
  local -a found
  for line in "\${(@f)$(${PROGRAM} __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -z $line || $line == :* ]] || found+=("\${line//$'\\t'/:}")
  done
  _describe word found
}
compdef _kubectl_atlascerts ${PROGRAM}
`,
  fish: `# ${PROGRAM} completion fish | source
function __kubectl_atlascerts
  set -l words (commandline -opc)
  set -e words[1]
  ${PROGRAM} __complete $words (commandline -ct) 2>/dev/null | string match --invert --regex '^:'
end
complete --command ${PROGRAM} --no-files --arguments '(__kubectl_atlascerts)'
`,
};
