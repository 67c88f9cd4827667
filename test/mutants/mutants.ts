import type { Edit } from "../edit.ts";
import { CLUSTER } from "./list/cluster.ts";
import { CONSUMERS } from "./list/consumers.ts";
import { DECIDE } from "./list/decide.ts";
import { KUBE } from "./list/kube.ts";
import { PACING } from "./list/pacing.ts";
import { PROJECTS } from "./list/projects.ts";
import { RESTARTS } from "./list/restarts.ts";
import { SHELL } from "./list/shell.ts";
import { SITUATION } from "./list/situation.ts";
import { STATUS } from "./list/status.ts";

export interface Mutant extends Edit {
  readonly why: string;
  readonly tests: readonly string[];
}

export const MUTANTS: readonly Mutant[] = [
  ...SITUATION,
  ...DECIDE,
  ...STATUS,
  ...CLUSTER,
  ...SHELL,
  ...KUBE,
  ...PACING,
  ...PROJECTS,
  ...RESTARTS,
  ...CONSUMERS,
].flatMap(({ file, tests, mutants }) => mutants.map((mutant) => ({ file, tests, ...mutant })));
