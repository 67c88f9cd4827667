import { describeDuration } from "../api/duration.ts";
import { RENEW_REQUEST_ANNOTATION } from "../api/names.ts";
import type { UserCertificate } from "../api/parse-user-certificate.ts";
import { USER_CERTIFICATE } from "../api/user-certificate.ts";
import { KubeError } from "../kube/kube-error.ts";
import { objectKey } from "../kube/resource-type.ts";
import { type Cluster, CommandError, EXIT, type Report } from "./report.ts";
import { getResource } from "./resources.ts";
import { minute, type Page, paint, proseWidth, relative, wrap } from "./text.ts";

export interface RenewOptions {
  /** Milliseconds to wait for the new certificates; undefined: the command only asks for them. */
  readonly waitMs: number | undefined;
}

/** The outcome of the request for one resource. */
export type Renewal =
  | { readonly kind: "requested" }
  | { readonly kind: "renewed"; readonly serialNumber: string; readonly notAfter: string; readonly tookMs: number }
  | { readonly kind: "failed"; readonly problem: string }
  | { readonly kind: "pending"; readonly problem: string };

const POLL_MS = 500;

/** `renew`: asks for one new certificate each, as the annotation that the operator answers once. */
export async function renew(cluster: Cluster, names: readonly string[], { waitMs }: RenewOptions): Promise<Report> {
  const before = await Promise.all(names.map(async (name) => renewable(await getResource(cluster, name))));
  // Each value is one renewal: two requests within a second must differ.
  const request = new Date(cluster.clock.now()).toISOString();
  const asked = await Promise.allSettled(before.map((resource) => ask(cluster, resource, request)));
  const errors = asked.map((answer): unknown => (answer.status === "rejected" ? answer.reason : undefined));
  if (errors.every((error) => error !== undefined)) throw errors[0];
  const renewals = await Promise.all(
    before.map(async (resource, index) => {
      const key = objectKey(resource);
      if (errors[index] !== undefined) return [key, notRequested(errors[index])] as const;
      if (waitMs === undefined) return [key, { kind: "requested" }] as const;
      cluster.progress(`${key}: renewal requested, waiting for the operator …`);
      return [key, await untilAnswered(cluster, resource, { request, waitMs })] as const;
    }),
  );
  return {
    data: { request, items: renewals.map(([resource, renewal]) => ({ resource, ...renewal })) },
    lines: (page) => renewals.flatMap(([key, renewal]) => renderRenewal(key, renewal, page)),
    exitCode: renewals.some(([, { kind }]) => kind === "failed" || kind === "pending") ? EXIT.attention : EXIT.ok,
  };
}

/** @throws CommandError where the operator would not answer the request */
function renewable(resource: Awaited<ReturnType<typeof getResource>>): UserCertificate {
  const { name } = resource;
  if (!resource.valid) throw new CommandError(`this version cannot read ${name}: ${resource.problem}`);
  if (resource.deleting) throw new CommandError(`${name} is being deleted`);
  if (resource.spec.suspend) throw new CommandError(`${name} is suspended: set spec.suspend to false first`);
  return resource;
}

async function ask({ kube, signal }: Cluster, { name, namespace }: UserCertificate, request: string): Promise<void> {
  const patch = { metadata: { annotations: { [RENEW_REQUEST_ANNOTATION]: request } } };
  await kube.mergePatch(USER_CERTIFICATE, { namespace, name }, patch, { signal });
}

function notRequested(error: unknown): Renewal {
  if (!KubeError.is(error)) throw error;
  return { kind: "failed", problem: `the renewal was not requested: ${error.message}` };
}

async function untilAnswered(
  cluster: Cluster,
  before: UserCertificate,
  { request, waitMs }: { readonly request: string; readonly waitMs: number },
): Promise<Renewal> {
  const { clock, signal } = cluster;
  const start = clock.monotonic();
  const elapsed = () => clock.monotonic() - start;
  let told = "";
  for (;;) {
    const found = await answerOrState(cluster, before, { request, elapsed });
    if (typeof found === "object") return found;
    if (elapsed() >= waitMs) return { kind: "pending", problem: found === "" ? NOT_SEEN : found };
    if (found !== "" && found !== told) cluster.progress(`${objectKey(before)}: ${found}`);
    told = found;
    await clock.sleep(POLL_MS, signal);
  }
}

/** The end of the wait, or what the command waits for. An error of the API server ends nothing: the next look may succeed. */
async function answerOrState(
  cluster: Cluster,
  { name, namespace }: UserCertificate,
  { request, elapsed }: { readonly request: string; readonly elapsed: () => number },
): Promise<Renewal | string> {
  try {
    const resource = await getResource({ ...cluster, namespace }, name);
    return resource.valid ? (answerTo(resource, request, elapsed()) ?? stateOf(resource)) : "";
  } catch (error: unknown) {
    if (error instanceof CommandError) return { kind: "failed", problem: error.message };
    if (KubeError.is(error)) return error.message;
    throw error;
  }
}

const NOT_SEEN = 'the operator has not answered: "kubectl atlascerts check" shows whether it is running';

/** The operator's answer, once there is one. */
export function answerTo({ status }: UserCertificate, request: string, tookMs: number): Renewal | undefined {
  const { issuance, lastAttempt, notAfter, renewRequest, serialNumber } = status;
  if (renewRequest === request && issuance === undefined && serialNumber !== undefined && notAfter !== undefined) {
    return { kind: "renewed", serialNumber, notAfter, tookMs };
  }
  if (lastAttempt?.renewRequest !== request || !lastAttempt.needsPerson) return undefined;
  return { kind: "failed", problem: [lastAttempt.message, lastAttempt.remedy].filter((part) => part).join(" ") };
}

function stateOf({ status }: UserCertificate): string {
  const { conditions = [], lastAttempt } = status;
  const issuing = conditions.find(({ type }) => type === "Issuing");
  if (issuing?.status === "True") return issuing.message;
  return lastAttempt === undefined
    ? ""
    : `${lastAttempt.message} The operator retries at ${lastAttempt.nextAttemptTime}.`;
}

export function renderRenewal(key: string, renewal: Renewal, page: Page): readonly string[] {
  switch (renewal.kind) {
    case "requested":
      return [`${key}: renewal requested. "kubectl atlascerts status" shows its outcome.`];
    case "renewed": {
      const { notAfter, serialNumber, tookMs } = renewal;
      const expires = Date.parse(notAfter);
      const text = `${key}: certificate ${serialNumber}, expires ${minute(expires)} (${relative(expires, page.nowMs)})`;
      return [`${paint({ text: "✓", colour: "good" }, page)} ${text}, after ${describeDuration(tookMs)}`];
    }
    case "failed":
    case "pending": {
      const [first = "", ...rest] = wrap(`${key}: ${renewal.problem}`, proseWidth(page, 2));
      const sign = renewal.kind === "failed" ? "✗" : "…";
      return [`${paint({ text: sign, colour: "bad" }, page)} ${first}`, ...rest.map((line) => `  ${line}`)];
    }
    default:
      throw new Error(renewal satisfies never);
  }
}
