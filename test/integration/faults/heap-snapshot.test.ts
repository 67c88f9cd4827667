import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { issuePem } from "../../../src/certificate/testing.ts";
import { rest } from "../../control-plane/control-plane.ts";
import { Scene } from "../operator/scene.ts";
import { OperatorProcess } from "../process/operator-process.ts";
import { findIn, needlesOf, readHeapStrings } from "./heap-strings.ts";
import { fixturesWith, userNames } from "./many-users.ts";
import { temporaryFile, temporaryFolder } from "./temporary-file.ts";

/**
 * What the memory of a settled operator holds. V8 can't wipe a string: it is gone when it is collected, which a snapshot
 * does before it looks. So this tells what is *kept*; it says nothing of the moments of an issuance, and nothing of
 * freed memory.
 */

const CERTIFICATES = 200;

/** On SIGUSR2 the process writes its heap to the file in its environment, with all strings whole. */
const WRITES_ITS_HEAP = `--import=data:text/javascript,${encodeURIComponent(`
  import { setFlagsFromString, writeHeapSnapshot } from "node:v8";
  setFlagsFromString("--heap-snapshot-string-limit=1000000000");
  process.on("SIGUSR2", () => writeHeapSnapshot(process.env.HEAP_FILE) && console.error("heap written"));
`)}`;

test(`holds no private key of ${CERTIFICATES} certificates that are issued and settled`, {
  timeout: 120_000,
}, async () => {
  const users = userNames(CERTIFICATES);
  const scene = await Scene.prepare({ simulator: { fixtures: fixturesWith(users) } });
  const file = path.join(await temporaryFolder(), "operator.heapsnapshot");
  const environment = { NODE_OPTIONS: WRITES_ITS_HEAP, HEAP_FILE: file };
  const operator = await OperatorProcess.start(scene, [], environment);
  for (const name of users) await scene.apply(name, { username: name });
  for (const name of users) await scene.untilIssued(name);
  await expect.poll(async () => (await scene.events()).length, { timeout: 30_000 }).toBe(CERTIFICATES);
  const needles = (await secretsOf(scene)).flatMap(needlesOf);
  expect(needles.length).toBe(CERTIFICATES * 4);

  operator.command.kill("SIGUSR2");
  await expect
    .poll(
      () =>
        stat(file).then(
          ({ size }) => size,
          () => 0,
        ),
      { timeout: 30_000 },
    )
    .toBeGreaterThan(0);
  // Written in one go: whoever answers is done with it.
  expect((await operator.health("/livez"))[0]).toBe(200);
  const strings = await readHeapStrings(file);
  expect(findIn(strings, needles)).toEqual([]);
  const pem = strings.filter((text) => /PRIVATE KEY-----(\\n|\s)*[A-Za-z0-9+/]{20}/.test(text));
  expect(pem).toEqual([]);
  // It is this operator's heap, and its strings are there as they are.
  expect(strings).toContain(scene.namespace);
});

async function secretsOf({ namespace }: Scene): Promise<readonly Readonly<Record<string, string>>[]> {
  const { body } = await rest(
    "GET",
    `/api/v1/namespaces/${namespace}/secrets?labelSelector=atlascerts.io/managed=true`,
  );
  // The API server's own answer.
  return (body as { items: { data: Record<string, string> }[] }).items.map(({ data }) => data);
}

describe("the search finds a key that is kept", () => {
  test.each([
    ["as PEM", "pem"],
    ["as a slice of a longer text", "('x'.repeat(5000) + pem + 'y'.repeat(5000)).slice(4990, 10000)"],
    ["as it was added up", "pem.slice(0, 200) + Math.random() + pem"],
    ["in the base64 of a Secret", "Buffer.from(pem).toString('base64')"],
    ["in the base64 of a Secret, behind its certificate", "Buffer.from(certificate + pem).toString('base64')"],
    ["in an answer of the API server", "JSON.stringify({ data: { 'tls.key': Buffer.from(pem).toString('base64') } })"],
    ["in an answer of Atlas", "JSON.stringify(certificate + pem)"],
  ])("%s", async (_, kept) => {
    const { certificatePem: certificate, keyPem: pem } = await issuePem();
    const folder = await temporaryFolder();
    const file = path.join(folder, "heap.heapsnapshot");
    const input = await temporaryFile("pair.json", JSON.stringify({ certificate, pem }));
    const script = `
      const { readFileSync } = require("node:fs");
      (() => {
        const { certificate, pem } = JSON.parse(readFileSync(${JSON.stringify(input)}, "utf8"));
        globalThis.kept = ${kept};
      })();
      require("node:v8").setFlagsFromString("--heap-snapshot-string-limit=1000000000");
      require("node:v8").writeHeapSnapshot(${JSON.stringify(file)});
    `;
    await promisify(execFile)(process.execPath, ["-e", script]);
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    const data = {
      "tls.crt": base64(certificate),
      "tls.key": base64(pem),
      "tls-combined.pem": base64(certificate + pem),
    };
    expect(findIn(await readHeapStrings(file), needlesOf(data))).not.toEqual([]);
  });
});
