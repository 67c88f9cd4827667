import type { Clock } from "../clock.ts";
import type { KubeApi } from "../kube/kube-api.ts";
import type { Page } from "./text.ts";

/** How a command ends. */
export const EXIT = {
  ok: 0,
  /** The question could not be answered: no such resource, no access, no API server. */
  failed: 1,
  usage: 2,
  /** It was answered, and the answer is that something needs attention. */
  attention: 3,
} as const;

/** The findings of a command, as data for programs and as text for people. */
export interface Report {
  readonly data: unknown;
  readonly lines: (page: Page) => readonly string[];
  readonly exitCode: (typeof EXIT)[keyof typeof EXIT];
}

/** The surroundings of a command. */
export interface Cluster {
  readonly kube: Pick<KubeApi, "create" | "get" | "list" | "mergePatch">;
  /** That of `--namespace`, or of the context; undefined for all of them. */
  readonly namespace: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Says what a command that takes longer than a moment is doing. */
  readonly progress: (line: string) => void;
}

/** A sentence for the person who typed the command: nothing of it is a bug. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
