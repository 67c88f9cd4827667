import { systemClock } from "../../src/clock.ts";
import { CertificateAuthority } from "../../src/simulator/certificate-authority.ts";
import type { Report } from "../control-plane/progress.ts";
import type { Wanted } from "./fixtures.ts";
import { type CpuTimes, cpuBetween, cpuTimes } from "./gauges.ts";
import { inParallel } from "./in-parallel.ts";
import { FLOOR_PROJECT, floorUser, RawAtlas } from "./raw-atlas.ts";
import { CERTIFICATES_ROOT, certificatePath, createCertificate, createNamespace, secretPath } from "./resources.ts";
import type { BenchScene } from "./scene.ts";

/** What a course of calls took. */
export interface Calls {
  readonly elapsedMs: number;
  readonly cpu: CpuTimes;
}

/** As many plain callers as the operator has workers. */
const CALLERS = 16;
/** Certificates that the API server warms up on, beyond those that are measured. */
export const WARM_UP = 64;
const NAMESPACE = "bench-floor";
const YEAR_MS = 365 * 86_400_000;

/** The requests for one certificate, made one after the other by a caller who does nothing else. */
export type Course = (
  scene: BenchScene,
  one: Wanted,
  data: Readonly<Record<string, string>>,
  atlas: RawAtlas,
) => Promise<void>;

/** The least that a certificate in a Secret can cost: one apply of the Secret and one patch of the status. */
export const TWO_WRITES: Course = async (scene, one, data) => {
  await scene.must(
    "PATCH",
    `${secretPath(one)}?fieldManager=floor&force=true`,
    secret(one, data),
    "application/apply-patch+yaml",
  );
  await patchStatus(scene, one, status(one));
};

/**
 * The requests of the issuing protocol until a resource is Ready, watches aside: the dry run, Atlas' list, the record, the
 * create at Atlas, the Secret and the closing status. Nobody who follows it is faster than these callers.
 */
const UNTIL_READY: Course = async (scene, one, data, atlas) => {
  const secrets = `/api/v1/namespaces/${one.namespace}/secrets`;
  await scene.must("POST", `${secrets}?dryRun=All&fieldManager=floor`, secret(one, data));
  await atlas.list(one);
  await patchStatus(scene, one, { conditions: conditions(one, "True"), issuance: issuance(one) });
  await atlas.create(one);
  await scene.must("POST", `${secrets}?fieldManager=floor`, secret(one, data));
  await patchStatus(scene, one, { ...status(one), issuance: null });
};

/** The whole protocol: with the Event. */
export const PROTOCOL: Course = async (scene, one, data, atlas) => {
  await UNTIL_READY(scene, one, data, atlas);
  await scene.must("POST", `/apis/events.k8s.io/v1/namespaces/${one.namespace}/events`, event(one));
};

/**
 * Runs a course for many certificates, with Secrets and statuses of the real size, from 16 plain callers. Its objects are
 * gone afterwards.
 *
 * @returns how long it took, and the processor time of those who served it
 */
export async function measureCalls(
  scene: BenchScene,
  course: Course,
  certificates: number,
  report: Report,
): Promise<Calls> {
  await createFloorNamespace(scene);
  await inParallel(certificates + WARM_UP, CALLERS, (index) => createCertificate(scene, one(index)));
  const data = await secretData();
  const atlas = await RawAtlas.open(scene.atlasUrl);
  await inParallel(WARM_UP, CALLERS, (index) => course(scene, one(certificates + index), data, atlas));
  const before = await cpuTimes(scene);
  const started = systemClock.monotonic();
  await inParallel(certificates, CALLERS, (index) => course(scene, one(index), data, atlas), report);
  const elapsedMs = systemClock.monotonic() - started;
  const cpu = cpuBetween(before, await cpuTimes(scene));
  atlas.close();
  await scene.must("DELETE", `${CERTIFICATES_ROOT}/namespaces/${NAMESPACE}/atlasusercertificates`);
  await scene.must("DELETE", `/api/v1/namespaces/${NAMESPACE}/secrets`);
  await scene.must("DELETE", `/apis/events.k8s.io/v1/namespaces/${NAMESPACE}/events`);
  return { elapsedMs, cpu };
}

/** How long one plain caller takes for each of many resources, one after the other, from its apply to Ready, in milliseconds. */
export async function timesUntilReady(scene: BenchScene, resources: number): Promise<readonly number[]> {
  await createFloorNamespace(scene);
  const data = await secretData();
  const atlas = await RawAtlas.open(scene.atlasUrl);
  const times: number[] = [];
  for (let index = 0; index < WARM_UP + resources; index++) {
    const started = systemClock.monotonic();
    await createCertificate(scene, one(index));
    await UNTIL_READY(scene, one(index), data, atlas);
    times.push(systemClock.monotonic() - started);
  }
  atlas.close();
  return times.slice(WARM_UP);
}

