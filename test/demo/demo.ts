/** `make demo`: the whole product at work on a real API server, as one story. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { systemClock } from "../../src/clock.ts";
import { UnwritableCacheError } from "../control-plane/cache-folder.ts";
import { NoProgramsError } from "../control-plane/program-source.ts";
import { formatElapsed, streamProgress } from "../control-plane/progress.ts";
import { logIn } from "./log-in.ts";
import { MONTH, type Stage, setStage } from "./stage.ts";
import { Terminal } from "./terminal.ts";

const NAMESPACE = "shop";
const CERTIFICATE = "orders-api";
const SECRET = "orders-api-mongodb";
const WAIT_MS = 60_000;

const terminal = new Terminal(process.stdout);
const progress = streamProgress(process.stdout, systemClock);

/** Tells the story; throws where it does not happen. */
async function tell(stage: Stage): Promise<void> {
  const kubectl = async (...args: readonly string[]) => {
    terminal.command(`kubectl ${args.join(" ")}`);
    terminal.output(await stage.kubectl(...args));
  };

  terminal.step("Give the operator access to Atlas: a Secret with a service account");
  const account = stage.simulator.credentials.find(({ id }) => id === "owner-service-account");
  if (account?.clientId === undefined) throw new Error("the simulator has no service account");
  await stage.kubectl("create", "namespace", NAMESPACE);
  await stage.kubectl("config", "set-context", "--current", `--namespace=${NAMESPACE}`);
  terminal.command("kubectl create secret generic atlas-api --from-literal=clientId=… --from-literal=clientSecret=…");
  terminal.output(
    await stage.kubectl(
      ...["create", "secret", "generic", "atlas-api"],
      `--from-literal=clientId=${account.clientId}`,
      `--from-literal=clientSecret=${account.clientSecret}`,
    ),
  );

  terminal.step("Ask for a certificate");
  const asked = systemClock.monotonic();
  await kubectl("apply", "-f", "deploy/samples/first-certificate.yaml");
  await kubectl("wait", "--for=condition=Ready", `auc/${CERTIFICATE}`, "--timeout=30s");
  terminal.proven(`Ready ${formatElapsed(systemClock.monotonic() - asked)} after it was asked for.`);
  await kubectl("get", "auc");

  terminal.step("What an app mounts");
  terminal.command(`kubectl describe secret ${SECRET}`);
  const described = await stage.kubectl("describe", "secret", SECRET);
  // Names and sizes; the annotations before them are for the operator.
  terminal.output(described.slice(described.indexOf("Type:")));
  const user = await logIn(await pemOf(stage), await readFile(stage.simulator.caFile, "utf8"));
  terminal.proven(`A TLS server that takes only this project's client certificates let in user ${user}.`);

  terminal.step(`The operator renews the certificate: here a month lasts ${MONTH}, and it was issued for three`);
  const first = await statusOf(stage);
  terminal.line(`  serial ${first.serialNumber}, expires ${first.notAfter}`);
  const renewed = await progress.step(`  waiting for the renewal, which is due at ${first.renewalTime}`, () =>
    untilOtherSerial(stage, first.serialNumber),
  );
  terminal.line(`  serial ${renewed.serialNumber}, expires ${renewed.notAfter}`);
  const leftMs = Date.parse(first.notAfter) - Date.now();
  if (leftMs <= 0) throw new Error("the old certificate expired before the new one was there");
  terminal.proven(`The new one is there ${formatElapsed(leftMs)} before the old one expires.`);

  terminal.step("Someone deletes the Secret");
  await kubectl("delete", "secret", SECRET);
  const deleted = systemClock.monotonic();
  const again = await untilOtherSerial(stage, renewed.serialNumber);
  terminal.proven(
    `It is back after ${formatElapsed(systemClock.monotonic() - deleted)}, with serial ${again.serialNumber}.`,
  );
  await kubectl("get", "auc");
  await logIn(await pemOf(stage), await readFile(stage.simulator.caFile, "utf8"));
}

