import { describeDuration } from "../api/duration.ts";
import { CREDENTIALS_LABEL } from "../api/names.ts";
import type { UserCertificate } from "../api/parse-user-certificate.ts";
import { PROJECT_X509, type ProjectX509, parseProjectX509 } from "../api/project-x509.ts";
import { type AtlasCredentials, describeCredentials, parseCredentials } from "../atlas/authentication/credentials.ts";
import type { X509AuthenticationApi } from "../atlas/x509-authentication-api.ts";
import { MINUTE_MS } from "../clock.ts";
import { type Refusal, refusalOf, remedyAtAtlas } from "../controllers/access/refusal.ts";
import { SECRETS } from "../kube/core-types.ts";
import { KubeError } from "../kube/kube-error.ts";
import { type ObjectRef, objectKey } from "../kube/resource-type.ts";
import { textOfWiped } from "../wiped-bytes.ts";
import type { Line, Section } from "./check.ts";
import { type Operator, unlessForbidden } from "./installation.ts";
import type { Cluster } from "./report.ts";
import type { Resource } from "./resources.ts";
import { count } from "./text.ts";

/** Atlas, as far as a check asks it: nothing that creates or changes anything. */
export type ReadOnlyAtlas = Pick<
  X509AuthenticationApi,
  "getDatabaseUser" | "getUserSecurity" | "listAllDatabaseUserCertificates"
>;

export interface AtlasCheckOptions {
  readonly connect: (credentials: AtlasCredentials) => ReadOnlyAtlas;
  /** Where this command asks Atlas, and whether `--atlas-base-url` says so. */
  readonly atlas: { readonly origin: string; readonly isGiven: boolean };
  /** Where the Secrets of AtlasProjectX509s are; undefined where that is not known. */
  readonly operatorNamespace: string | undefined;
  /** The operator that serves the resources with credentials of their own; undefined where none can be seen. */
  readonly own: Operator | undefined;
  /** The operator that serves those with a projectRef. */
  readonly granting: Operator | undefined;
}

/** A project at Atlas, the credentials for it, and the resources that use both. */
interface Account {
  readonly projectId: string;
  readonly secret: ObjectRef;
  readonly project: ProjectX509 | undefined;
  readonly resources: readonly UserCertificate[];
  readonly operator: Operator | undefined;
}

/** `--max-unexpired-per-user` of an operator that does not set it. */
const DEFAULT_MAX_UNEXPIRED = "10";

/** A clock that differs by more from that of Atlas is worth fixing. */
const SKEW_MS = MINUTE_MS;
const CALL_TIMEOUT_MS = 20_000;

/** One section for each project and each Secret with credentials that the namespace's resources name. */
export async function atlasSections(
  cluster: Cluster,
  resources: readonly Resource[],
  options: AtlasCheckOptions,
): Promise<readonly Section[]> {
  const sections: Section[] = [];
  const groups = Map.groupBy(
    resources.filter((resource) => resource.valid),
    ({ spec }) => spec.projectRef?.name ?? `${spec.projectId} ${spec.credentialsRef?.name}`,
  );
  for (const group of groups.values()) {
    const { credentialsRef, projectId = "", projectRef } = group[0]?.spec ?? {};
    const namespace = cluster.namespace ?? "default";
    if (projectRef === undefined) {
      const secret = { namespace, name: credentialsRef?.name ?? "" };
      const account = { projectId, secret, project: undefined, resources: group, operator: options.own };
      sections.push({ title: `Atlas project ${projectId}`, lines: await accountLines(cluster, account, options) });
    } else {
      const title = `AtlasProjectX509 ${projectRef.name}`;
      sections.push({ title, lines: await projectLines(cluster, projectRef.name, group, options) });
    }
  }
  return sections;
}

