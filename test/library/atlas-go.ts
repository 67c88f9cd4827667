import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { z } from "zod";
import { buildGoProgram } from "./go-program.ts";

const execute = promisify(execFile);

const outcome = z.object({
  created: z.string(),
  listed: z.array(z.string()),
  subject: z.string(),
  customerX509: z.tuple([z.boolean(), z.boolean()]),
  unknownUser: z.string(),
  badMonths: z.string(),
});

const users = z.object({
  x509Types: z.array(z.string()),
  listed: z.boolean(),
  selfManaged: z.string(),
  customerX509: z.string(),
  anew: z.number(),
  deleted: z.string(),
});

/** What MongoDB's Go code got from an Atlas; see atlas-go/main.go. */
const report = z.object({ legacy: outcome, current: outcome, users });
export type AtlasGoReport = z.infer<typeof report>;

export interface AtlasGoOptions {
  readonly baseUrl: string;
  readonly projectId: string;
  readonly username: string;
  readonly kind: "digest" | "oauth";
  readonly login: string;
  readonly secret: string;
}

export interface AtlasGo extends AsyncDisposable {
  /** @throws Error with what the program says went wrong */
  run(options: AtlasGoOptions): Promise<AtlasGoReport>;
}

/** Builds the program of atlas-go/. */
export async function buildAtlasGo(): Promise<AtlasGo> {
  const program = await buildGoProgram("atlas-go");
  return {
    run: async ({ baseUrl, projectId, username, kind, login, secret }) => {
      const { stdout } = await execute(program.file, [baseUrl, projectId, username, kind, login, secret], {
        timeout: 60_000,
        // No proxy of this machine is to stand between the two.
        env: {},
      });
      return report.parse(JSON.parse(stdout));
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}
