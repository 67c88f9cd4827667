import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { PROMETHEUS_BUILD_MS, resolvePromtool } from "../../chart/prometheus.ts";
import { controlPlane } from "../../control-plane/control-plane.ts";
import { silentProgress } from "../../control-plane/progress.ts";
import { run } from "../chart/rendering.ts";
import { runCommandLine } from "../command-process.ts";
import { expectNoKeyMaterial, PRODUCTION } from "../operator/scene.ts";
import { OperatorProcess, openScene } from "./operator-process.ts";

test("serves what a person and an alert want to know of a certificate, and lets go of it with the resource", async () => {
  const scene = await openScene();
  const operator = await OperatorProcess.start(scene);
  await scene.apply();
  const { status } = await scene.untilIssued();
  const labels = `{namespace="${scene.namespace}",name="orders-api"}`;
  await expect.poll(async () => (await operator.metrics()).series.get("atlascerts_events_sent_total")).toBe(1);

  const { series, text } = await operator.metrics();
  const info = `,secret="orders-api-mongodb",username="orders-api",project="",project_id="${PRODUCTION}"}`;
  const seconds = (time: string | undefined) => Date.parse(time ?? "") / 1000;
  expect(Object.fromEntries(series)).toMatchObject({
    [`atlascerts_certificate_not_after_timestamp_seconds${labels}`]: seconds(status.notAfter),
    [`atlascerts_certificate_renewal_timestamp_seconds${labels}`]: seconds(status.renewalTime),
    [`atlascerts_certificate_not_before_timestamp_seconds${labels}`]: seconds(status.notBefore),
    [`atlascerts_certificate_verified_timestamp_seconds${labels}`]: seconds(status.lastVerifiedTime),
    [`atlascerts_resource_info${labels.replace("}", info)}`]: 1,
    [`atlascerts_resource_ready${labels.replace("}", ',reason="Issued"}')}`]: 1,
    [`atlascerts_resource_action_required${labels.replace("}", ',reason="None"}')}`]: 0,
    [`atlascerts_issuance_budget_left${labels}`]: 3,
    [`atlascerts_atlas_project_requests_total{project_id="${PRODUCTION}",status="2xx"}`]: expect.any(Number),
    [`atlascerts_atlas_last_success_timestamp_seconds{project_id="${PRODUCTION}"}`]: expect.any(Number),
    [`atlascerts_resource_suspended${labels}`]: 0,
    [`atlascerts_resource_stalled${labels.replace("}", ',reason="None"}')}`]: 0,
    'atlascerts_resources{ready="True",reason="Issued"}': 1,
    atlascerts_renewals_overdue: 0,
    'atlascerts_certificates_issued_total{reason="SecretMissing"}': 1,
    'atlascerts_certificates_issued_total{reason="NearingExpiry"}': 0,
    'atlascerts_reconciles_total{decision="issue",outcome="issued",reason="SecretMissing"}': 1,
    atlascerts_orphans_found_total: 0,
    'atlascerts_atlas_requests_total{operation="createDatabaseUserCertificate",status="2xx"}': 1,
    'atlascerts_atlas_requests_total{operation="authenticate",status="2xx"}': 1,
    'atlascerts_atlas_request_duration_seconds_count{operation="createDatabaseUserCertificate"}': 1,
    'atlascerts_kube_requests_total{verb="watch",code="200"}': 3,
    [`atlascerts_watch_relists_total{watch="secrets-managed",watch_namespace="${scene.namespace}"}`]: 0,
    atlascerts_events_dropped_total: 0,
    atlascerts_workqueue_stuck: 0,
    atlascerts_leader: 1,
  });
  const tokens = `atlascerts_atlas_rate_limit_tokens{project_id="${PRODUCTION}"}`;
  expect(series.get(tokens)).toBeGreaterThan(1000);
  expect(series.get("atlascerts_workqueue_wait_duration_seconds_count")).toBeGreaterThan(0);
  expect(series.get("process_resident_memory_bytes")).toBeGreaterThan(1e7);
  expectNoKeyMaterial(text, [(await scene.secret())?.data["tls.key"] ?? ""]);

  await scene.delete("orders-api");
  await expect.poll(async () => (await operator.metrics()).text.includes(labels)).toBe(false);
});

