#!/usr/bin/env node
import { type CommandContext, runCommand } from "./command/run.ts";
import { COMMIT, VERSION } from "./command/version.ts";
import { UsageError } from "./flags.ts";
import { withSources } from "./telemetry/source-stacks.ts";

const USAGE = `Usage: atlas-cert-operator COMMAND [flags]

Keeps Atlas-managed X.509 client certificates of MongoDB database users valid in Kubernetes Secrets.

Commands:
  run        Run the operator.
  simulate   Run a simulated Atlas that issues real X.509 certificates, for demos and tests.
  kubectl    Show, check and renew certificates: the kubectl plugin "kubectl atlascerts".

Flags:
  --version  Print version and commit and exit.
  --help     Print this help and exit.

"atlas-cert-operator COMMAND --help" lists the flags of a command.
`;

/** The oldest Node that runs the sources and what they use. */
const OLDEST_NODE = 24;

async function main(argv: readonly string[], context: CommandContext): Promise<number> {
  const [command, ...rest] = argv;
  switch (command) {
    case "run":
      return runCommand(rest, context);
    case "simulate": {
      // In the image the simulator is a script of its own, so that the operator's process never holds it.
      const { simulateCommand } = await import("./simulator/command.ts");
      return simulateCommand(rest, context);
    }
    case "kubectl": {
      const { kubectlCommand } = await import("./kubectl/command.ts");
      return kubectlCommand(rest, context);
    }
    case "--version":
    case "version":
      context.stdout.write(`atlas-cert-operator ${VERSION}${COMMIT === undefined ? "" : ` (commit ${COMMIT})`}\n`);
      return 0;
    case "--help":
    case "-h":
    case "help":
      context.stdout.write(USAGE);
      return 0;
    case undefined:
      context.stderr.write(USAGE);
      return 2;
    default:
      throw new UsageError(`unknown command ${JSON.stringify(command)}: the commands are run, simulate and kubectl`);
  }
}

/** The first SIGTERM or SIGINT ends in good order; the second at once. */
function stopOnSignals(): AbortSignal {
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(1);
      stop.abort(new Error(`${name} received`));
    });
  }
  return stop.signal;
}

/** Reports a crash; a command with a log puts it there. */
let report = (error: unknown): void => {
  process.stderr.write(
    `atlas-cert-operator: ${error instanceof Error ? withSources(error.stack ?? error.message) : String(error)}\n`,
  );
};

function onCrash(reportTo: (error: unknown) => void): void {
  report = reportTo;
}

function die(error: unknown): never {
  // By its name: in the image, the simulator's script has a class UsageError of its own.
  if (error instanceof Error && error.name === UsageError.name) {
    process.stderr.write(`atlas-cert-operator: ${error.message.replace(/\.$/, "")}. See --help.\n`);
    process.exit(2);
  }
  report(error);
  process.exit(1);
}

if (Number(process.versions.node.split(".")[0]) < OLDEST_NODE) {
  die(new UsageError(`Node ${OLDEST_NODE} or newer is needed, and this is ${process.version}`));
}
// Half alive is worse than dead: the kubelet starts a new one.
process.on("unhandledRejection", die);
process.on("uncaughtException", die);
const { stdout, stderr, env: environment } = process;
const context: CommandContext = { stdout, stderr, environment, signal: stopOnSignals(), onCrash };
process.exit(await main(process.argv.slice(2), context).catch(die));