async function createFloorNamespace(scene: BenchScene): Promise<void> {
  if ((await scene.rest("GET", `/api/v1/namespaces/${NAMESPACE}`)).status === 404) {
    await createNamespace(scene, NAMESPACE);
  }
}

/** The raw callers' resource of this number. */
function one(index: number): Wanted {
  return {
    namespace: NAMESPACE,
    name: `floor-${index}`,
    projectId: FLOOR_PROJECT,
    username: floorUser(index),
    secretName: `floor-${index}-mongodb`,
  };
}

function patchStatus(scene: BenchScene, one: Wanted, patch: object) {
  return scene.must("PATCH", `${certificatePath(one)}/status`, { status: patch }, "application/merge-patch+json");
}

async function secretData(): Promise<Readonly<Record<string, string>>> {
  const authority = await CertificateAuthority.create("floor", "ec-p256");
  const lifetime = { notBefore: new Date(), notAfter: new Date(Date.now() + YEAR_MS) };
  const { certificatePem, privateKeyPem } = await authority.issueClient([[{ type: "CN", value: "floor" }]], lifetime);
  const entries = {
    "tls.crt": certificatePem,
    "tls.key": privateKeyPem,
    "tls-combined.pem": certificatePem + privateKeyPem,
  };
  return Object.fromEntries(Object.entries(entries).map(([key, pem]) => [key, Buffer.from(pem).toString("base64")]));
}

const FINGERPRINT = Array.from({ length: 32 }, () => "A5").join(":");

/** Labels and annotations as those of the operator's Secrets, but under another prefix: it must not take them for its own. */
function secret({ name, projectId, username, secretName }: Wanted, data: Readonly<Record<string, string>>) {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/tls",
    metadata: {
      name: secretName,
      labels: { "floor.example.com/managed": "true" },
      annotations: {
        "floor.example.com/certificate-name": name,
        "floor.example.com/certificate-uid": crypto.randomUUID(),
        "floor.example.com/project-id": projectId,
        "floor.example.com/username": username,
        "floor.example.com/serial-number": "1259955449071418872",
        "floor.example.com/not-after": new Date(Date.now() + YEAR_MS).toISOString(),
        "floor.example.com/fingerprint": FINGERPRINT,
      },
    },
    data,
  };
}

/** A status as the operator leaves it. */
function status(one: Wanted) {
  const { now, later } = times();
  return {
    conditions: conditions(one, "False"),
    observedGeneration: 1,
    secretName: one.secretName,
    serialNumber: "1259955449071418872",
    fingerprint: FINGERPRINT,
    notBefore: now,
    notAfter: later,
    renewalTime: later,
    lastVerifiedTime: now,
    revision: 1,
    recentIssuances: [{ time: now, reason: "SecretMissing", serialNumber: "1259955449071418872", notAfter: later }],
    unexpiredCertificates: 1,
  };
}

function conditions({ secretName }: Wanted, issuing: "True" | "False") {
  const { now, later } = times();
  const isReady = issuing === "False";
  const condition = { observedGeneration: 1, lastTransitionTime: now, reason: isReady ? "Issued" : "SecretMissing" };
  const held = `Secret ${secretName} holds a certificate that Atlas lists, valid until ${later}.`;
  const missing = `Secret ${secretName} does not exist: a certificate is being issued.`;
  const message = isReady ? held : missing;
  return [
    { ...condition, type: "Ready", status: isReady ? "True" : "False", message },
    { ...condition, type: "Issuing", status: issuing, message: isReady ? "" : message },
    { ...condition, type: "Stalled", status: "False", message: "" },
  ];
}

function issuance({ projectId, username }: Wanted) {
  const id = crypto.randomUUID();
  return { id, startedAt: times().now, reason: "SecretMissing", projectId, username, knownSerials: [] };
}

/** An Event as the operator writes one for each certificate. */
function event({ namespace, name, username, secretName }: Wanted) {
  return {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name: `${name}.${crypto.randomUUID().slice(0, 13)}` },
    eventTime: `${times().now.slice(0, -1)}.000000Z`,
    reportingController: "floor.example.com/operator",
    reportingInstance: "floor",
    action: "Issue",
    reason: "Issued",
    type: "Normal",
    note: `Issued certificate 1259955449071418872 for user ${username} and stored it in Secret ${secretName}; it is valid until ${times().later} (reason: SecretMissing).`,
    regarding: {
      apiVersion: "atlascerts.io/v1alpha1",
      kind: "AtlasUserCertificate",
      namespace,
      name,
      uid: crypto.randomUUID(),
    },
  };
}

/** In whole seconds, as Kubernetes has them. */
function times() {
  const seconds = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
  const nowMs = systemClock.now();
  return { now: seconds(nowMs), later: seconds(nowMs + YEAR_MS) };
}
