import { execFile } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { issuePem } from "../../../src/certificate/testing.ts";
import { controlPlane, freshNamespace, rest } from "../../control-plane/control-plane.ts";
import { imageNode } from "../../image/image-node.ts";
import { Scene } from "../operator/scene.ts";
import { OperatorProcess } from "../process/operator-process.ts";
import { temporaryFile, temporaryFolder } from "../temporary-file.ts";
import { findIn, needlesOf, readHeapStrings } from "./heap-strings.ts";
import { fixturesWith, userNames } from "./many-users.ts";

/**
 * What the memory of a settled operator holds. V8 can't wipe a string: it is gone when it is collected, which a snapshot
 * does before it looks. So this tells what is *kept*; it says nothing of the moments of an issuance, and nothing of
 * memory that was freed and not yet used again.
 */

const CERTIFICATES = 200;
const SOURCES = path.join(import.meta.dirname, "../../../src");
const HEAP_WRITER = pathToFileURL(path.join(import.meta.dirname, "heap-writer.ts")).href;

test(`keeps no private key of ${CERTIFICATES} certificates, issued or read`, { timeout: 150_000 }, async () => {
  const users = userNames(CERTIFICATES);
  const scene = await Scene.prepare({ simulator: { fixtures: fixturesWith(users) } });
  // With a token, as in a cluster: with a client certificate the operator would have to keep a private key of its own.
  const issuing = await startWatched(scene);
  for (const name of users) await scene.apply(name, { username: name });
  for (const name of users) await scene.untilIssued(name);
  await expect.poll(async () => (await scene.events()).length, { timeout: 30_000 }).toBe(CERTIFICATES);
  const needles = (await secretsOf(scene)).flatMap(needlesOf);
  expect(needles.length).toBe(CERTIFICATES * 4);
  await expectNoneKept(issuing, scene, needles);
  issuing.operator.command.kill("SIGTERM");
  await issuing.operator.command.ended;

  // One that has read every Secret's body, and issued nothing.
  const reading = await startWatched(scene);
  const looks = 'atlascerts_reconciles_total{decision="keep",outcome="nothing",reason="None"}';
  // Some may have been looked at twice while others still wait.
  const left = ["atlascerts_workqueue_depth", "atlascerts_workqueue_at_work"];
  const settled = async () => {
    const { series } = await reading.operator.metrics();
    return (series.get(looks) ?? 0) >= CERTIFICATES && left.every((name) => series.get(name) === 0);
  };
  await expect.poll(settled, { timeout: 30_000, interval: 200 }).toBe(true);
  await expectNoneKept(reading, scene, needles);
  expect(scene.creates).toBe(CERTIFICATES);
});

interface Watched {
  readonly operator: OperatorProcess;
  readonly folder: string;
}

async function startWatched(scene: Scene): Promise<Watched> {
  const folder = await temporaryFolder();
  // With the image's allocator: by default, a new Buffer may lie where a network buffer was freed, and shows what that held.
  const image = (await imageNode()).environment;
  const NODE_OPTIONS = `${image.NODE_OPTIONS} --import=${HEAP_WRITER}`;
  const environment = { ...image, NODE_OPTIONS, HEAP_FOLDER: folder };
  return { operator: await OperatorProcess.start(scene, [], environment), folder };
}

async function expectNoneKept({ operator, folder }: Watched, scene: Scene, needles: readonly string[]): Promise<void> {
  operator.command.kill("SIGUSR2");
  const isThere = () =>
    stat(path.join(folder, "done")).then(
      () => true,
      () => false,
    );
  await expect.poll(isThere, { timeout: 40_000 }).toBe(true);
  const strings = await readHeapStrings(path.join(folder, "strings.heapsnapshot"));
  const [buffers = "", wasm = ""] = await Promise.all(
    ["buffers.bin", "wasm.bin"].map((name) => readFile(path.join(folder, name), "latin1")),
  );
  // It is this operator's memory, and all of it.
  expect([strings.includes(scene.namespace), buffers.length > 10_000]).toEqual([true, true]);
  expect(findIn(strings, needles), "in strings").toEqual([]);
  const inBuffers = findIn([buffers], needles);
  expect(inBuffers, `in buffers: ${surroundings(buffers, inBuffers[0])}`).toEqual([]);
  // undici's parser of HTTP copies each answer to one place in its own memory: the last one stands there until the next
  // comes, and nobody can reach it.
  expect(findIn([wasm], needles).length, "in WebAssembly memories").toBeLessThanOrEqual(1);
  const anyKey = /PRIVATE KEY-----(?:\\n|\s)*[A-Za-z0-9+/]{20}/;
  expect([...strings, buffers].filter((text) => anyKey.test(text))).toEqual([]);
}

/** What stands before and behind a place in memory: by that it is found out whose memory it is. */
function surroundings(memory: string, place = ""): string {
  const at = memory.indexOf(place);
  return JSON.stringify([memory.slice(Math.max(0, at - 2000), at), memory.slice(at, at + 1000)]);
}