test(
  "promtool finds nothing in a scrape, and each label is one of a closed list",
  async () => {
    const promtool = await resolvePromtool({ progress: silentProgress });
    const scene = await openScene();
    const operator = await OperatorProcess.start(scene);
    await scene.apply();
    await scene.untilIssued();
    // A name that is written as it is would end its label, and Prometheus would drop the whole scrape.
    await scene.apply("quoted", { username: String.raw`CN=a\"b\\,O="é"` });
    await scene.untilReason("UserNotFound", "quoted");
    const { text } = await operator.metrics();
    // It prints what it finds, and its exit code tells whether it found anything.
    expect(await run(promtool, ["check", "metrics"], text)).toEqual({ code: 0, stdout: "", stderr: "" });
    const names = [...text.matchAll(/^# TYPE (atlascerts_\w+) /gm)].map(([, name = ""]) => name);
    expect(names.length).toBeGreaterThan(35);
    for (const name of names) {
      expect(text, name).toMatch(new RegExp(`^# HELP ${name} [A-Z0-9].*\\.$`, "m"));
    }
    const labels = new Set(
      [...text.matchAll(/^atlascerts_\w+\{(.*)\} /gm)].flatMap(([, all = ""]) =>
        [...all.matchAll(/(\w+)="/g)].map(([, label]) => label),
      ),
    );
    expect([...labels].toSorted()).toEqual([
      ...["cause", "code", "decision", "le", "name", "namespace", "node_version", "operation", "outcome", "project"],
      ...["project_id", "ready", "reason", "result", "secret", "status", "username", "verb", "version", "watch"],
      "watch_namespace",
    ]);
  },
  PROMETHEUS_BUILD_MS,
);

test("of two replicas both are ready and live, and one leads", async () => {
  const scene = await openScene();
  const leader = await OperatorProcess.start(scene);
  await leader.until("started leading");
  const standby = await OperatorProcess.start(scene);
  await standby.until("waiting for the lease");
  await expect.poll(() => standby.health("/readyz")).toEqual([200, "ok"]);
  expect(await leader.health("/readyz?verbose")).toEqual([
    200,
    "[+]caches-synced ok\n[+]watches-fresh ok\n[+]shutdown ok\nreadyz check passed\n",
  ]);
  for (const replica of [leader, standby]) {
    expect(await replica.health("/livez?verbose")).toEqual([
      200,
      "[+]event-loop ok\n[+]work-queue ok\n[+]lease ok\nlivez check passed\n",
    ]);
  }
  const leading = async (replica: OperatorProcess) => (await replica.metrics()).series.get("atlascerts_leader");
  expect([await leading(leader), await leading(standby)]).toEqual([1, 0]);

  leader.command.kill("SIGTERM");
  await expect.poll(() => leading(standby), { timeout: 10_000 }).toBe(1);
});

test("a port that is in use is one sentence and the end, with 1", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  onTestFinished(() => void other.close());
  const bound = other.address();
  const port = typeof bound === "object" ? bound?.port : undefined;
  const { exitCode, stdout, stderr } = await runCommandLine([
    "run",
    `--kubeconfig=${controlPlane().kubeconfigPath}`,
    "--metrics-bind-address=0",
    `--health-bind-address=127.0.0.1:${port}`,
  ]);
  expect([exitCode, stderr]).toEqual([1, ""]);
  expect(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({
    level: "error",
    msg: `can't serve health on 127.0.0.1:${port}: the port is in use`,
  });
  expect(stdout).not.toContain("waiting for the lease");
});
