import {
  CUSTOMER_X509_REMOVAL,
  customerX509RemovalSpecSchema,
  customerX509RemovalStatusSchema,
} from "../api/customer-x509-removal.ts";
import { describeDuration } from "../api/duration.ts";
import { API_GROUP, API_VERSION } from "../api/names.ts";
import { PROJECT_X509, projectX509SpecSchema, projectX509StatusSchema } from "../api/project-x509.ts";
import { USER_CERTIFICATE, userCertificateSpecSchema } from "../api/user-certificate.ts";
import { userCertificateStatusSchema } from "../api/user-certificate-status.ts";
import { DEFAULT_BASE_URL, parseBaseUrl } from "../atlas/transport/base-url.ts";
import { VERSION } from "../command/version.ts";
import { environmentVariable } from "../flags.ts";
import { KubeError } from "../kube/kube-error.ts";
import { LEASES } from "../kube/lease/lease-object.ts";
import type { Line } from "./check.ts";
import { DEFINITIONS, DEPLOYMENTS, type Definition, type Deployment, POLICIES, REVIEWS } from "./kinds.ts";
import type { Cluster } from "./report.ts";
import { relative } from "./text.ts";

const OPERATOR_LABELS = "app.kubernetes.io/name=atlas-cert-operator,app.kubernetes.io/component=operator";
const CHART = "deploy/charts/atlas-cert-operator";
const DEFAULT_OPERATOR_NAMESPACE = "atlas-cert-operator";

const KINDS = [
  [USER_CERTIFICATE, { spec: userCertificateSpecSchema, status: userCertificateStatusSchema }],
  [PROJECT_X509, { spec: projectX509SpecSchema, status: projectX509StatusSchema }],
  [CUSTOMER_X509_REMOVAL, { spec: customerX509RemovalSpecSchema, status: customerX509RemovalStatusSchema }],
] as const;

/** The operator's Deployment, as far as the user may see it. */
export interface Operator {
  readonly name: string;
  readonly namespace: string;
  readonly user: string;
  readonly version: string | undefined;
  readonly ready: number;
  /** Where it asks Atlas. */
  readonly atlasOrigin: string;
  /** The Helm release that it belongs to. */
  readonly release: string | undefined;
  flag(name: string): string | undefined;
  watches(namespace: string): boolean;
}

/** @param namespace that of `--operator-namespace`; all of them where it is undefined and the user may list them */
export async function findOperators(
  { kube, signal }: Cluster,
  namespace: string | undefined,
): Promise<readonly Operator[] | undefined> {
  const inNamespace = async (one: string | undefined) => {
    const found: Deployment[] = [];
    const options = { namespace: one, labelSelector: OPERATOR_LABELS, signal };
    for await (const { items } of kube.list(DEPLOYMENTS, options)) found.push(...items);
    return found.map(operatorOf);
  };
  for (const one of namespace === undefined ? [undefined, DEFAULT_OPERATOR_NAMESPACE] : [namespace]) {
    const found = await unlessForbidden(inNamespace(one));
    if (found !== undefined) return found;
  }
  return undefined;
}

