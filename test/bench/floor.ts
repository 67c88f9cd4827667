import { systemClock } from "../../src/clock.ts";
import { CertificateAuthority } from "../../src/simulator/certificate-authority.ts";
import type { Wanted } from "./fixtures.ts";
import { type CpuTimes, cpuBetween, cpuTimes } from "./gauges.ts";
import { inParallel } from "./in-parallel.ts";
import { CERTIFICATES_ROOT, certificatePath, createCertificate, createNamespace, secretPath } from "./resources.ts";
import type { BenchScene } from "./scene.ts";

export interface Floor {
  readonly elapsedMs: number;
  readonly cpu: CpuTimes;
}

/** As many plain callers as the operator has workers. */
const CALLERS = 16;
/** Pairs that the API server warms up on, beyond those that are measured. */
const WARM_UP = 64;
const YEAR_MS = 365 * 86_400_000;

/**
 * The least that a certificate in a Secret can cost: one apply of a Secret of the real size and one patch of a status of
 * the real size, by 16 callers who do nothing else. Its objects are gone afterwards.
 *
 * @returns how long the pairs took, and the processor time of those who served them
 */
export async function measureFloor(scene: BenchScene, pairs: number): Promise<Floor> {
  const namespace = "bench-floor";
  if ((await scene.rest("GET", `/api/v1/namespaces/${namespace}`)).status === 404) {
    await createNamespace(scene, namespace);
  }
  const one = (index: number): Wanted => ({
    namespace,
    name: `floor-${index}`,
    projectId: "32b6e34b3d91647abb20e7b8",
    username: `floor-${index}`,
    secretName: `floor-${index}-mongodb`,
  });
  const all = pairs + WARM_UP;
  await inParallel(all, CALLERS, (index) => createCertificate(scene, one(index)));
  const data = await secretData();
  const pair = async (index: number) => {
    await scene.must(
      "PATCH",
      `${secretPath(one(index))}?fieldManager=floor&force=true`,
      secret(one(index), data),
      "application/apply-patch+yaml",
    );
    const patch = { status: status(one(index)) };
    await scene.must("PATCH", `${certificatePath(one(index))}/status`, patch, "application/merge-patch+json");
  };
  await inParallel(WARM_UP, CALLERS, (index) => pair(pairs + index));
  const before = await cpuTimes(scene);
  const started = systemClock.monotonic();
  await inParallel(pairs, CALLERS, pair);
  const elapsedMs = systemClock.monotonic() - started;
  const cpu = cpuBetween(before, await cpuTimes(scene));
  await scene.must("DELETE", `${CERTIFICATES_ROOT}/namespaces/${namespace}/atlasusercertificates`);
  await scene.must("DELETE", `/api/v1/namespaces/${namespace}/secrets`);
  return { elapsedMs, cpu };
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
function status({ secretName }: Wanted) {
  const now = new Date().toISOString().replace(/\.\d+/, "");
  const later = new Date(Date.now() + YEAR_MS).toISOString().replace(/\.\d+/, "");
  const condition = { observedGeneration: 1, lastTransitionTime: now, reason: "Issued" };
  const message = `Secret ${secretName} holds a certificate that Atlas lists, valid until ${later}.`;
  return {
    conditions: [
      { ...condition, type: "Ready", status: "True", message },
      { ...condition, type: "Issuing", status: "False", message: "" },
      { ...condition, type: "Stalled", status: "False", message: "" },
    ],
    observedGeneration: 1,
    secretName,
    serialNumber: "1259955449071418872",
    fingerprint: FINGERPRINT,
    notBefore: now,
    notAfter: later,
    renewalTime: later,
    lastVerifiedTime: now,
    revision: 1,
    recentIssuances: [{ time: now, reason: "SecretMissing", serialNumber: "1259955449071418872", notAfter: later }],
    unexpiredCertificates: 1,
    unaccountedCertificates: 0,
  };
}
