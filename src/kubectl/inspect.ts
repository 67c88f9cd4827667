import { type KeyObject, X509Certificate } from "node:crypto";
import type { UserCertificate } from "../api/parse-user-certificate.ts";
import { certificateFacts } from "../certificate/certificate-facts.ts";
import { describeSubject, subjectAttributes, subjectIsUser } from "../certificate/distinguished-name.ts";
import { pemBlocks } from "../certificate/pem-blocks.ts";
import {
  CERTIFICATE_KEY,
  COMBINED_KEY,
  judgeData,
  KEYSTORE_KEY,
  PRIVATE_KEY_KEY,
  SECRET_TYPE,
  type SecretContent,
} from "../certificate/secret-data.ts";
import { SECRETS, type Secret } from "../kube/core-types.ts";
import { KubeError } from "../kube/kube-error.ts";
import { objectKey } from "../kube/resource-type.ts";
import { type Cluster, CommandError, EXIT, type Report } from "./report.ts";
import { getResource, lifetimeOf } from "./resources.ts";
import { lifetimeBar, minute, type Page, paint, printable, proseWidth, relative, tree } from "./text.ts";

/** Remarks on the entries with the private key. Others may write entries of their own into the Secret. */
const KEY_NOTES: ReadonlyMap<string, string> = new Map([
  [PRIVATE_KEY_KEY, ", never shown"],
  [COMBINED_KEY, ", holds the key"],
  [KEYSTORE_KEY, ", holds the key"],
]);

/** A certificate of the Secret, decoded. */
interface Decoded {
  readonly subject: string;
  readonly issuer: string;
  readonly serialNumber: string;
  readonly fingerprint: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly key: string;
  readonly usages: readonly string[];
}

export interface Finding {
  readonly ok: boolean;
  readonly text: string;
}

/** The content of a Secret, without a byte of the private key. */
export interface Inspection {
  readonly secret: string;
  readonly keys: readonly { readonly name: string; readonly bytes: number }[];
  /** The leaf first. */
  readonly certificates: readonly Decoded[];
  readonly findings: readonly Finding[];
}

/** `inspect NAME`: the certificate in the Secret of a resource. */
export async function inspectSecret(cluster: Cluster, name: string): Promise<Report> {
  const resource = await getResource(cluster, name);
  if (!resource.valid) throw new CommandError(`this version cannot read ${name}: ${resource.problem}`);
  const ref = { namespace: resource.namespace, name: resource.spec.secretName };
  let secret: Secret;
  try {
    secret = await cluster.kube.get(SECRETS, ref, { signal: cluster.signal });
  } catch (error: unknown) {
    if (!KubeError.is(error, "NotFound")) throw error;
    throw new CommandError(`Secret ${ref.name} does not exist in namespace ${ref.namespace}`, { cause: error });
  }
  const inspection = inspectionOf(resource, secret, cluster.clock.now());
  return {
    data: inspection,
    lines: (page) => renderInspection(resource, inspection, page),
    exitCode: inspection.findings.every(({ ok }) => ok) ? EXIT.ok : EXIT.attention,
  };
}

export function inspectionOf(resource: UserCertificate, secret: Secret, nowMs: number): Inspection {
  const { data = {} } = secret;
  const bytesOf = (base64: string) => Buffer.byteLength(base64, "base64");
  return {
    secret: objectKey({ namespace: resource.namespace, name: resource.spec.secretName }),
    keys: Object.entries(data).map(([name, value]) => ({ name, bytes: bytesOf(value) })),
    certificates: chainIn(data[CERTIFICATE_KEY] ?? ""),
    findings: findingsOf(resource, secret, judgeData(data), nowMs),
  };
}

function chainIn(base64: string): readonly Decoded[] {
  return pemBlocks(Buffer.from(base64, "base64").toString("utf8")).flatMap(({ label, text }) => {
    if (label !== "CERTIFICATE") return [];
    try {
      return [decoded(new X509Certificate(text))];
    } catch {
      // The findings say that it cannot be decoded.
      return [];
    }
  });
}

function decoded(certificate: X509Certificate): Decoded {
  const facts = certificateFacts(certificate);
  const { issuer, keyUsage, publicKey } = certificate;
  return {
    subject: describeSubject(subjectAttributes(certificate)),
    issuer: issuer.split("\n").toReversed().join(","),
    serialNumber: facts?.serialNumber ?? "",
    fingerprint: certificate.fingerprint256,
    notBefore: facts?.notBefore.toISOString() ?? certificate.validFrom,
    notAfter: facts?.notAfter.toISOString() ?? certificate.validTo,
    key: describeKey(publicKey),
    usages: (keyUsage ?? []).map((oid) => USAGES[oid] ?? oid),
  };
}

