import { eventually, get, kubectl } from "./commands.ts";

/** The namespace of the app and its certificates. */
export const SHOP = "shop";

export interface CertificateStatus {
  readonly serialNumber?: string;
  readonly notAfter?: string;
  /** When it was last seen in Atlas' list. */
  readonly lastVerifiedTime?: string;
  readonly unaccounted?: readonly { readonly serialNumber: string }[];
  readonly consumers?: {
    readonly pods: number;
    readonly outdated: number;
    readonly outdatedPods?: readonly string[];
    readonly outdatedValidUntil?: string;
  };
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string }[];
}

export async function statusOf(name: string): Promise<CertificateStatus> {
  const { status = {} } = await get<{ status?: CertificateStatus }>("auc", name, "--namespace", SHOP);
  return status;
}

/** The serial number of a resource; empty before the first. */
export async function issuedSerial(name: string): Promise<string> {
  return (await statusOf(name)).serialNumber ?? "";
}

/** Waits until the resource is Ready, and with another certificate where one is named. */
export async function untilReady(name: string, { otherThan = "" } = {}): Promise<void> {
  await eventually(`Ready of ${name}`, 90_000, async () => {
    const { serialNumber = "", conditions = [] } = await statusOf(name);
    const isReady = conditions.some(({ type, status }) => type === "Ready" && status === "True");
    return isReady && serialNumber !== otherThan ? true : undefined;
  });
}

/** Waits until the operator has looked for the resource's certificate in Atlas' list, and is content with it. */
export async function untilVerifiedSince(name: string, timeMs: number): Promise<void> {
  await eventually(`verification of ${name}`, 90_000, async () => {
    const { lastVerifiedTime = "" } = await statusOf(name);
    return Date.parse(lastVerifiedTime) > timeMs ? true : undefined;
  });
  await untilReady(name);
}

export interface Login {
  /** The common name that the database saw. */
  readonly user: string;
  readonly serialNumber: string;
  readonly notAfter: string;
  /** When the app's process began. */
  readonly startedAt: string;
}

/** Has the app log in to the database, with the files as they are in its pod now. @throws CommandError where it can't */
export async function appLogin(app: string): Promise<Login> {
  return JSON.parse(await askApp(app, "login"));
}

/** Has the app connect to the database without a certificate, and gives what came of it. */
export async function anonymousLogin(app: string): Promise<string> {
  return askApp(app, "anonymous");
}

function askApp(app: string, path: string): Promise<string> {
  return kubectl("get", "--raw", `/api/v1/namespaces/${SHOP}/services/${app}:8080/proxy/${path}`);
}
