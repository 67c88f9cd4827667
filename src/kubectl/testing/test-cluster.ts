import { USER_CERTIFICATE, type UserCertificateSpec } from "../../api/user-certificate.ts";
import type { UserCertificateStatus } from "../../api/user-certificate-status.ts";
import { MemoryCluster } from "../../controllers/user-certificate/testing/memory-cluster.ts";
import { NOW, resource, SETTLED_STATUS } from "../../controllers/user-certificate/testing/snapshots.ts";
import type { KubeApi } from "../../kube/kube-api.ts";
import { typeName } from "../../kube/resource-type.ts";
import { ManualClock } from "../../testing/manual-clock.ts";
import type { Cluster, Report } from "../report.ts";
import type { Page } from "../text.ts";

/** A terminal without colours, ten days after the certificate of SETTLED_STATUS was issued. */
export const PAGE: Page = { width: 100, colours: false, nowMs: NOW };

/** The lines that a command prints. */
export async function rendered(report: Promise<Pick<Report, "lines">>, page = PAGE): Promise<string> {
  return (await report).lines(page).join("\n");
}

/** A resource whose certificate is good, as an object of the API server. */
export function object(
  name = "orders-api",
  spec: Partial<UserCertificateSpec> = {},
  status: UserCertificateStatus = SETTLED_STATUS,
  namespace = "shop",
) {
  const { uid } = resource();
  const whole = { ...resource({ spec }).spec, secretName: `${name}-mongodb`, ...spec };
  return { metadata: { namespace, name, uid }, spec: whole, status };
}

/** An API server in memory, with lists, and what the commands need beside it. */
export class TestCluster implements Cluster {
  readonly memory = new MemoryCluster();
  readonly kube: Cluster["kube"];
  readonly clock = new ManualClock({ startAt: NOW, skipUpToMs: 10_000 });
  readonly signal = new AbortController().signal;
  readonly told: string[] = [];
  namespace: string | undefined = "shop";
  /** Lists of these types are refused, by name. */
  readonly failing = new Map<string, Error>();

  constructor(...objects: readonly ReturnType<typeof object>[]) {
    const { failing, memory } = this;
    for (const one of objects) memory.put(USER_CERTIFICATE, one);
    const list: KubeApi["list"] = async function* (type, { namespace } = {}) {
      const error = failing.get(typeName(type));
      if (error !== undefined) throw error;
      const items = memory
        .all()
        .filter(([key]) => key.startsWith(`${typeName(type)} `))
        .map(([, found]) => found)
        .filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
      // Stored under the name of its type and no other.
      yield { items: items as never, resourceVersion: "1", skipped: [] };
    };
    this.kube = {
      get: (type, ref) => memory.get(type, ref),
      create: (...call) => memory.create(...call),
      mergePatch: (...call) => memory.mergePatch(...call),
      list,
    };
  }

  progress = (line: string): void => {
    this.told.push(line);
  };
}
