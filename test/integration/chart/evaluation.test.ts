import { get } from "node:https";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { startSimulator } from "../../../src/simulator/simulator.ts";
import { condition } from "../operator/scene.ts";
import { OperatorProcess, openScene } from "../process/operator-process.ts";
import { argumentsOf, HELM_BUILD_MS, helmPath, only, render, run } from "./rendering.ts";

const podSchema = z.object({
  spec: z.looseObject({
    containers: z.tuple([z.looseObject({ command: z.array(z.string()), args: z.array(z.string()) })]),
  }),
});

const secretSchema = z.object({ data: z.record(z.string(), z.string()) });

beforeAll(async () => {
  await helmPath();
}, HELM_BUILD_MS);

test("`helm test` runs a script that finds a working operator, its metrics and the simulated Atlas", async () => {
  const scene = await openScene();
  const operator = await OperatorProcess.start(scene);
  const { command, args } = podSchema.parse(only(await render(), "Pod")).spec.containers[0];
  const addressOf = (what: string) => `http://${z.string().parse(operator.line(what).address)}`;
  const result = await run(process.execPath, [...command.slice(1), ...args], "", {
    HEALTH_URL: addressOf("serving health"),
    METRICS_URL: addressOf("serving metrics"),
    SIMULATOR_URL: scene.atlas.url,
  });
  expect(result).toMatchObject({ code: 0, stderr: "" });
  expect(result.stdout.match(/^ok: /gm)).toHaveLength(3);
});

test("the flags that come with simulator.enabled mark every condition of a resource", async () => {
  const flags = argumentsOf(await render({ simulator: { enabled: true } }));
  const marking = flags.filter((flag) => flag.startsWith("--simulated"));
  const scene = await openScene();
  await OperatorProcess.start(scene, marking);
  await scene.apply();
  const resource = await scene.untilIssued();
  for (const type of ["Ready", "Issuing", "Stalled"] as const) {
    expect(condition(resource, type)?.message).toMatch(/^\[simulated Atlas\] \S/);
  }
});

test("the certificate that the chart makes for the simulator proves the name of its Service", async () => {
  const objects = await render({ simulator: { enabled: true } });
  const { data } = secretSchema.parse(only(objects, "Secret"));
  const pem = (key: string) => Buffer.from(data[key] ?? "", "base64").toString();
  const tls = { certificatePem: pem("tls.crt"), privateKeyPem: pem("tls.key") };
  await using atlas = await startSimulator({ keyAlgorithm: "ec-p256", tls });
  const url = argumentsOf(objects).find((flag) => flag.startsWith("--atlas-base-url="));
  const { hostname } = new URL(url?.replace("--atlas-base-url=", "") ?? "");
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  get(`${atlas.url}/api/atlas/v2/rateLimits`, { ca: pem("ca.crt"), servername: hostname }, (response) => {
    response.resume();
    resolve(response.statusCode);
  }).on("error", reject);
  // Without credentials.
  expect(await promise).toBe(401);
});