async function projectLines(
  cluster: Cluster,
  name: string,
  resources: readonly UserCertificate[],
  options: AtlasCheckOptions,
): Promise<readonly Line[]> {
  const advice = "Ask the platform team to create it, or correct spec.projectRef.";
  let project: Awaited<ReturnType<typeof readProject>> | undefined;
  try {
    project = await unlessForbidden(readProject(cluster, name));
  } catch (error: unknown) {
    if (!KubeError.is(error, "NotFound")) throw error;
    return [{ level: "fail", text: `AtlasProjectX509 ${name} does not exist.`, advice }];
  }
  if (project === undefined) {
    return [{ level: "unknown", text: "You may not read it: the resources below say whether it works." }];
  }
  if (!project.valid) return [{ level: "fail", text: `This version cannot read it: ${project.problem}.` }];
  const lines = [conditionLine(project)];
  const namespace = options.operatorNamespace;
  if (namespace === undefined) {
    const text = "Its credentials are in the operator's namespace, which is not known, so Atlas was not asked.";
    return [...lines, { level: "unknown", text, advice: "Set --operator-namespace." }];
  }
  const { credentialsRef, projectId } = project.spec;
  const account = {
    projectId,
    secret: { namespace, name: credentialsRef.name },
    project,
    resources,
    operator: options.granting,
  };
  return [...lines, ...(await accountLines(cluster, account, options))];
}

async function readProject({ kube, signal }: Cluster, name: string) {
  return parseProjectX509(await kube.get(PROJECT_X509, { name }, { signal }));
}

function conditionLine({ status }: ProjectX509): Line {
  const ready = status.conditions?.find(({ type }) => type === "Ready");
  if (ready === undefined) return { level: "warn", text: "The operator has not reconciled it yet." };
  return { level: ready.status === "True" ? "ok" : "fail", text: ready.message };
}

async function accountLines(cluster: Cluster, account: Account, options: AtlasCheckOptions): Promise<readonly Line[]> {
  if (isElsewhere(account, options) && !options.atlas.isGiven) {
    return [{ level: "unknown", text: "Atlas was not asked: the operator asks another address." }];
  }
  const read = await credentialsIn(cluster, account);
  if ("level" in read) return [read];
  cluster.progress(`asking Atlas about project ${account.projectId} …`);
  const api = options.connect(read);
  const call = { signal: cluster.signal, timeoutMs: CALL_TIMEOUT_MS };
  const lines: Line[] = [];
  try {
    const { answeredAt, customerX509 } = await api.getUserSecurity({ groupId: account.projectId }, call);
    lines.push({
      level: "ok",
      text: `Atlas accepts ${describeCredentials(read)} as Project Owner.`,
    });
    lines.push(customerLine(customerX509.cas !== undefined, account), ...clockLines(answeredAt, cluster.clock.now()));
  } catch (error: unknown) {
    const line = refusalLine(error, account, options);
    // To list certificates takes less than the role that is missing.
    if (refusalOf(error).kind !== "role") return [line];
    lines.push(line);
  }
  const usernames = [...new Set(account.resources.map(({ spec }) => spec.username))];
  for (const username of usernames) lines.push(await userLine(api, { account, username, options }, call));
  return lines;
}

function isElsewhere({ operator }: Account, { atlas }: AtlasCheckOptions): boolean {
  return operator !== undefined && operator.atlasOrigin !== atlas.origin;
}

/** The credentials, or the reason why there are none. */
async function credentialsIn(
  { kube, signal }: Cluster,
  { project, secret }: Account,
): Promise<AtlasCredentials | Line> {
  const { name, namespace = "" } = secret;
  const command = [
    ...["kubectl", "create", "secret", "generic", name, `--namespace=${namespace}`],
    ...["--from-literal=clientId=…", "--from-literal=clientSecret=…"],
  ];
  const label = ["kubectl", "label", "secret", name, `--namespace=${namespace}`, `${CREDENTIALS_LABEL}=true`];
  try {
    const found = await unlessForbidden(kube.get(SECRETS, secret, { signal }));
    if (found === undefined) {
      return { level: "unknown", text: `Secret ${objectKey(secret)}: you may not read it, so Atlas was not asked.` };
    }
    if (project !== undefined && found.metadata.labels?.[CREDENTIALS_LABEL] !== "true") {
      return { level: "fail", text: `Secret ${objectKey(secret)} is not labelled as credentials.`, command: label };
    }
    const entries = Object.entries(found.data ?? {}).map(([key, value]) => {
      return [key, textOfWiped(Buffer.from(value, "base64"), "utf8")] as const;
    });
    const parsed = parseCredentials(Object.fromEntries(entries));
    if (parsed.ok) return parsed.credentials;
    return { level: "fail", text: `Secret ${objectKey(secret)}: ${parsed.problem}` };
  } catch (error: unknown) {
    if (!KubeError.is(error, "NotFound")) throw error;
    return {
      level: "fail",
      text: `Secret ${objectKey(secret)} does not exist.`,
      command,
      nextCommand: project && label,
    };
  }
}

