import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { z } from "zod";
import { buildGoProgram } from "./go-program.ts";

const verdictSchema = z.object({
  status: z.enum(["InProgress", "Failed", "Current", "Terminating", "NotFound", "Unknown"]),
  message: z.string(),
});

/** What kstatus computes for an object. */
export type KstatusVerdict = z.output<typeof verdictSchema>;

export interface Kstatus extends AsyncDisposable {
  /** The verdict on an object as the API server returned it. @throws Error with what the program says went wrong */
  compute(object: unknown): Promise<KstatusVerdict>;
}

/** Builds kstatus, the Go library by which Flux and Helm 4 tell whether an object is ready; see kstatus/main.go. */
export async function buildKstatus(): Promise<Kstatus> {
  const program = await buildGoProgram("kstatus");
  return {
    compute: async (object) => {
      const running = promisify(execFile)(program.file, { timeout: 30_000, env: {} });
      running.child.stdin?.end(JSON.stringify(object));
      const { stdout } = await running;
      return verdictSchema.parse(JSON.parse(stdout));
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}
