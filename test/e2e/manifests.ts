import { readFileSync } from "node:fs";
import path from "node:path";
import "reflect-metadata";
import { X509CertificateGenerator } from "@peculiar/x509";
import { ROOT } from "./commands.ts";

export const APPS = path.join(ROOT, "test/e2e/apps");

/** A namespace that takes no pod but one that meets the Pod Security Standard restricted. */
export function restrictedNamespace(name: string) {
  const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

/** What a pod runs with Node.js. */
export interface Script {
  readonly name: string;
  readonly text: string;
}

/** A self-contained script of test/e2e/apps, as it is. */
export function script(name: string): Script {
  return { name, text: readFileSync(path.join(APPS, name), "utf8") };
}

export interface ServerOptions {
  readonly name: string;
  readonly image: string;
  readonly script: Script;
  /** That it listens on; the first is called main. */
  readonly ports: readonly number[];
  /** The Secret that it reads, and where. */
  readonly secret: { readonly name: string; readonly mountPath: string };
  readonly readiness: object;
  readonly env?: Readonly<Record<string, string>>;
  /** Environment variables that hold keys of that Secret. */
  readonly envOfSecret?: Readonly<Record<string, string>>;
}

/** A Deployment of one pod that runs a script with the operator's image (there is a Node.js in it), and its Service. */
export function server({ name, image, script, ports, secret, readiness, ...rest }: ServerOptions): object[] {
  const { env = {}, envOfSecret = {} } = rest;
  const metadata = { name };
  const selector = { app: name };
  const container = {
    name: "app",
    image,
    imagePullPolicy: "IfNotPresent",
    command: ["/usr/bin/node", `/scripts/${script.name}`],
    env: [
      ...Object.entries(env).map(([key, value]) => ({ name: key, value })),
      ...Object.entries(envOfSecret).map(([key, entry]) => ({
        name: key,
        valueFrom: { secretKeyRef: { name: secret.name, key: entry } },
      })),
    ],
    ports: ports.map((port, index) => ({ name: index === 0 ? "main" : `main-${index}`, containerPort: port })),
    readinessProbe: { ...readiness, initialDelaySeconds: 1, periodSeconds: 1, timeoutSeconds: 5 },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      { name: "scripts", mountPath: "/scripts", readOnly: true },
      { name: "secret", mountPath: secret.mountPath, readOnly: true },
    ],
  };
  const spec = {
    enableServiceLinks: false,
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    containers: [container],
    volumes: [
      { name: "scripts", configMap: { name } },
      { name: "secret", secret: { secretName: secret.name } },
    ],
  };
  return [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata,
      data: { [script.name]: script.text },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: { selector: { matchLabels: selector }, template: { metadata: { labels: selector }, spec } },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { selector, ports: ports.map((port) => ({ name: `port-${port}`, port })) },
    },
  ];
}

export function secret(name: string, stringData: Readonly<Record<string, string>>) {
  return { apiVersion: "v1", kind: "Secret", metadata: { name }, stringData };
}

/** The simulator's own service account, which every simulated Atlas begins with. */
export function credentials(name = "atlas-api") {
  return secret(name, {
    clientId: "mdb_sa_id_000000000000000000000001",
    clientSecret: "simulator-owner-not-a-real-secret",
  });
}

export interface CertificateOptions {
  readonly name: string;
  readonly username: string;
  readonly monthsUntilExpiration: number;
  /** @default the simulator's first */
  readonly projectId?: string;
  readonly connectionString?: object;
  readonly rolloutRestart?: readonly object[];
}

/** An AtlasUserCertificate of the simulator's project, with the Secret `<name>-mongodb`. */
export function certificate({ name, ...spec }: CertificateOptions) {
  return {
    apiVersion: "atlascerts.io/v1alpha1",
    kind: "AtlasUserCertificate",
    metadata: { name },
    spec: {
      projectId: "32b6e34b3d91647abb20e7b8",
      credentialsRef: { name: "atlas-api" },
      secretName: `${name}-mongodb`,
      ...spec,
    },
  };
}

/** A certificate for a server whose name nobody looks at, and its key. */
export async function serverPair(): Promise<{ readonly "tls.crt": string; readonly "tls.key": string }> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const made = await X509CertificateGenerator.createSelfSigned({
    name: "CN=database",
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 86_400_000),
  });
  const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return {
    "tls.crt": made.toString("pem"),
    "tls.key": `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
  };
}
