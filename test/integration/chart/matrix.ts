import type { Values } from "./rendering.ts";

/** What people install: each of these is rendered, linted and judged by the API server. */
export const MATRIX: Readonly<Record<string, Values>> = {
  "the defaults": {},
  "some namespaces only": { watchNamespaces: ["shop", "billing"] },
  "some namespaces only, with credentials of the platform's": {
    watchNamespaces: ["shop"],
    atlas: { defaultCredentials: { existingSecret: "atlas-of-the-platform" } },
  },
  "one pod": { replicas: 1, podDisruptionBudget: { enabled: false } },
  "everything off": {
    replicas: 1,
    crds: { enabled: false },
    rbac: { create: false },
    serviceAccount: { create: false, name: "operator" },
    podDisruptionBudget: { enabled: false },
    networkPolicy: { enabled: false },
    metrics: { enabled: false },
    topologySpreadConstraints: [],
    resources: {},
  },
  "everything on": {
    replicas: 3,
    image: {
      registry: "registry.example.com",
      repository: "team/atlas-cert-operator",
      digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
      pullPolicy: "Always",
    },
    imagePullSecrets: [{ name: "registry" }],
    fullnameOverride: "certificates",
    commonLabels: { team: "platform", "app.kubernetes.io/part-of": "atlas" },
    crds: { enabled: true, keep: false },
    atlas: {
      baseUrl: "https://cloud.mongodbgov.com:8443",
      caFile: "/etc/private-ca/ca.crt",
      defaultCredentials: { existingSecret: "atlas-of-the-platform" },
    },
    workers: 256,
    verifyInterval: "1h30m",
    limits: { issuesPerDay: 100_000, unexpiredPerUser: 100_000 },
    log: { level: "debug", format: "pretty" },
    extraArgs: ["--max-backoff=30m"],
    extraEnv: [
      { name: "HTTPS_PROXY", value: "http://proxy:3128" },
      { name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
    ],
    extraEnvFrom: [{ secretRef: { name: "proxy", optional: true } }],
    extraVolumes: [{ name: "private-ca", configMap: { name: "private-ca" } }],
    extraVolumeMounts: [{ name: "private-ca", mountPath: "/etc/private-ca", readOnly: true }],
    serviceAccount: {
      create: true,
      name: "certificates",
      annotations: { "example.com/role": "x" },
      labels: { "azure.workload.identity/use": "true" },
    },
    podDisruptionBudget: { minAvailable: "50%" },
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "50%", maxUnavailable: 1 } },
    hostAliases: [{ ip: "192.0.2.1", hostnames: ["cloud.mongodbgov.com"] }],
    dnsPolicy: "None",
    dnsConfig: { nameservers: ["192.0.2.53"], searches: ["example.com"], options: [{ name: "ndots", value: "2" }] },
    deploymentAnnotations: { "example.com/owner": "platform" },
    extraObjects: [
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "beside" }, data: { release: "{{ .Release.Name }}" } },
      "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-text\n",
    ],
    priorityClassName: "system-cluster-critical",
    nodeSelector: { "kubernetes.io/os": "linux" },
    tolerations: [{ key: "dedicated", operator: "Exists" }],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/arch", operator: "In", values: ["amd64"] }] }],
        },
      },
    },
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "DoNotSchedule", minDomains: 2 },
    ],
    podLabels: { "example.com/scrape": "true" },
    podAnnotations: { "example.com/note": "hello" },
    metrics: {
      service: { annotations: { "example.com/a": "b" } },
      serviceMonitor: {
        enabled: true,
        namespace: "monitoring",
        labels: { release: "prometheus" },
        annotations: { "example.com/c": "d" },
        interval: "60s",
        honorLabels: false,
        relabelings: [{ action: "replace", targetLabel: "cluster", replacement: "eu-1" }],
        metricRelabelings: [{ action: "drop", sourceLabels: ["__name__"], regex: "nodejs_.*" }],
      },
    },
    networkPolicy: {
      apiServerPorts: [443],
      apiServerCidrs: ["10.0.0.1/32", "fd00::1/128"],
      atlasCidrs: ["0.0.0.0/0"],
      metricsFrom: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } }],
      extraEgress: [{ ports: [{ port: 3128 }] }],
    },
  },
  "a simulated Atlas": { simulator: { enabled: true } },
  "a simulated Atlas with fixtures, short months and a certificate of one's own": {
    simulator: {
      enabled: true,
      month: "5m",
      fixtures: {
        projects: [{ id: "0123456789abcdef01234567", name: "mine", users: ["me"] }],
        credentials: [
          {
            kind: "apiKey",
            id: "key",
            role: "GROUP_OWNER",
            projectIds: ["0123456789abcdef01234567"],
            publicApiKey: "public",
            privateApiKey: "made-up",
          },
        ],
      },
      tls: { existingSecret: "my-simulator" },
    },
    limits: { issuesPerDay: 100_000 },
  },
};
