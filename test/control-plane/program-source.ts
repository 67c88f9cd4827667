import type { Progress } from "./progress.ts";

/** What a node needs beside the control plane, so that pods run. Only the end-to-end test asks for them. */
export const NODE_PROGRAMS = ["kubelet", "kube-scheduler", "kube-proxy"] as const;

/** The programs that a control plane, and a node of it, can be made of. */
export type ProgramName =
  | "etcd"
  | "kube-apiserver"
  | "kubectl"
  | "kube-controller-manager"
  | (typeof NODE_PROGRAMS)[number];

/** What the demo needs; the tests need kube-controller-manager as well. */
export const SERVER_PROGRAMS = ["etcd", "kube-apiserver", "kubectl"] as const satisfies readonly ProgramName[];

export type SourceAnswer =
  | {
      readonly kind: "found";
      /** The folder that holds every program needed. */
      readonly directory: string;
      /** Of Kubernetes, as in `v1.37.2`. */
      readonly version: string;
    }
  /** Tried, and it can't supply all that is needed; the reason follows "passed over: ". */
  | { readonly kind: "passedOver"; readonly reason: string }
  /** Nobody asked for this way. Worth a line only once another way has failed too. */
  | { readonly kind: "notAskedFor"; readonly reason: string };

/** One way to get the programs: all those needed at one version, or none. */
export interface ProgramSource {
  /** As it stands in messages. */
  readonly name: string;
  find(need: ReadonlySet<ProgramName>): Promise<SourceAnswer>;
}

/** Programs that are there to be run. */
export interface ResolvedPrograms {
  readonly directory: string;
  /** Of Kubernetes, as in `v1.37.2`. */
  readonly version: string;
  /** The name of the source that had them. */
  readonly source: string;
}

/** No source could supply the programs. The message holds what to do and why each way was passed over. */
export class NoProgramsError extends Error {
  override readonly name = "NoProgramsError";
}

/**
 * Asks each source in turn and takes the first that has everything. Each reason is printed when the search goes on.
 *
 * @throws NoProgramsError when no source has them.
 */
export async function chooseSource(
  need: ReadonlySet<ProgramName>,
  sources: readonly ProgramSource[],
  progress: Progress,
): Promise<ResolvedPrograms> {
  const reasons: string[] = [];
  let unsaid: string[] = [];
  for (const source of sources) {
    const answer = await source.find(need);
    if (answer.kind === "found") {
      return { directory: answer.directory, version: answer.version, source: source.name };
    }
    const reason = `${source.name} passed over: ${answer.reason}`;
    reasons.push(reason);
    unsaid.push(reason);
    if (answer.kind === "passedOver") {
      for (const line of unsaid) progress.line(line);
      unsaid = [];
    }
  }
  throw new NoProgramsError(
    [
      `No Kubernetes control plane to run, for want of ${[...need].join(", ")}. Mend one of these ways:`,
      ...reasons.map((reason) => `  ${reason}`),
    ].join("\n"),
  );
}