function operatorOf({ metadata, spec, status }: Deployment): Operator {
  const { labels, name, namespace = "" } = metadata;
  const pod = spec?.template?.spec;
  const { args = [], env = [] } = pod?.containers?.[0] ?? {};
  // As the operator reads its flags: the last one counts, and the environment where there is none.
  const flag = (name: string) => {
    const index = args.findLastIndex((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`));
    const [arg, next = "-"] = index < 0 ? [] : args.slice(index);
    if (arg === undefined) return env.find((one) => one.name === environmentVariable(name))?.value;
    return arg.split(/=(.*)/s)[1] ?? (next.startsWith("-") ? "true" : next);
  };
  const url = flag("atlas-base-url") || DEFAULT_BASE_URL;
  const parsed = parseBaseUrl(url);
  const watched = (flag("watch-namespaces") ?? "").split(",").flatMap((one) => one.trim() || []);
  const isOfHelm = labels?.["app.kubernetes.io/managed-by"] === "Helm";
  return {
    name,
    namespace,
    user: `system:serviceaccount:${namespace}:${pod?.serviceAccountName ?? "default"}`,
    version: labels?.["app.kubernetes.io/version"],
    ready: status?.readyReplicas ?? 0,
    atlasOrigin: parsed.ok ? parsed.origin : url,
    release: isOfHelm ? labels["app.kubernetes.io/instance"] : undefined,
    flag,
    watches: (one) => watched.length === 0 || watched.includes(one),
  };
}

/** The CustomResourceDefinitions have the fields of this version. */
export async function definitionLines(
  { kube, signal }: Cluster,
  operator: Operator | undefined,
): Promise<readonly Line[]> {
  return Promise.all(
    KINDS.map(async ([type, schemas]): Promise<Line> => {
      const name = `${type.plural}.${type.group}`;
      try {
        const definition = await unlessForbidden(kube.get(DEFINITIONS, { name }, { signal }));
        if (definition === undefined)
          return { level: "unknown", text: `CustomResourceDefinition ${name}: not readable.` };
        const missing = missingFields(definition, schemas);
        if (missing.length === 0) return { level: "ok", text: `CustomResourceDefinition ${name} is current.` };
        const text = `CustomResourceDefinition ${name} is older than this version (${VERSION}): it lacks ${missing.join(", ")}.`;
        return { level: "fail", text, ...install(operator) };
      } catch (error: unknown) {
        if (!KubeError.is(error, "NotFound")) throw error;
        return { level: "fail", text: `CustomResourceDefinition ${name} is not installed.`, ...install(operator) };
      }
    }),
  );
}

/** The command that brings an installation up to date, or the page that says how. */
function install(operator: Operator | undefined, ...more: readonly string[]): Pick<Line, "advice" | "command"> {
  if (operator?.release === undefined) return { advice: "docs/install.md says how to install it." };
  const { namespace, release } = operator;
  return {
    command: ["helm", "upgrade", release, CHART, `--namespace=${namespace}`, "--reset-then-reuse-values", ...more],
  };
}

function missingFields({ spec }: Definition, schemas: (typeof KINDS)[number][1]): readonly string[] {
  const version = spec?.versions?.find((one) => one.name === API_VERSION);
  const { properties = {} } = version?.schema?.openAPIV3Schema ?? {};
  return Object.entries(schemas).flatMap(([part, { shape }]) =>
    Object.keys(shape)
      .filter((field) => !Object.hasOwn(properties[part]?.properties ?? {}, field))
      .map((field) => `${part}.${field}`),
  );
}

/** Deployment, version, lease and rights of the operators that were found. */
export async function operatorLines(
  cluster: Cluster,
  operators: readonly Operator[] | undefined,
): Promise<readonly Line[]> {
  if (operators === undefined) {
    return [{ level: "unknown", text: "The operator's Deployment: you may not list Deployments in its namespace." }];
  }
  if (operators.length === 0) {
    const text = "No Deployment of the operator was found.";
    return [{ level: "fail", text, ...install(undefined) }];
  }
  const { namespace = "default" } = cluster;
  const isWatched = operators.some((operator) => operator.watches(namespace));
  const lines = operators.map(async (operator) => [
    deploymentLine(operator),
    ...(operator.version === undefined || operator.version === VERSION ? [] : [versionLine(operator)]),
    ...(operator.flag("leader-elect") === "false" ? [] : [await leaseLine(cluster, operator)]),
    // One of others' namespaces needs no rights here.
    ...(isWatched && !operator.watches(namespace) ? [] : [await rightsLine(cluster, operator)]),
  ]);
  return (await Promise.all(lines)).flat();
}

function deploymentLine({ name, namespace, ready, version }: Operator): Line {
  const text = `Deployment ${namespace}/${name}, version ${version ?? "unknown"}: ${ready} ready.`;
  if (ready > 0) return { level: "ok", text };
  return { level: "fail", text, command: ["kubectl", "describe", "pods", "-n", namespace, "-l", OPERATOR_LABELS] };
}

function versionLine({ name, namespace, version }: Operator): Line {
  return {
    level: "warn",
    text: `Deployment ${namespace}/${name} is of version ${version}, and this command of version ${VERSION}.`,
    advice: "Use the command of the operator's version.",
  };
}

async function leaseLine({ clock, kube, signal }: Cluster, operator: Operator): Promise<Line> {
  const name = operator.flag("lease-name") ?? "atlas-cert-operator";
  const namespace = operator.flag("lease-namespace") ?? operator.namespace;
  const where = `Lease ${namespace}/${name}`;
  const command = [
    "kubectl",
    "logs",
    "-n",
    operator.namespace,
    `deployment/${operator.name}`,
    "--all-pods",
    "--tail=50",
  ];
  try {
    const lease = await unlessForbidden(kube.get(LEASES, { namespace, name }, { signal }));
    if (lease === undefined) return { level: "unknown", text: `${where}: not readable.` };
    const { holderIdentity = "", leaseDurationSeconds = 15, renewTime } = lease.spec ?? {};
    const renewedMs = renewTime === undefined ? 0 : Date.parse(renewTime);
    const nowMs = clock.now();
    if (holderIdentity === "") return { level: "fail", text: `${where} has no holder: no replica is active.`, command };
    if (nowMs - renewedMs > leaseDurationSeconds * 1000) {
      const text = `${where} was last renewed ${relative(renewedMs, nowMs)} by ${holderIdentity}: no replica is active, or one of the clocks is wrong.`;
      return { level: "fail", text, command };
    }
    const text = `${where} is held by ${holderIdentity}.`;
    if (renewedMs - nowMs < leaseDurationSeconds * 1000) return { level: "ok", text };
    const advice = `Its clock is ${describeDuration(renewedMs - nowMs)} ahead of that of this machine: correct one of them.`;
    return { level: "warn", text, advice };
  } catch (error: unknown) {
    if (!KubeError.is(error, "NotFound")) throw error;
    return { level: "fail", text: `${where} does not exist: no replica has ever been active.`, command };
  }
}

type Right = readonly [group: string, resource: string, verbs: readonly string[]];

/** The rights without which the operator issues nothing. deploy/rbac has all of them. */
const RIGHTS: readonly Right[] = [
  [API_GROUP, USER_CERTIFICATE.plural, ["get", "list", "watch"]],
  [API_GROUP, `${USER_CERTIFICATE.plural}/status`, ["patch"]],
  ["", "secrets", ["get", "list", "watch", "create", "patch"]],
  ["events.k8s.io", "events", ["create", "patch"]],
];

async function rightsLine({ kube, namespace = "default", signal }: Cluster, operator: Operator): Promise<Line> {
  const rights: readonly Right[] = [
    ...RIGHTS,
    ...(operator.flag("consumers") === "false" ? [] : [["", "pods", ["list"]] as const]),
    ...(operator.flag("projects") === "true" ? [[API_GROUP, PROJECT_X509.plural, ["list", "watch"]] as const] : []),
  ];
  const isAllowed = async (group: string, resource: string, verb: string) => {
    const [name, subresource] = resource.split("/");
    const resourceAttributes = { group, resource: name, subresource, verb, namespace };
    const review = { metadata: {}, spec: { user: operator.user, groups: groupsOf(operator), resourceAttributes } };
    return (await kube.create(REVIEWS, review, { signal })).status?.allowed === true;
  };
  const reviews = rights.flatMap(([group, resource, verbs]) =>
    verbs.map(async (verb) => ((await isAllowed(group, resource, verb)) ? [] : [`${verb} ${resource}`])),
  );
  const missing = await unlessForbidden(Promise.all(reviews));
  const whose = `ServiceAccount ${operator.user.split(":").slice(2).join("/")}`;
  if (missing === undefined) return { level: "unknown", text: `${whose}: you may not review its rights.` };
  const lacking = missing.flat();
  if (lacking.length === 0) return { level: "ok", text: `${whose} has its rights in namespace ${namespace}.` };
  return {
    level: "fail",
    text: `${whose} lacks rights in namespace ${namespace}: ${lacking.join(", ")}.`,
    advice: "The chart binds them (rbac.create). With watchNamespaces, add this namespace to the list.",
    command: install(operator).command,
  };
}

function groupsOf({ namespace }: Operator): readonly string[] {
  return ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"];
}

/** The policy that keeps the operator's own power small. */
export async function policyLines({ kube, signal }: Cluster, operator: Operator | undefined): Promise<readonly Line[]> {
  const read = async () => {
    let found = 0;
    for await (const { items } of kube.list(POLICIES, { labelSelector: OPERATOR_LABELS, signal }))
      found += items.length;
    return found;
  };
  try {
    const found = await unlessForbidden(read());
    if (found === undefined) return [{ level: "unknown", text: "The operator's admission policies: not readable." }];
    if (found > 0) return [{ level: "ok", text: "The operator's admission policies are installed." }];
    const text = "No admission policy limits which Secrets the operator may write.";
    return [{ level: "warn", text, ...install(operator, "--set=admissionPolicy.enabled=true") }];
  } catch (error: unknown) {
    if (!KubeError.is(error, "NotFound")) throw error;
    const text = "This cluster has no ValidatingAdmissionPolicies: they need Kubernetes 1.30.";
    return [{ level: "warn", text, advice: "Upgrade Kubernetes." }];
  }
}

/** Undefined where the user lacks the permission. */
export async function unlessForbidden<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error: unknown) {
    if (KubeError.is(error, "Forbidden")) return undefined;
    throw error;
  }
}
