import { KEYSTORE_ANNOTATION } from "../../../../api/names.ts";
import type { UserCertificate } from "../../../../api/parse-user-certificate.ts";
import { CONNECTION_STRING_KEY, digestOf, EXTRA_KEYS, type ExtraKey } from "../../../../certificate/secret-data.ts";
import { desiredExtras, keystoreMark, wantedExtras } from "../model/desired-data.ts";
import {
  type DesiredMetadata,
  desiredMetadata,
  isOurKind,
  keptKeystoreMark,
  leftOver,
} from "../model/desired-secret.ts";
import type { Situation } from "../model/situation.ts";
import type { SecretMetadata } from "../model/snapshot.ts";

/** How the labels, annotations and owner references of the Secret differ from what they must be: objects of sentences. */
export function metadataDifferences({ held, resource, secret }: Situation): readonly string[] {
  if (secret.kind !== "managed" || held === undefined) return [];
  const { metadata } = secret;
  const kept = keptKeystoreMark(resource, metadata.annotations);
  const desired = desiredMetadata(resource, held, kept);
  return [
    ...mapDifferences("label", metadata.labels, desired.labels, metadata.ownLabelKeys),
    ...mapDifferences("annotation", metadata.annotations, desired.annotations, metadata.ownAnnotationKeys),
    ...(ownerReferencesAreRight(metadata, desired, resource) ? [] : ["owner reference"]),
  ];
}

/** The same for its data, beside the pair. */
export function dataDifferences({ held, keystorePassword, resource, secret }: Situation): readonly string[] {
  if (held === undefined || secret.kind !== "managed" || secret.content.kind !== "pair") return [];
  const { content, metadata } = secret;
  const wanted = wantedExtras(resource.spec);
  const { [CONNECTION_STRING_KEY]: connectionString = "" } = desiredExtras(resource.spec);
  const isCurrent = (key: ExtraKey) => {
    const present = content.extras[key];
    // A key that someone else put there is left alone.
    if (!wanted.includes(key)) return present === undefined || !metadata.ownDataKeys.includes(key);
    if (key === CONNECTION_STRING_KEY) return present === digestOf(connectionString);
    if (keystorePassword.kind !== "usable") return true;
    const mark = keystoreMark(present ?? "", held.fingerprint, keystorePassword.version);
    return metadata.annotations[KEYSTORE_ANNOTATION] === mark;
  };
  return [
    ...(content.formatsCurrent ? [] : ["PEM files"]),
    ...EXTRA_KEYS.filter((key) => !isCurrent(key)).map((key) => `key ${key}`),
  ];
}

function mapDifferences(
  what: string,
  present: Readonly<Record<string, string>>,
  desired: Readonly<Record<string, string>>,
  ownKeys: readonly string[],
): readonly string[] {
  const changed = Object.keys(desired).filter((key) => present[key] !== desired[key]);
  return [...changed, ...leftOver(present, desired, ownKeys)].map((key) => `${what} ${key}`);
}

function ownerReferencesAreRight(
  metadata: SecretMetadata,
  desired: DesiredMetadata,
  resource: UserCertificate,
): boolean {
  const ours = metadata.ownerReferences.filter(isOurKind);
  if (desired.ownerReference === undefined) return ours.length === 0;
  return ours.length === 1 && ours[0]?.uid === resource.uid;
}
