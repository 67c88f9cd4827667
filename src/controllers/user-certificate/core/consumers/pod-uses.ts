import { RELOADS_ANNOTATION } from "../../../../api/names.ts";
import { RENEWED_KEYS } from "../../../../certificate/secret-data.ts";
import type { Container, ContainerStatus, Pod, Volume } from "../../../../kube/core-types.ts";

/** One pod that uses the certificate in a Secret. Times are milliseconds since the epoch, in whole seconds. */
export interface PodUse {
  readonly name: string;
  readonly createdMs: number;
  /** When the first of its containers started that have it in environment variables; undefined if none did. */
  readonly environmentMs: number | undefined;
  /** When the first of its containers started that mount it and do not read the file again; undefined if none did. */
  readonly mountedMs: number | undefined;
}

type Way = "environmentMs" | "mountedMs";
type Uses = Map<string, { -readonly [K in Way]: PodUse[K] }>;

const FINISHED: ReadonlySet<string | undefined> = new Set(["Succeeded", "Failed"]);
const RENEWED: ReadonlySet<string> = new Set(RENEWED_KEYS);

/**
 * The uses that a pod makes of these Secrets, by the Secret's name. A pod that has finished or is being deleted makes none,
 * and neither does a container that has ended: only what an init container leaves behind is used after its end.
 */
export function podUses(pod: Pod, secrets: ReadonlySet<string>): ReadonlyMap<string, PodUse> {
  const { metadata, spec = {}, status = {} } = pod;
  const uses: Uses = new Map();
  if (FINISHED.has(status.phase) || metadata.deletionTimestamp !== undefined) return new Map();
  const note = (secret: string, way: Way, startedMs: number | undefined) => {
    if (!secrets.has(secret)) return;
    const use = uses.get(secret) ?? { environmentMs: undefined, mountedMs: undefined };
    use[way] = earlier(use[way], startedMs);
    uses.set(secret, use);
  };
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, mountedSecrets(volume)]));
  const reloads = metadata.annotations?.[RELOADS_ANNOTATION] === "true";
  const look = (containers: readonly Container[] = [], statuses: readonly ContainerStatus[] = [], outlives = false) => {
    for (const container of containers) {
      const startedMs = startOf(
        statuses.find(({ name }) => name === container.name),
        outlives,
      );
      for (const secret of environmentSecrets(container)) note(secret, "environmentMs", startedMs);
      for (const { name, subPath, subPathExpr } of container.volumeMounts ?? []) {
        // The kubelet never updates a file that is mounted by its path.
        const isReloaded = reloads && subPath === undefined && subPathExpr === undefined;
        for (const secret of volumes.get(name) ?? []) note(secret, "mountedMs", isReloaded ? undefined : startedMs);
      }
    }
  };
  look(spec.containers, status.containerStatuses);
  look(spec.initContainers, status.initContainerStatuses, true);
  look(spec.ephemeralContainers, status.ephemeralContainerStatuses);
  const createdMs = Date.parse(metadata.creationTimestamp ?? "");
  return new Map([...uses].map(([secret, use]) => [secret, { name: metadata.name, createdMs, ...use }]));
}

function mountedSecrets({ secret, projected }: Volume): readonly string[] {
  const sources = [
    { name: secret?.secretName, items: secret?.items },
    ...(projected?.sources ?? []).map((source) => ({ name: source.secret?.name, items: source.secret?.items })),
  ];
  return sources.flatMap(({ name, items }) =>
    name !== undefined && (items?.some(({ key }) => RENEWED.has(key)) ?? true) ? [name] : [],
  );
}

function environmentSecrets({ env = [], envFrom = [] }: Container): readonly string[] {
  const references = env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []);
  const renewed = references.filter(({ key }) => RENEWED.has(key));
  return [...renewed.map(({ name }) => name), ...envFrom.map(({ secretRef }) => secretRef?.name)].filter(
    (name) => name !== undefined,
  );
}

function startOf(status: ContainerStatus | undefined, outlives: boolean): number | undefined {
  const { running, terminated } = status?.state ?? {};
  const started = running?.startedAt ?? (outlives ? terminated?.startedAt : undefined);
  return started === undefined ? undefined : Date.parse(started);
}

function earlier(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? (left ?? right) : Math.min(left, right);
}
