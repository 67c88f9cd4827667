/**
 * `make audit`: asks the package registry for known vulnerabilities of the packages in the lock file. Ends with 0 when there
 * is none, 1 when there are some or npm can't ask, and 3 when the registry does not answer: then nothing is known.
 */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import * as z from "zod";

const UNANSWERED = 3;
const reportSchema = z.object({
  metadata: z.object({
    vulnerabilities: z.object({ total: z.int() }),
    dependencies: z.object({ total: z.int() }),
  }),
  vulnerabilities: z.record(z.string(), z.object({ severity: z.string(), range: z.string() })),
});
/** What npm itself could not do, such as read the lock file, as opposed to what a registry refused. */
const errorSchema = z.object({ error: z.object({ code: z.string(), summary: z.string() }) });
const OF_THE_NETWORK = /^(E[45]\d\d|E(NOTFOUND|TIMEDOUT|AI_AGAIN|CONN\w*|HOSTUNREACH|NETUNREACH)|ERR_SOCKET\w*)$/;
const refusalSchema = z.object({ message: z.string() });

process.exitCode = await audit();

async function audit(): Promise<number> {
  const npm = spawn("npm", ["audit", "--json"], { stdio: ["ignore", "pipe", "ignore"] });
  const answer = parseJson(await text(npm.stdout));
  const report = reportSchema.safeParse(answer);
  if (!report.success) {
    const failure = errorSchema.safeParse(answer);
    if (failure.success && !OF_THE_NETWORK.test(failure.data.error.code)) {
      say(`npm audit could not be run: ${failure.data.error.summary}`);
      return 1;
    }
    const refusal = refusalSchema.safeParse(answer);
    const why = refusal.success ? refusal.data.message : "no report came back";
    say(`NOT CHECKED: the package registry does not answer npm audit (${why}). Nothing is known of vulnerabilities.`);
    return UNANSWERED;
  }
  const { metadata, vulnerabilities } = report.data;
  if (metadata.vulnerabilities.total === 0) {
    say(`none of the ${metadata.dependencies.total} packages has a known vulnerability`);
    return 0;
  }
  for (const [name, { severity, range }] of Object.entries(vulnerabilities)) say(`${name} ${range}: ${severity}`);
  say("packages have known vulnerabilities: `npm audit` says which versions mend them");
  return 1;
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