/** Advice for refusals that are about this machine: the operator calls from another place. */
const HERE: Readonly<Partial<Record<Refusal["kind"], string>>> = {
  accessList: "This is about the machine that runs this command. The address of the cluster must be on that list.",
  unavailable: "This is about the machine that runs this command: check its --atlas-ca-file and HTTPS_PROXY.",
  badAnswer: "This is about the machine that runs this command: check its --atlas-ca-file and HTTPS_PROXY.",
  rateLimited: "Run the check again later.",
};

function refusalLine(error: unknown, account: Account, options: AtlasCheckOptions): Line {
  const { projectId, secret } = account;
  const refusal = refusalOf(error);
  const { kind, problem } = refusal;
  if (isElsewhere(account, options)) {
    const advice = "The operator asks another Atlas, so this says nothing about its credentials.";
    return { level: "warn", text: problem, advice };
  }
  if (HERE[kind] !== undefined) return { level: "warn", text: problem, advice: HERE[kind] };
  const advice = remedyAtAtlas(refusal, `Secret ${objectKey(secret)}`, projectId);
  return { level: "fail", text: problem, advice };
}

function customerLine(isOn: boolean, { project, projectId }: Account): Line {
  if (!isOn) return { level: "ok", text: "Customer-managed X.509 is off, so Atlas issues certificates." };
  const text = "Customer-managed X.509 is on: Atlas issues no certificates.";
  if (project !== undefined) {
    const command = ["kubectl", "describe", "apx", project.name];
    return { level: "fail", text, advice: "Its status says how to disable it, which restarts the database.", command };
  }
  const command = ["atlas", "security", "customerCerts", "disable", `--projectId=${projectId}`];
  return { level: "fail", text, advice: "Disable it, which restarts the database, or use another project.", command };
}

function clockLines(answeredAt: Date | undefined, nowMs: number): readonly Line[] {
  if (answeredAt === undefined) return [];
  const skewMs = nowMs - answeredAt.getTime();
  if (Math.abs(skewMs) < SKEW_MS)
    return [{ level: "ok", text: "The clock of this machine agrees with that of Atlas." }];
  const direction = skewMs > 0 ? "ahead of" : "behind";
  const text = `This machine's clock is ${describeDuration(Math.abs(skewMs))} ${direction} Atlas' clock.`;
  return [{ level: "warn", text, advice: "Lifetimes that this command shows are off by as much." }];
}

async function userLine(
  api: ReadOnlyAtlas,
  about: { readonly account: Account; readonly username: string; readonly options: AtlasCheckOptions },
  call: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<Line> {
  const { account, options, username } = about;
  const { projectId: groupId } = account;
  const project = `--projectId=${groupId}`;
  try {
    const { x509Type = "NONE" } = await api.getDatabaseUser({ groupId, username }, call);
    if (x509Type !== "MANAGED") {
      return {
        level: "fail",
        text: `Database user ${username} has x509Type ${x509Type}, not MANAGED: Atlas issues no certificate for it.`,
        command: ["atlas", "dbusers", "update", username, "--authDB=$external", "--x509Type=MANAGED", project],
      };
    }
    const { certificates } = await api.listAllDatabaseUserCertificates({ groupId, username }, call);
    const most = account.operator && Number(account.operator.flag("max-unexpired-per-user") ?? DEFAULT_MAX_UNEXPIRED);
    const limit = most === undefined ? "" : `, at most ${most}`;
    const used = `${count(certificates.length, "unexpired certificate")}${limit}`;
    const text = `Database user ${username} has x509Type MANAGED (${used}).`;
    if (most === undefined || certificates.length < most) return { level: "ok", text };
    return { level: "warn", text, advice: "Only renewals that are due are issued until one of them expires." };
  } catch (error: unknown) {
    const refusal = refusalOf(error);
    if (refusal.kind !== "userNotFound") return refusalLine(error, account, options);
    return {
      level: "fail",
      text: `Database user ${username} does not exist, or X.509 does not authenticate it.`,
      command: [
        "atlas",
        "dbusers",
        "create",
        `--username=${username}`,
        "--x509Type=MANAGED",
        project,
        "--role=readWrite@DATABASE",
      ],
    };
  }
}
