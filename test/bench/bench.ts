/** `npm run bench`: figures of the product at work, beside what the machine gives. It judges none of them. */
import { parseArgs } from "node:util";
import { systemClock } from "../../src/clock.ts";
import { streamProgress } from "../control-plane/progress.ts";
import { burst } from "./burst.ts";
import { cluster } from "./cluster.ts";
import { consumers } from "./consumers.ts";
import { latency } from "./latency.ts";
import { assertProcFileSystem } from "./process-usage.ts";
import { steady } from "./steady.ts";
import { atMost, runProgram, UsageError, wholeNumber } from "./usage.ts";

const USAGE = `Usage: npm run bench -- --scenario burst|steady|latency|cluster|consumers [flags]

burst: how fast waiting resources become certificates, and what each costs, beside the floor of two raw writes each and
the raw protocol, every request that a certificate takes.
steady: what thousands of resources at rest cost: memory, processor time, requests, and the time to start.
latency: how long one resource waits, from its apply to Ready, while thousands are at rest.
cluster: what the Secrets of others cost beside them, in memory and at the start.
consumers: what it costs to count the pods that use a renewed certificate.

The last line of the output is JSON. A figure is never a failure; a scene that did not happen is.

Flags:
  --certificates N   burst: how many are issued (default 1000)
  --resources N      steady, latency, cluster: how many are there in the end (default 5000)
  --applies N        latency: how many are applied, one after the other (default 200)
  --foreign N        cluster: how many Secrets of others there are (default 20000)
  --pods N           consumers: how many pods use the certificate (default 10000)
  --projects N       over how many Atlas projects they are spread (default: burst 10, steady and latency 50, cluster 500)
  --seconds N        steady: how long the rest is watched (default 60)
  --cpu-profile DIR  write V8 CPU profiles of the operator into this folder
  --help             print this and exit
`;

/** Atlas' bucket of a project holds 1200 requests, and a certificate takes two: the operator would begin to wait. */
const MOST_PER_PROJECT = 500;

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      scenario: { type: "string" },
      certificates: { type: "string" },
      resources: { type: "string" },
      projects: { type: "string" },
      seconds: { type: "string" },
      foreign: { type: "string" },
      applies: { type: "string" },
      pods: { type: "string" },
      "cpu-profile": { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  await assertProcFileSystem();
  const common = {
    cpuProfileFolder: values["cpu-profile"],
    // The last line of stdout is for programs; what takes long says so beside it.
    progress: streamProgress(process.stderr, systemClock),
  };
  const { text, json } = await run(values, common);
  process.stdout.write(`${text}\n${JSON.stringify(json)}\n`);
  return 0;
}

function run(
  values: Readonly<
    Partial<
      Record<
        "scenario" | "certificates" | "resources" | "applies" | "projects" | "seconds" | "foreign" | "pods",
        string
      >
    >
  >,
  common: Pick<Parameters<typeof burst>[0], "cpuProfileFolder" | "progress">,
) {
  switch (values.scenario) {
    case "burst": {
      const certificates = wholeNumber("--certificates", values.certificates, 1000);
      const projects = wholeNumber("--projects", values.projects, 10);
      atMost("--certificates for each of --projects", certificates / projects, MOST_PER_PROJECT);
      return burst({ ...common, certificates, projects });
    }
    case "steady": {
      const resources = wholeNumber("--resources", values.resources, 5000);
      const projects = wholeNumber("--projects", values.projects, 50);
      atMost("--resources for each of --projects", resources / projects, MOST_PER_PROJECT);
      return steady({ ...common, resources, projects, seconds: wholeNumber("--seconds", values.seconds, 60) });
    }
    case "latency": {
      const resources = wholeNumber("--resources", values.resources, 5000);
      const applies = wholeNumber("--applies", values.applies, 200);
      const projects = wholeNumber("--projects", values.projects, 50);
      atMost("--resources and --applies for each of --projects", (resources + applies) / projects, MOST_PER_PROJECT);
      return latency({ ...common, resources, applies, projects });
    }
    case "cluster": {
      const resources = wholeNumber("--resources", values.resources, 5000);
      const projects = wholeNumber("--projects", values.projects, 500);
      atMost("--resources for each of --projects", resources / projects, MOST_PER_PROJECT);
      return cluster({
        ...common,
        ...{ resources, projects, foreignSecrets: wholeNumber("--foreign", values.foreign, 20_000) },
      });
    }
    case "consumers":
      return consumers({ ...common, pods: wholeNumber("--pods", values.pods, 10_000) });
    default:
      throw new UsageError("--scenario is burst, steady, latency, cluster or consumers");
  }
}

await runProgram(main);
