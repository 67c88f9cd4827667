import { SECRET_ANNOTATIONS } from "../../../api/names.ts";
import { secretData } from "../../../certificate/secret-data.ts";
import { issuePair } from "../../../certificate/testing.ts";
import { SECRETS, type Secret } from "../../../kube/core-types.ts";
import type { KubeError } from "../../../kube/kube-error.ts";
import { ManualClock } from "../../../testing/manual-clock.ts";
import { KeystorePasswords } from "../cluster/keystore-passwords.ts";
import { type CachedResource, SecretCache } from "../cluster/resource-cache.ts";
import { SecretInspector } from "../cluster/secret-inspector.ts";
import { SecretPreflight } from "../cluster/secret-preflight.ts";
import { SecretWriter } from "../cluster/secret-writer.ts";
import { desiredMetadata } from "../core/model/desired-secret.ts";
import type { SecretState } from "../core/model/snapshot.ts";
import { type Call, MemoryCluster } from "./memory-cluster.ts";
import { SECRET } from "./scene.ts";
import { issuance, resource } from "./snapshots.ts";

const at = (second: number) => new Date(Date.UTC(2030, 0, 1, 0, 0, second));
export const old = await issuePair({ notBefore: at(0) });
export const ours = await issuePair({ notBefore: at(10) });
export const newer = await issuePair({ notBefore: at(20) });
export const billing = resource({ name: "billing", uid: "1b7e0a6c-0c4e-4f0e-8a51-2f6d8f1f1c02" });

/** One Secret in memory, with the parts that read and write it. */
export class SecretRig {
  readonly cluster = new MemoryCluster();
  readonly cache = new SecretCache();
  readonly inspector = new SecretInspector({ kube: this.cluster, cache: this.cache });
  readonly foreign: string[] = [];
  /** The resources that live. */
  readonly living = new Map<string, CachedResource>([[resource().uid, resource()]]);
  readonly preflight: SecretPreflight;
  readonly writer: SecretWriter;

  constructor() {
    // As after a list that found nothing.
    this.cache.labelled.advance("", "1");
    const { cluster: kube, cache, inspector } = this;
    const live = async ({ uid }: { readonly uid: string }) => this.living.get(uid);
    const clock = new ManualClock({ startAt: Date.UTC(2030, 0, 11) + 437 });
    this.preflight = new SecretPreflight({ kube, inspector, live, clock });
    this.writer = new SecretWriter({
      ...{ kube, inspector, cache, live },
      passwords: new KeystorePasswords({ kube, secrets: cache }),
      onForeignChange: ({ kind, key }) => this.foreign.push(`${kind} ${key}`),
    });
  }

  /** Stores a pair as the operator would have. */
  put(pair = old, change: Partial<Secret["metadata"]> = {}): void {
    const { labels, annotations } = desiredMetadata(resource(), pair.facts);
    const metadata = { ...SECRET, labels, annotations, ...change };
    this.cluster.put(SECRETS, { type: "kubernetes.io/tls", metadata, data: secretData(pair) }, "atlas-cert-operator");
  }

  putBillings(pair = newer): void {
    this.put(pair, { annotations: desiredMetadata(billing, pair.facts).annotations });
  }

  putForeign(): void {
    this.cluster.put(SECRETS, { type: "Opaque", metadata: SECRET, data: { a: "eA==" } }, "argocd");
  }

  /** Changes the Secret as someone else would. */
  change(work: (secret: Secret) => Secret): void {
    const secret = this.stored();
    if (secret === undefined) throw new Error("there is no Secret");
    this.cluster.put(SECRETS, work(secret));
  }

  relabel(labels: Readonly<Record<string, string>>): void {
    this.change(({ metadata, ...rest }) => ({
      ...rest,
      metadata: { ...metadata, labels: { ...metadata.labels, ...labels } },
    }));
  }

  seen(): Promise<SecretState> {
    return this.inspector.live(SECRET);
  }

  stored(): Secret | undefined {
    return this.cluster.peek(SECRETS, SECRET);
  }

  serial(): string | undefined {
    return this.stored()?.metadata.annotations?.[SECRET_ANNOTATIONS.serialNumber];
  }

  /** Stores the pair that was issued just now. */
  store(first: SecretState, knownSerials: readonly string[] = [old.facts.serialNumber]) {
    return this.writer.store(resource(), first, { attempt: issuance({ knownSerials: [...knownSerials] }), pair: ours });
  }

  /** Fails the first calls of a kind. */
  failing(count: number, matches: (call: Call) => boolean, fault: KubeError | "answerLost", act = () => {}): void {
    let failures = 0;
    this.cluster.fault = (call) => {
      if (!matches(call) || failures >= count) return undefined;
      failures++;
      act();
      return fault;
    };
  }
}
