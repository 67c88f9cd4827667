import { CREDENTIALS_LABEL } from "../api/names.ts";
import type { UserCertificate } from "../api/parse-user-certificate.ts";
import { PROJECT_X509, type ProjectX509, parseProjectX509 } from "../api/project-x509.ts";
import { type AtlasCredentials, describeCredentials, parseCredentials } from "../atlas/authentication/credentials.ts";
import type { X509AuthenticationApi } from "../atlas/x509-authentication-api.ts";
import { MINUTE_MS } from "../clock.ts";
import { refusalOf, remedyAtAtlas } from "../controllers/access/refusal.ts";
import { SECRETS } from "../kube/core-types.ts";
import { KubeError } from "../kube/kube-error.ts";
import { type ObjectRef, objectKey } from "../kube/resource-type.ts";
import { textOfWiped } from "../wiped-bytes.ts";
import type { Line, Section } from "./check.ts";
import { unlessForbidden } from "./installation.ts";
import type { Cluster } from "./report.ts";
import type { Resource } from "./resources.ts";
import { count, relative } from "./text.ts";

/** Atlas, as far as a check asks it: nothing that creates or changes anything. */
export type ReadOnlyAtlas = Pick<
  X509AuthenticationApi,
  "getDatabaseUser" | "getUserSecurity" | "listAllDatabaseUserCertificates"
>;

export interface AtlasCheckOptions {
  readonly connect: (credentials: AtlasCredentials) => ReadOnlyAtlas;
  /** Where the Secrets of AtlasProjectX509s are; undefined where that is not known. */
  readonly operatorNamespace: string | undefined;
  /** `--max-unexpired-per-user` of the operator. */
  readonly maxUnexpired: number;
}

/** A project at Atlas, the credentials for it, and the resources that use both. */
interface Account {
  readonly projectId: string;
  readonly secret: ObjectRef;
  readonly project: ProjectX509 | undefined;
  readonly resources: readonly UserCertificate[];
}

/** A clock that differs by more from that of Atlas is worth fixing. */
const SKEW_MS = MINUTE_MS;
const CALL_TIMEOUT_MS = 20_000;

/** One section for each project and each Secret with credentials that the namespace's resources name. */
export async function* atlasSections(
  cluster: Cluster,
  resources: readonly Resource[],
  options: AtlasCheckOptions,
): AsyncGenerator<Section> {
  const groups = Map.groupBy(
    resources.filter((resource) => resource.valid),
    ({ spec }) => spec.projectRef?.name ?? `${spec.projectId} ${spec.credentialsRef?.name}`,
  );
  for (const group of groups.values()) {
    const { credentialsRef, projectId = "", projectRef } = group[0]?.spec ?? {};
    const namespace = cluster.namespace ?? "default";
    if (projectRef === undefined) {
      const secret = { namespace, name: credentialsRef?.name ?? "" };
      const account = { projectId, secret, project: undefined, resources: group };
      yield { title: `Atlas project ${projectId}`, lines: await accountLines(cluster, account, options) };
    } else {
      const title = `AtlasProjectX509 ${projectRef.name}`;
      yield { title, lines: await projectLines(cluster, projectRef.name, group, options) };
    }
  }
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
  if (namespace === undefined)
    return [...lines, { level: "unknown", text: "Its credentials: not readable, so Atlas was not asked." }];
  const { credentialsRef, projectId } = project.spec;
  const account = { projectId, secret: { namespace, name: credentialsRef.name }, project, resources };
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
    const line = refusalLine(error, account);
    // To list certificates takes less than the role that is missing.
    if (refusalOf(error).kind !== "role") return [line];
    lines.push(line);
  }
  const usernames = [...new Set(account.resources.map(({ spec }) => spec.username))];
  for (const username of usernames) lines.push(await userLine(api, { account, username, options }, call));
  return lines;
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
  try {
    const found = await unlessForbidden(kube.get(SECRETS, secret, { signal }));
    if (found === undefined) {
      return { level: "unknown", text: `Secret ${objectKey(secret)}: you may not read it, so Atlas was not asked.` };
    }
    if (project !== undefined && found.metadata.labels?.[CREDENTIALS_LABEL] !== "true") {
      const label = ["kubectl", "label", "secret", name, `--namespace=${namespace}`, `${CREDENTIALS_LABEL}=true`];
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
    return { level: "fail", text: `Secret ${objectKey(secret)} does not exist.`, command };
  }
}

function refusalLine(error: unknown, { projectId, secret }: Account): Line {
  const refusal = refusalOf(error);
  const remedy = remedyAtAtlas(refusal, `Secret ${objectKey(secret)}`, projectId);
  if (refusal.kind !== "accessList") return { level: "fail", text: refusal.problem, advice: remedy };
  // The operator calls from another place.
  const advice = "This is about the machine that runs this command. The address of the cluster must be on that list.";
  return { level: "warn", text: refusal.problem, advice };
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
  const text = `The clock of this machine is wrong: at Atlas, its time is ${relative(nowMs, answeredAt.getTime())}.`;
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
    const used = `${count(certificates.length, "unexpired certificate")}, at most ${options.maxUnexpired}`;
    const text = `Database user ${username} has x509Type MANAGED (${used}).`;
    if (certificates.length < options.maxUnexpired) return { level: "ok", text };
    return { level: "warn", text, advice: "Only renewals that are due are issued until one of them expires." };
  } catch (error: unknown) {
    const refusal = refusalOf(error);
    if (refusal.kind !== "userNotFound") return refusalLine(error, account);
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
