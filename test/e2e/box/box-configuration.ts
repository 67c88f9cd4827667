import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";

/** The image that holds a pod's namespaces; see pause-image.ts. */
export const PAUSE_IMAGE = "local.test/pause:1";

export interface BoxConfiguration {
  /** Of containerd; its configuration differs. */
  readonly containerdMajor: number;
  /** The folder with the CNI plugins. */
  readonly cniPlugins: string;
  /** How often the kubelet looks after a pod: a changed Secret is in the pod by then. */
  readonly syncFrequency: string;
  /** The cgroup, as a path from the root of each hierarchy, that all of the box's pods are in. */
  readonly cgroup: string;
}

/** Writes what the box's programs read, and the folders they expect. */
export async function writeBoxConfiguration(folder: string, configuration: BoxConfiguration): Promise<void> {
  for (const name of ["cni", "kubelet", "pods", "work"]) await mkdir(path.join(folder, name));
  const { containerdMajor } = configuration;
  const files = {
    "containerd.toml": (containerdMajor < 2 ? containerd1 : containerd2)(folder, configuration),
    "cni/10-box.conflist": JSON.stringify(podNetwork(folder)),
    // Kubernetes reads JSON wherever it reads YAML.
    "kubelet.yaml": JSON.stringify(kubelet(folder, configuration)),
    Corefile: `.:53 {\n  bind 10.96.0.10\n  errors\n  cache 5\n  kubernetes cluster.local {\n    kubeconfig ${folder}/admin.kubeconfig\n  }\n}\n`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
}

/** Where containerd keeps everything: in the box's folder. */
const places = (folder: string) => `root = "${folder}/containerd"
state = "${folder}/containerd-state"
[grpc]
  address = "${folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "${folder}/opt"
`;

/**
 * restrict_oom_score_adj: without CAP_SYS_RESOURCE, as in a sandbox, runc can't lower a score, and dies of it ("can't get
 * final child's PID from pipe: EOF").
 */
const containerd1 = (folder: string, { cniPlugins }: BoxConfiguration) => `version = 2
${places(folder)}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "${cniPlugins}"
  conf_dir = "${folder}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
`;

const containerd2 = (folder: string, { cniPlugins }: BoxConfiguration) => `version = 3
${places(folder)}
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${PAUSE_IMAGE}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["${cniPlugins}"]
  conf_dir = "${folder}/cni"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
`;

function podNetwork(folder: string) {
  return {
    cniVersion: "1.0.0",
    name: "box",
    plugins: [
      {
        type: "bridge",
        bridge: "pods0",
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: "host-local",
          dataDir: `${folder}/addresses`,
          ranges: [[{ subnet: "10.244.0.0/24" }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
      { type: "portmap", capabilities: { portMappings: true } },
      { type: "firewall" },
    ],
  };
}

function kubelet(folder: string, { syncFrequency, cgroup }: BoxConfiguration) {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    // Version 1 will do here, and is all that some sandboxes have.
    failCgroupV1: false,
    cgroupDriver: "cgroupfs",
    cgroupRoot: cgroup,
    containerRuntimeEndpoint: `unix://${folder}/containerd.sock`,
    podLogsDir: `${folder}/pods`,
    volumePluginDir: `${folder}/volume-plugins`,
    failSwapOn: false,
    syncFrequency,
    nodeStatusUpdateFrequency: "5s",
    // The machine's disk may well be fuller than a node's should be.
    evictionHard: {
      "memory.available": "50Mi",
      "nodefs.available": "1%",
      "imagefs.available": "1%",
      "nodefs.inodesFree": "1%",
    },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    tlsCertFile: `${folder}/pki/kubelet.crt`,
    tlsPrivateKeyFile: `${folder}/pki/kubelet.key`,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${folder}/pki/ca.crt` },
    },
    authorization: { mode: "Webhook" },
    readOnlyPort: 0,
    resolvConf: "",
    clusterDNS: ["10.96.0.10"],
    clusterDomain: "cluster.local",
  };
}
