import { constants } from "node:os";
import { expect, test } from "vitest";
import { condition, expectNoKeyMaterial, Scene } from "../../integration/operator/scene.ts";
import { leaseHolder } from "../../integration/process/operator-process.ts";
import { runCommand } from "../../run-command.ts";
import { builtImage } from "./built-image.ts";
import { MEMORY_LIMIT_MIB, OperatorContainer } from "./operator-container.ts";

/** What the image runs as. */
const USER = "65532";

const image = builtImage();

test("runs as a user without rights, who can write nowhere", async () => {
  const scene = await Scene.prepare();
  const operator = await OperatorContainer.run(image.tag, scene);
  const process = await operator.process();
  expect(process.get("Uid")?.split("\t")).toEqual([USER, USER, USER, USER]);
  expect(process.get("Gid")?.split("\t")).toEqual([USER, USER, USER, USER]);
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) expect(process.get(set), set).toMatch(/^0+$/);
  expect(process.get("NoNewPrivs")).toBe("1");
  for (const folder of ["/", "/app", "/tmp"]) {
    const write = `require("node:fs").writeFileSync("${folder}/file", "")`;
    await expect(runCommand(["docker", "exec", operator.id, "/usr/bin/node", "-e", write])).rejects.toThrow(
      /EROFS: read-only file system/,
    );
  }
});

test("opens no debugger on SIGUSR1", async () => {
  const scene = await Scene.prepare();
  const operator = await OperatorContainer.run(image.tag, scene);
  const caught = BigInt(`0x${(await operator.process()).get("SigCgt")}`);
  const bit = (signal: number) => (caught >> BigInt(signal - 1)) & 1n;
  expect([bit(constants.signals.SIGTERM), bit(constants.signals.SIGUSR1)]).toEqual([1n, 0n]);
});

test("there is no shell to be had in it", async () => {
  const scene = await Scene.prepare();
  const operator = await OperatorContainer.run(image.tag, scene);
  for (const program of ["sh", "bash", "npm", "apt-get", "apk", "ls"]) {
    await expect(runCommand(["docker", "exec", operator.id, program])).rejects.toThrow(/executable file not found/);
  }
});

test(`issues a certificate with ${MEMORY_LIMIT_MIB} MiB of memory, and its probes are answered`, async () => {
  const scene = await Scene.prepare();
  const operator = await OperatorContainer.run(image.tag, scene);
  await expect.poll(() => operator.get("health", "/readyz"), { timeout: 20_000 }).toEqual([200, "ok"]);
  expect(await operator.get("health", "/livez")).toEqual([200, "ok"]);
  await scene.apply();
  const resource = await scene.untilIssued();

  expect(condition(resource, "Ready")?.status).toBe("True");
  const certificate = await scene.certificate();
  expect(resource.status.serialNumber).toBe(BigInt(`0x${certificate.serialNumber}`).toString());
  expect(scene.creates).toBe(1);
  expect((await operator.get("metrics", "/metrics"))[1]).toMatch(/^atlascerts_leader 1$/m);
  expectNoKeyMaterial(operator.printed, [(await scene.secret())?.data["tls.key"] ?? ""]);
  expect(await operator.memoryLimitsMib()).toEqual([MEMORY_LIMIT_MIB, MEMORY_LIMIT_MIB]);
  expect(await operator.state()).toMatchObject({ Status: "running", OOMKilled: false });
});

test("SIGTERM: over in less than 2 s, with 0, and the lease is given back", async () => {
  const scene = await Scene.prepare();
  const operator = await OperatorContainer.run(image.tag, scene);
  await scene.apply();
  await scene.untilIssued();
  expect(await leaseHolder(scene)).not.toBe("");
  expect(await operator.terminate()).toBeLessThan(2_000);
  expect(await operator.state()).toMatchObject({ Status: "exited", ExitCode: 0, OOMKilled: false });
  expect(await leaseHolder(scene)).toBe("");
});

test("the same script is the simulator", async () => {
  // Its certificates go nowhere: there is no folder that it could write to.
  const command = ["simulate", "--ca-file=/dev/null"];
  const simulator = await OperatorContainer.start(image.tag, command, "http://127.0.0.1:");
  expect(await simulator.terminate()).toBeLessThan(2_000);
  expect((await simulator.state()).ExitCode).toBe(0);
});

test("an error in the log names its class and the line of the sources", async () => {
  const scene = await Scene.prepare();
  const operator = await OperatorContainer.run(image.tag, scene, ["--lease-namespace=no-such-namespace"]);
  await expect.poll(() => operator.printed, { timeout: 10_000 }).toMatch(/"type":"KubeError"/);
  expect(operator.printed).toMatch(/at .*\bsrc\/kube\/client\/kube-client\.ts:\d+:\d+/);
});
