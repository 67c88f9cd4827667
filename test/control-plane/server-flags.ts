import type { ControlPlaneCredentials } from "./credentials.ts";

/** etcd for data that nobody will miss. */
export function etcdFlags(options: { readonly clientPort: number; readonly dataFolder: string }): string[] {
  const url = `http://127.0.0.1:${options.clientPort}`;
  return [
    `--data-dir=${options.dataFolder}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    // One member has no peers: any free port will do.
    "--listen-peer-urls=http://127.0.0.1:0",
    "--unsafe-no-fsync",
  ];
}

export interface ApiServerFlagOptions {
  readonly port: number;
  readonly etcdPort: number;
  /** For what it writes by itself. */
  readonly workFolder: string;
  readonly credentials: ControlPlaneCredentials;
  /** Where the audit log goes and what goes into it. */
  readonly audit?: { readonly policyFile: string; readonly logFile: string };
}

/** kube-apiserver as in a cluster: TLS only, client certificates, RBAC, service account tokens. */
export function apiServerFlags(options: ApiServerFlagOptions): string[] {
  const { credentials, audit } = options;
  return [
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    `--secure-port=${options.port}`,
    `--etcd-servers=http://127.0.0.1:${options.etcdPort}`,
    `--cert-dir=${options.workFolder}`,
    `--tls-cert-file=${credentials.file("serving.crt")}`,
    `--tls-private-key-file=${credentials.file("serving.key")}`,
    `--client-ca-file=${credentials.file("ca.crt")}`,
    `--service-account-issuer=https://127.0.0.1:${options.port}/`,
    `--service-account-key-file=${credentials.file("service-accounts.pub")}`,
    `--service-account-signing-key-file=${credentials.file("service-accounts.key")}`,
    "--authorization-mode=RBAC",
    "--allow-privileged=true",
    "--service-cluster-ip-range=10.0.0.0/24",
    // No controller makes the default service account here, and the plugin would refuse every pod without it.
    "--disable-admission-plugins=ServiceAccount",
    // Since 1.37 kube-apiserver refuses to publish a loopback address as its endpoint.
    "--endpoint-reconciler-type=none",
    // The identity would write a lease of its own every ten seconds, into the counts of tests that expect no write at
    // all; the proxy depends on it.
    "--feature-gates=APIServerIdentity=false,UnknownVersionInteroperabilityProxy=false",
    ...(audit === undefined
      ? []
      : [`--audit-policy-file=${audit.policyFile}`, `--audit-log-path=${audit.logFile}`, "--audit-log-mode=blocking"]),
  ];
}

/** Who did what, without bodies (https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/). */
export const AUDIT_POLICY = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [{ level: "Metadata" }],
};

/**
 * kube-controller-manager with what makes owner references and the deletion of a namespace work, and nothing else:
 * each further controller would add writes of its own to those that tests count.
 *
 * The garbage collector learns of new kinds every 30 s, which no flag changes: kinds that a test relies on must be
 * there before it starts.
 */
export function controllerManagerFlags(options: {
  readonly port: number;
  readonly workFolder: string;
  readonly kubeconfigPath: string;
}): string[] {
  return [
    `--kubeconfig=${options.kubeconfigPath}`,
    "--controllers=garbage-collector-controller,namespace-controller",
    "--leader-elect=false",
    "--bind-address=127.0.0.1",
    `--secure-port=${options.port}`,
    `--cert-dir=${options.workFolder}`,
    // The readiness check comes without credentials, on loopback.
    "--authorization-always-allow-paths=/healthz",
    "--concurrent-gc-syncs=10",
    "--concurrent-namespace-syncs=10",
    "--kube-api-qps=200",
    "--kube-api-burst=400",
  ];
}
