/** How each reason comes about on a real API server; the others are made by the code that makes docs/messages.md. */
import { generateKeyPairSync } from "node:crypto";
import type { BLOCKED_REASONS, ISSUE_REASONS, RESTART_REASONS } from "../../../../src/api/reasons.ts";
import { kubectl } from "../../../control-plane/control-plane.ts";
import type { Scene, SceneOptions } from "../scene.ts";
import { HOLD, issue, months, NAME, requestRenewal, SECRET, STATES, type State, slowDown } from "../states.ts";

/** A reason that a condition of an AtlasUserCertificate can have. */
export type ConditionReason =
  | (typeof ISSUE_REASONS)[number]
  | (typeof BLOCKED_REASONS)[number]
  | (typeof RESTART_REASONS)[number];

/**
 * The reason is that of messages, with sample values: it takes longer than a few seconds, another operator, another cluster
 * or the kinds of a platform team.
 */
export const SAMPLED = "sampled";

/** A state in which a certificate is being issued, for as long as it takes to look at it. */
function replacing(damage: (scene: Scene) => Promise<void>, options: SceneOptions = {}): State {
  return {
    options,
    produce: async (scene) => {
      await issue(scene);
      slowDown(scene, 10_000);
      await damage(scene);
    },
    // Otherwise the operator would wait for the certificate.
    undo: (scene) => scene.atlas.close(),
  };
}

const setData = (scene: Scene, data: Readonly<Record<string, string | null>>) => scene.patchSecret(SECRET, { data });
const OTHER_KEY = generateKeyPairSync("ec", { namedCurve: "P-256" })
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString();
const encoded = (text: string) => Buffer.from(text).toString("base64");

export const REASONS: Readonly<Record<ConditionReason, State | typeof SAMPLED>> = {
  SecretMissing: replacing((scene) => scene.deleteSecret(SECRET)),
  SecretDataMissing: replacing((scene) => setData(scene, { "tls.crt": "", "tls.key": "" })),
  PemUndecodable: replacing((scene) => setData(scene, { "tls.crt": encoded("damaged") })),
  KeyMismatch: replacing((scene) => setData(scene, { "tls.key": encoded(OTHER_KEY) })),
  SecretReverted: {
    // Issued for 6 s and renewed when 2 s are left.
    options: months(2000),
    produce: async (scene) => {
      await issue(scene);
      const [{ status }, old] = [await scene.get(NAME), await scene.secret(SECRET)];
      await scene.untilIssued(NAME, status.serialNumber);
      slowDown(scene, 10_000);
      const entries = Object.entries(old?.data ?? {}).map(([key, text]) => [key, encoded(text)]);
      await setData(scene, Object.fromEntries(entries));
    },
    undo: (scene) => scene.atlas.close(),
  },
  IdentityChanged: replacing((scene) => scene.patch(NAME, { spec: { username: "billing" } })),
  RenewRequested: replacing(requestRenewal),
  // Issued for 6 s and renewed when 2 s are left.
  NearingExpiry: replacing(async () => {}, months(2000)),
  NotListedByAtlas: SAMPLED,
  Suspended: STATES["Suspended, with a certificate"],
  SecretForeign: {
    produce: async (scene) => {
      const flags = ["--from-literal=password=precious", "--namespace", scene.namespace];
      await kubectl("create", "secret", "generic", SECRET, ...flags);
      await scene.apply(NAME);
    },
  },
  SecretClaimedTwice: STATES["Secret of another resource"],
  SecretContended: STATES["Secret repeatedly overwritten"],
  SecretNotWritable: {
    produce: async (scene) => {
      await issue(scene);
      await scene.patchSecret(SECRET, { immutable: true });
      await requestRenewal(scene);
    },
  },
  SecretTerminating: {
    produce: async (scene) => {
      await issue(scene);
      await scene.patchSecret(SECRET, { metadata: { finalizers: [HOLD] } });
      await scene.deleteSecret(SECRET);
    },
    undo: (scene) => scene.patchSecret(SECRET, { metadata: { finalizers: null } }),
  },
  CertificateParked: SAMPLED,
  TooManyParked: SAMPLED,
  CrdOutdated: SAMPLED,
  CredentialsMissing: STATES["Credentials Secret missing"],
  OwnCredentialsForbidden: SAMPLED,
  NotGranted: SAMPLED,
  UsernameTaken: SAMPLED,
  GrantsUnverified: SAMPLED,
  CredentialsRejected: STATES["Credentials rejected, with a certificate"],
  RoleMissing: STATES["Role missing"],
  IpNotOnAccessList: STATES["IP address not on the access list"],
  ProjectNotFound: STATES["Project not found"],
  UserNotFound: STATES["Database user not found"],
  CustomerManagedX509On: STATES["Customer-managed X.509 on, with a certificate"],
  RequestRejected: {
    produce: (scene) => {
      const effect = { kind: "status", status: 400 } as const;
      scene.atlas.faults.add({ operation: "createDatabaseUserCertificate", times: "always", effect });
      return scene.apply(NAME);
    },
  },
  IssuanceBudgetSpent: STATES["Daily limit reached"],
  TooManyUnexpired: STATES["Too many unexpired certificates"],
  RateLimited: STATES["Rate limited, with a certificate"],
  AtlasUnavailable: STATES["Atlas down, with a certificate"],
  AnswerLost: { ...STATES["Response lost"], options: { policy: { maxBackoffMs: 60_000 } } },
  AnswerUnusable: {
    produce: (scene) => {
      scene.atlas.faults.add({
        operation: "createDatabaseUserCertificate",
        times: "always",
        effect: { kind: "wrongSubject", subject: "CN=billing" },
      });
      return scene.apply(NAME);
    },
  },
  KeystorePasswordMissing: {
    produce: (scene) =>
      scene.apply(NAME, { keystores: { pkcs12: { passwordSecretRef: { name: "keystore", key: "password" } } } }),
  },
  Expired: SAMPLED,
  WorkloadMissing: SAMPLED,
  WorkloadPaused: SAMPLED,
  WorkloadOnDelete: SAMPLED,
  RestartFailed: SAMPLED,
  RestartsDisabled: SAMPLED,
};
