import { spawn } from "node:child_process";
import path from "node:path";
import { z } from "zod";
import { CHART } from "../../../deploy/generate/chart-files.ts";
import { objectsOf } from "../../../deploy/generate/manifest-files.ts";
import { systemClock } from "../../../src/clock.ts";
import { resolveHelm } from "../../chart/helm.ts";
import { streamProgress } from "../../control-plane/progress.ts";

export const ROOT = path.join(import.meta.dirname, "../../..");
export const CHART_FOLDER = path.join(ROOT, CHART);
export const RELEASE = "atlas-cert-operator";

/** Values of the chart, as a map of a values file. */
export type Values = Readonly<Record<string, unknown>>;

const metadataSchema = z.looseObject({
  name: z.string(),
  namespace: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
const objectSchema = z.looseObject({ apiVersion: z.string(), kind: z.string(), metadata: metadataSchema });

/** A Kubernetes object as it was rendered. */
export type RenderedObject = z.output<typeof objectSchema>;

export interface RunResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let resolved: Promise<string> | undefined;

/** The path of Helm; built at the first call where there is none. */
export function helmPath(): Promise<string> {
  resolved ??= resolveHelm({ progress: streamProgress(process.stderr, systemClock) }).then(({ file }) => file);
  return resolved;
}

/** How long a first call may take where Helm has to be built, in milliseconds. */
export const HELM_BUILD_MS = 600_000;

/** Runs Helm. Its end is an answer, whatever it says. */
export async function helm(args: readonly string[], input = "", environment = {}): Promise<RunResult> {
  return run(await helmPath(), args, input, environment);
}

/** Runs a program with an input, from the root of the repository. */
export async function run(
  file: string,
  args: readonly string[],
  input = "",
  environment: NodeJS.ProcessEnv = {},
): Promise<RunResult> {
  const child = spawn(file, args, { cwd: ROOT, env: { ...process.env, ...environment } });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  return { code, ...output };
}

export interface RenderOptions {
  /** @default "atlas-cert-operator" */
  readonly release?: string;
  /** @default "operators" */
  readonly namespace?: string;
  /** The chart's folder. @default the product's */
  readonly chart?: string;
}

/** `helm template` as text. @throws Error with Helm's words */
export async function renderText(values: Values = {}, options: RenderOptions = {}): Promise<string> {
  const { release = RELEASE, namespace = "operators", chart = CHART_FOLDER } = options;
  const args = ["template", release, chart, "--namespace", namespace, "--values", "-"];
  const { code, stdout, stderr } = await helm(args, JSON.stringify(values));
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

/** `helm template` as objects. @throws Error with Helm's words */
export async function render(values: Values = {}, options: RenderOptions = {}): Promise<readonly RenderedObject[]> {
  return objectsOf(await renderText(values, options)).map((object) => objectSchema.parse(object));
}

/** The only object of a kind, or the one of that name. */
export function only(objects: readonly RenderedObject[], kind: string, name?: string): RenderedObject {
  const found = objects.filter((each) => each.kind === kind && (name === undefined || each.metadata.name === name));
  const [first] = found;
  if (first === undefined || found.length > 1) throw new Error(`${found.length} objects of kind ${kind}, not one`);
  return first;
}

const containerSchema = z.looseObject({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()).default([]),
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })).default([]),
});
const podSpecSchema = z.looseObject({ containers: z.array(containerSchema) });
const deploymentSchema = z.looseObject({
  spec: z.looseObject({
    replicas: z.number(),
    selector: z.looseObject({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.looseObject({
      metadata: z.looseObject({
        labels: z.record(z.string(), z.string()),
        annotations: z.record(z.string(), z.string()).default({}),
      }),
      spec: podSpecSchema,
    }),
  }),
});

/** The parts of a Deployment that the tests look at. */
export function deployment(objects: readonly RenderedObject[], name = RELEASE) {
  return deploymentSchema.parse(only(objects, "Deployment", name)).spec;
}

/** The flags of a Deployment's only container, the verb first. */
export function argumentsOf(objects: readonly RenderedObject[], name = RELEASE): readonly string[] {
  const [container] = deployment(objects, name).template.spec.containers;
  if (container === undefined) throw new Error(`${name} has no container`);
  return container.args;
}
