/** kubectl and helm, as a person would run them against the story's cluster. */
import path from "node:path";
import { inject } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { type CommandOptions, runCommand } from "../run-command.ts";

export const ROOT = path.join(import.meta.dirname, "../..");
const POLL_MS = 250;

/** Runs kubectl and gives what it prints. @throws CommandError */
export function kubectl(...args: readonly string[]): Promise<string> {
  const { binDirectory } = inject("cluster");
  return inCluster([path.join(binDirectory, "kubectl"), ...args]);
}

/** `kubectl apply` of objects or of one manifest as YAML, in a namespace. */
export async function apply(namespace: string, ...objects: readonly object[] | readonly [string]): Promise<string> {
  const [manifest] = objects;
  return applyText(namespace, typeof manifest === "string" ? manifest : listOf(objects));
}

/** The same for objects that are too large for the annotation in which kubectl keeps a copy of what it applied. */
export async function applyLarge(namespace: string, ...objects: readonly object[]): Promise<string> {
  return applyText(namespace, listOf(objects), "--server-side");
}

function applyText(namespace: string, input: string, ...flags: readonly string[]): Promise<string> {
  const { binDirectory } = inject("cluster");
  const command = [path.join(binDirectory, "kubectl"), "apply", "--namespace", namespace, "--filename=-", ...flags];
  return inCluster(command, { input });
}

function listOf(objects: readonly (object | string)[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
}

/** What `kubectl get -o json` says, parsed. The caller knows what it asked for. */
export async function get<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl("get", ...args, "--output=json"));
}

/** Runs helm and gives what it prints. @throws CommandError */
export function helm(...args: readonly string[]): Promise<string> {
  return inCluster([inject("helm"), ...args]);
}

export interface InClusterOptions extends Pick<CommandOptions, "input"> {
  /** Environment variables, beside this process's own. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** Runs any command from where the cluster can be reached, at the root of the repository. @throws CommandError */
export function inCluster(command: readonly string[], options: InClusterOptions = {}): Promise<string> {
  const { enter, kubeconfigPath } = inject("cluster");
  const { variables, ...rest } = options;
  const env = { ...process.env, ...variables, KUBECONFIG: kubeconfigPath };
  return runCommand([...enter, ...command], { ...rest, env, cwd: ROOT });
}

/**
 * Asks again and again until there is an answer.
 *
 * @param what goes into the error, as in "no <what> within 30 s"
 * @param ask gives undefined for "not yet"; an error is told when the time is over
 */
export async function eventually<T>(what: string, limitMs: number, ask: () => Promise<T | undefined>): Promise<T> {
  const deadlineMs = systemClock.monotonic() + limitMs;
  for (;;) {
    let cause: unknown;
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error: unknown) {
      cause = error;
    }
    if (systemClock.monotonic() > deadlineMs) throw new Error(`no ${what} within ${limitMs / 1_000} s`, { cause });
    await systemClock.sleep(POLL_MS);
  }
}