const USAGES: Readonly<Record<string, string>> = {
  "1.3.6.1.5.5.7.3.1": "server authentication",
  "1.3.6.1.5.5.7.3.2": "client authentication",
};

function describeKey({ asymmetricKeyDetails, asymmetricKeyType }: KeyObject): string {
  const size = asymmetricKeyDetails?.modulusLength ?? asymmetricKeyDetails?.namedCurve;
  const type = asymmetricKeyType?.toUpperCase() ?? "unknown";
  return size === undefined ? type : `${type} ${size}`;
}

function findingsOf(
  { spec, status }: UserCertificate,
  { type }: Secret,
  content: SecretContent,
  nowMs: number,
): readonly Finding[] {
  const isType = type === SECRET_TYPE;
  const typed = {
    ok: isType,
    text: isType ? `The type is ${SECRET_TYPE}.` : `The type is ${type}, not ${SECRET_TYPE}.`,
  };
  if (content.kind !== "pair") return [typed, { ok: false, text: `The Secret is unusable: ${content.problem}.` }];
  const { facts, formatsCurrent } = content;
  const isUser = subjectIsUser(facts.subject, spec.username);
  const isKnown = status.fingerprint === facts.fingerprint;
  const isYoung = facts.notBefore.getTime() > nowMs;
  const isOld = facts.notAfter.getTime() <= nowMs;
  return [
    typed,
    { ok: true, text: "The private key belongs to the certificate." },
    {
      ok: isUser,
      text: isUser ? `The subject is user ${spec.username}.` : `The subject is not user ${spec.username}.`,
    },
    {
      ok: isKnown,
      text: isKnown
        ? "It is the certificate in the status."
        : `The status names another one: ${status.serialNumber ?? "none"}.`,
    },
    {
      ok: !isYoung && !isOld,
      text: isOld ? "It has expired." : isYoung ? "It is not valid yet." : "It is valid now.",
    },
    {
      ok: formatsCurrent,
      text: formatsCurrent ? "The PEM files agree with each other." : "The PEM files differ from each other.",
    },
  ];
}

export function renderInspection(resource: UserCertificate, inspection: Inspection, page: Page): readonly string[] {
  const { certificates, findings, keys, secret } = inspection;
  const [leaf, ...chain] = certificates;
  const title = paint({ text: `Secret ${printable(secret)}`, colour: "strong" }, page);
  const renewal = lifetimeOf(resource)?.renewal;
  const width = Math.max(...keys.map(({ name }) => name.length));
  const isShown = leaf !== undefined && !Number.isNaN(Date.parse(leaf.notAfter));
  return [
    title,
    ...tree(
      [
        ...(leaf === undefined || !isShown
          ? []
          : [
              { label: "Subject", leaves: [leaf.subject] },
              { label: "Issuer", leaves: [leaf.issuer] },
              { label: "Serial", leaves: [leaf.serialNumber] },
              { label: "SHA-256", leaves: halves(leaf.fingerprint) },
              { label: "Valid", leaves: validity(leaf, renewal, page) },
              { label: "Key", leaves: [leaf.key] },
              { label: "Usage", leaves: leaf.usages.length === 0 ? [] : [leaf.usages.join(", ")] },
              {
                label: "Chain",
                leaves:
                  chain.length === 0
                    ? ["the certificate alone"]
                    : chain.map((one) => `${one.subject}, until ${minute(Date.parse(one.notAfter))}`),
              },
            ]),
        {
          label: "Files",
          leaves: keys.map(({ bytes, name }) => {
            const size = `${name.padEnd(width)}  ${String(bytes).padStart(5)} bytes`;
            return { cells: [size + (KEY_NOTES.get(name) ?? "")] };
          }),
        },
        {
          label: "Findings",
          leaves: findings.map(({ ok, text }) => ({
            text: `${ok ? "✓" : "✗"} ${text}`,
            colour: ok ? ("good" as const) : ("bad" as const),
          })),
        },
      ],
      page,
    ),
  ];
}

function halves(fingerprint: string): readonly string[] {
  const pairs = fingerprint.split(":");
  const half = pairs.length / 2;
  return [`${pairs.slice(0, half).join(":")}:`, pairs.slice(half).join(":")];
}

function validity({ notAfter, notBefore }: Decoded, renewal: number | undefined, page: Page) {
  const times = { notBefore: Date.parse(notBefore), notAfter: Date.parse(notAfter), renewal };
  return [
    lifetimeBar(times, page.nowMs, Math.min(60, proseWidth(page, 16))),
    `${minute(times.notBefore)} to ${minute(times.notAfter)} (${relative(times.notAfter, page.nowMs)})`,
  ];
}