interface CertificateStatus {
  readonly serialNumber: string;
  readonly notAfter: string;
  readonly renewalTime: string;
}

async function statusOf(stage: Stage): Promise<CertificateStatus> {
  const fields = "{.status.serialNumber} {.status.notAfter} {.status.renewalTime}";
  const [serialNumber = "", notAfter = "", renewalTime = ""] = (
    await stage.kubectl("get", "auc", CERTIFICATE, "-o", `jsonpath=${fields}`)
  ).split(" ");
  return { serialNumber, notAfter, renewalTime };
}

/** Waits until the resource and its Secret agree on a certificate other than this one. */
async function untilOtherSerial(stage: Stage, serialNumber: string): Promise<CertificateStatus> {
  const deadline = systemClock.monotonic() + WAIT_MS;
  const annotation = "jsonpath={.metadata.annotations.atlascerts\\.io/serial-number}";
  for (;;) {
    const status = await statusOf(stage);
    if (status.serialNumber !== "" && status.serialNumber !== serialNumber) {
      const written = await stage.kubectl("get", "secret", SECRET, "-o", annotation);
      if (written === status.serialNumber) return status;
    }
    if (systemClock.monotonic() > deadline) throw new Error(`no new certificate within ${formatElapsed(WAIT_MS)}`);
    await systemClock.sleep(250);
  }
}

async function pemOf(stage: Stage): Promise<string> {
  const encoded = await stage.kubectl("get", "secret", SECRET, "-o", "jsonpath={.data.tls-combined\\.pem}");
  return Buffer.from(encoded, "base64").toString("utf8");
}

function tellHowToGoOn({ controlPlane }: Stage): void {
  terminal.step("Continue in another terminal (the second line provides kubectl if you have none)");
  terminal.line(`  export KUBECONFIG=${controlPlane.kubeconfigPath}`);
  const home = homedir();
  const programs = path.resolve(controlPlane.binDirectory);
  terminal.line(`  export PATH=$PATH:${programs.startsWith(home) ? `~${programs.slice(home.length)}` : programs}`);
  terminal.line("  kubectl get auc --watch");
  terminal.line(`  kubectl describe auc ${CERTIFICATE}`);
  terminal.line(`  kubectl annotate --overwrite auc ${CERTIFICATE} atlascerts.io/renew-requested-at="$(date)"`);
  terminal.line("  kubectl explain auc.spec");
}

async function main(): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  terminal.line(`atlas-cert-operator: a real kube-apiserver, and an Atlas that is simulated (a month lasts ${MONTH})`);
  // What runs here are processes that nobody waits for: without a timer this one would end before the person does.
  const alive = setInterval(() => {}, 60_000);
  const started = systemClock.monotonic();
  const stage = await setStage(progress);
  try {
    const ready = formatElapsed(systemClock.monotonic() - started);
    terminal.line(`kube-apiserver ${stage.controlPlane.version}, simulated Atlas and operator are running (${ready})`);
    const aborted = new Promise<"aborted">((resolve) => {
      stop.signal.addEventListener("abort", () => resolve("aborted"), { once: true });
      if (stop.signal.aborted) resolve("aborted");
    });
    if ((await Promise.race([tell(stage), aborted])) === "aborted") return 130;
    tellHowToGoOn(stage);
    if (process.env.DEMO_EXIT !== "1") {
      terminal.line("\nCtrl-C stops everything that was started here.");
      await aborted;
    }
    return 0;
  } catch (error: unknown) {
    terminal.failed(error instanceof Error ? error.message : String(error));
    terminal.line(`\nThe operator's last words:\n${await stage.operatorLog()}`);
    return 1;
  } finally {
    await stage.close();
    clearInterval(alive);
  }
}

try {
  process.exit(await main());
} catch (error: unknown) {
  // What a person has to mend on this machine reads better without a stack.
  const isForPeople = error instanceof NoProgramsError || error instanceof UnwritableCacheError;
  process.stderr.write(`${isForPeople ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}
