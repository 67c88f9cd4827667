import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { z } from "zod";
import { buildGoProgram } from "./go-program.ts";

export interface AdmissionRequest {
  readonly username: string;
  readonly object: object;
  /** Of an update. */
  readonly oldObject?: object;
}

export interface Admission extends AsyncDisposable {
  /**
   * The messages of a ValidatingAdmissionPolicy's validations that refuse each request about a Secret.
   *
   * @throws Error with what the compiler says is wrong with an expression
   */
  refusals(policy: object, requests: readonly AdmissionRequest[]): Promise<readonly (readonly string[])[]>;
}

/** Builds the evaluation of admission policies of Kubernetes 1.30, the oldest that has them; see admission/main.go. */
export async function buildAdmission(): Promise<Admission> {
  const program = await buildGoProgram("admission");
  return {
    refusals: async (policy, requests) => {
      const running = promisify(execFile)(program.file, { timeout: 30_000, env: {} });
      running.child.stdin?.end(JSON.stringify({ policy, requests }));
      const { stdout } = await running;
      return z.array(z.array(z.string())).parse(JSON.parse(stdout));
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}