async function secretsOf({ namespace }: Scene): Promise<readonly Readonly<Record<string, string>>[]> {
  const path = `/api/v1/namespaces/${namespace}/secrets?labelSelector=atlascerts.io/managed=true`;
  const { body } = await rest("GET", path);
  // The API server's own answer.
  return (body as { items: { data: Record<string, string> }[] }).items.map(({ data }) => data);
}

test("a connection that stays open keeps nothing of the request that opened it, nor of its answer", async () => {
  const namespace = await freshNamespace("kept");
  const { certificatePem: certificate, keyPem: pem } = await issuePem();
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const data = {
    "tls.crt": base64(certificate),
    "tls.key": base64(pem),
    "tls-combined.pem": base64(certificate + pem),
  };
  const input = await temporaryFile("data.json", JSON.stringify(data));
  const folder = await temporaryFolder();
  const source = (file: string) => JSON.stringify(pathToFileURL(path.join(SOURCES, file)).href);
  const script = `
    import { readFileSync } from "node:fs";
    import { SECRETS } from ${source("kube/core-types.ts")};
    import { KubeClient } from ${source("kube/client/kube-client.ts")};
    import { loadKubeConfig } from ${source("kube/config/load-kube-config.ts")};
    const kubeConfig = await loadKubeConfig({ kubeconfig: ${JSON.stringify(controlPlane().kubeconfigPath)}, env: {} });
    const open = () => new KubeClient({ kubeConfig, userAgent: "test", fieldManager: "test" });
    const clients = [open(), open()];
    const metadata = { namespace: ${JSON.stringify(namespace)}, name: "kept" };
    await (async () => {
      const bytes = readFileSync(${JSON.stringify(input)});
      const data = JSON.parse(bytes.toString());
      bytes.fill(0);
      await clients[0].create(SECRETS, { metadata, data });
      const read = await clients[1].get(SECRETS, metadata);
      if (read.data["tls.key"] !== data["tls.key"]) throw new Error("not what was written");
    })();
    // Out of the call in which the last answer came.
    await new Promise((resolve) => setImmediate(resolve));
    process.emit("SIGUSR2");
    for (const client of clients) await client.close();
  `;
  const argv = [`--import=${HEAP_WRITER}`, "--input-type=module", "--eval", script];
  await promisify(execFile)(process.execPath, argv, { env: { HEAP_FOLDER: folder } });
  const strings = await readHeapStrings(path.join(folder, "strings.heapsnapshot"));
  expect(strings).toContain(namespace);
  expect(findIn(strings, needlesOf(data))).toEqual([]);
  expect(findIn([await readFile(path.join(folder, "buffers.bin"), "latin1")], needlesOf(data))).toEqual([]);
});

describe("the search finds a key that is kept", () => {
  test.each([
    ["as PEM", "pem"],
    ["as a slice of a longer text", "('x'.repeat(5000) + pem + 'y'.repeat(5000)).slice(4990, 10000)"],
    ["as it was added up", "pem.slice(0, 200) + Math.random() + pem"],
    ["in the base64 of a Secret", "Buffer.from(pem).toString('base64')"],
    ["in the base64 of a Secret, behind its certificate", "Buffer.from(certificate + pem).toString('base64')"],
    ["in an answer of the API server", "JSON.stringify({ data: { 'tls.key': Buffer.from(pem).toString('base64') } })"],
    ["in an answer of Atlas", "JSON.stringify(certificate + pem)"],
    ["in a small buffer", "(Buffer.from(pem), 0)"],
    ["in a large buffer", "Buffer.from('x'.repeat(9000) + pem)"],
  ])("%s", async (_, kept) => {
    const { certificatePem: certificate, keyPem: pem } = await issuePem();
    const folder = await temporaryFolder();
    const input = await temporaryFile("pair.json", JSON.stringify({ certificate, pem }));
    const script = `
      import { readFileSync } from "node:fs";
      (() => {
        const { certificate, pem } = JSON.parse(readFileSync(${JSON.stringify(input)}, "utf8"));
        globalThis.kept = ${kept};
      })();
      process.emit("SIGUSR2");
    `;
    const argv = [`--import=${HEAP_WRITER}`, "--input-type=module", "--eval", script];
    await promisify(execFile)(process.execPath, argv, { env: { HEAP_FOLDER: folder } });
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    const needles = needlesOf({
      "tls.crt": base64(certificate),
      "tls.key": base64(pem),
      "tls-combined.pem": base64(certificate + pem),
    });
    const strings = await readHeapStrings(path.join(folder, "strings.heapsnapshot"));
    const buffers = await readFile(path.join(folder, "buffers.bin"), "latin1");
    expect(findIn([...strings, buffers], needles)).not.toEqual([]);
  });
});
