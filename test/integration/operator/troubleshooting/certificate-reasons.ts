/** How each reason of an AtlasUserCertificate comes about. */
import { generateKeyPairSync } from "node:crypto";
import { onTestFinished } from "vitest";
import type { Condition } from "../../../../src/api/conditions.ts";
import type { BLOCKED_REASONS, ISSUE_REASONS, RESTART_REASONS } from "../../../../src/api/reasons.ts";
import type { Workload } from "../../../../src/api/rollout-restart.ts";
import { systemClock } from "../../../../src/clock.ts";
import { kubectl, rest } from "../../../control-plane/control-plane.ts";
import type { JsonObject } from "../../crd/sample.ts";
import { quota } from "../../faults/obstacles.ts";
import { startReplica } from "../../faults/replica.ts";
import { PRODUCTION, type Scene, type SceneOptions } from "../scene.ts";
import { shippedRole, without } from "../shipped-roles.ts";
import { HOLD, issue, months, NAME, often, requestRenewal, SECRET, STATES, slowDown, untilIssuing } from "../states.ts";
import { putWorkload } from "../workloads.ts";
import { certificate, certificateWithout, type Reproduction, tenant } from "./reproduction.ts";

/** A reason that a condition of an AtlasUserCertificate can have. */
type ConditionReason =
  | (typeof ISSUE_REASONS)[number]
  | (typeof BLOCKED_REASONS)[number]
  | (typeof RESTART_REASONS)[number];

/** A certificate is being issued, for as long as it takes to look at it. */
function replacing(damage: (scene: Scene) => Promise<void> | void, options: SceneOptions = {}): Reproduction {
  return certificate({
    options,
    produce: async (scene) => {
      await issue(scene);
      slowDown(scene, 10_000);
      await damage(scene);
    },
    // Otherwise the operator would wait for the certificate.
    undo: (scene) => scene.atlas.close(),
  });
}

const setData = (scene: Scene, data: Readonly<Record<string, string | null>>) => scene.patchSecret(SECRET, { data });
const OTHER_KEY = generateKeyPairSync("ec", { namedCurve: "P-256" })
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString();
const encoded = (text: string) => Buffer.from(text).toString("base64");

const DEPLOYMENT: Workload = { kind: "Deployment", name: NAME };

interface Rollout {
  readonly workload?: Workload;
  /** What the workload's spec has beside the usual; undefined if there is no workload. */
  readonly spec?: JsonObject;
  readonly mayPatch?: boolean;
}

/** A certificate was renewed, and the operator is to restart a workload. */
function restart({ workload = DEPLOYMENT, spec, mayPatch = true }: Rollout): Reproduction {
  return certificate({
    options: often,
    produce: async (scene) => {
      const role = { ...(await shippedRole("rollout-restart-role")), kind: "Role" as const };
      const missing = { group: "apps", resource: "deployments", verb: "patch" };
      await scene.account.grant(without(role, mayPatch ? undefined : missing));
      if (spec !== undefined) await putWorkload(scene.namespace, workload, spec);
      await scene.apply(NAME, { rolloutRestart: [workload] });
      const { status } = await scene.untilIssued(NAME);
      await requestRenewal(scene);
      await scene.untilIssued(NAME, status.serialNumber);
      await scene.forgetEvents(2);
      // The operator gathers renewals for half a minute.
      scene.atlas.advanceClock(31_000);
    },
  });
}

/** Each of these certificates has been issued, and a quota refuses its Secret. */
async function parked(scene: Scene, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (name !== NAME) scene.atlas.addUser(PRODUCTION, name);
    slowDown(scene, 3000);
    await scene.apply(name, { username: name });
  }
  for (const name of names) await untilIssuing(scene, name);
  await quota(rest).put(scene);
  for (const name of names) {
    const isParked = ({ message }: Condition) => message.includes("has been issued but not stored yet");
    await scene.until("parked", ({ status }) => status.conditions?.some(isParked) ?? false, { name });
  }
}

export const CERTIFICATE_REASONS: Readonly<Record<ConditionReason, Reproduction>> = {
  SecretMissing: replacing((scene) => scene.deleteSecret(SECRET)),
  SecretDataMissing: replacing((scene) => setData(scene, { "tls.crt": "", "tls.key": "" })),
  PemUndecodable: replacing((scene) => setData(scene, { "tls.crt": encoded("damaged") })),
  KeyMismatch: replacing((scene) => setData(scene, { "tls.key": encoded(OTHER_KEY) })),
  SecretReverted: certificate({
    // Issued for 6 s and renewed when 2 s are left.
    options: months(2000),
    produce: async (scene) => {
      await issue(scene);
      const [{ status }, old] = [await scene.get(NAME), await scene.secret(SECRET)];
      await scene.untilIssued(NAME, status.serialNumber);
      await scene.forgetEvents();
      slowDown(scene, 10_000);
      const entries = Object.entries(old?.data ?? {}).map(([key, text]) => [key, encoded(text)]);
      await setData(scene, Object.fromEntries(entries));
    },
    undo: (scene) => scene.atlas.close(),
  }),
  IdentityChanged: replacing((scene) => scene.patch(NAME, { spec: { username: "billing" } })),
  RenewRequested: replacing(requestRenewal),
  // Issued for 6 s and renewed when 2 s are left.
  NearingExpiry: replacing(() => {}, months(2000)),
  NotListedByAtlas: replacing(async (scene) => {
    const { status } = await scene.get(NAME);
    scene.atlas.forgetCertificate(PRODUCTION, status.serialNumber ?? "");
  }, often),
  Suspended: certificate(STATES["Suspended, with a certificate"]),
  SecretForeign: certificate({
    produce: async (scene) => {
      const flags = ["--from-literal=password=precious", "--namespace", scene.namespace];
      await kubectl("create", "secret", "generic", SECRET, ...flags);
      await scene.apply(NAME);
    },
  }),
  SecretClaimedTwice: certificate(STATES["Secret of another resource"]),
  SecretContended: certificate(STATES["Secret repeatedly overwritten"]),
  SecretNotWritable: certificate({
    produce: async (scene) => {
      await issue(scene);
      await scene.patchSecret(SECRET, { immutable: true });
      await requestRenewal(scene);
    },
  }),
  SecretTerminating: certificate({
    produce: async (scene) => {
      await issue(scene);
      await scene.patchSecret(SECRET, { metadata: { finalizers: [HOLD] } });
      await scene.deleteSecret(SECRET);
    },
    undo: (scene) => scene.patchSecret(SECRET, { metadata: { finalizers: null } }),
  }),
  CertificateParked: certificate({
    produce: async (scene) => {
      await scene.stopOperator();
      const leader = await startReplica(scene, { identity: "atlas-cert-operator-7d9f" });
      await parked(scene, [NAME]);
      await scene.forgetEvents();
      void leader.stop();
      await startReplica(scene, { identity: "atlas-cert-operator-b4x2" });
      // The old leader ends with its certificate stored.
      onTestFinished(() => quota(rest).end(scene));
    },
  }),
  TooManyParked: certificate({
    produce: async (scene) => {
      await parked(scene, ["carts", "prices", "stock"]);
      await scene.apply(NAME);
    },
    undo: (scene) => quota(rest).end(scene),
  }),
  CrdOutdated: certificateWithout("issuance", (scene) => scene.apply(NAME)),
  CredentialsMissing: certificate(STATES["Credentials Secret missing"]),
  OwnCredentialsForbidden: certificate({
    produce: async (scene) => {
      await scene.stopOperator();
      await scene.startOperator({ allowOwnCredentials: false });
      await scene.apply(NAME);
    },
  }),
  NotGranted: tenant(async (platform, namespace) => {
    await platform.project([{ namespaces: [namespace], usernames: ["billing-*"] }]);
    await platform.apply(namespace);
  }),
  UsernameTaken: tenant(async (platform, namespace) => {
    const first = await platform.tenant("first");
    await platform.project([{ namespaces: [first, namespace], usernames: ["orders-*"] }]);
    await platform.apply(first);
    await platform.until("True Issued", first);
    await platform.apply(namespace);
  }),
  GrantsUnverified: tenant(
    async (platform, namespace) => {
      await platform.project([{ namespaceSelector: { matchLabels: { team: "shop" } }, usernames: ["orders-*"] }]);
      await platform.apply(namespace);
    },
    { missing: { group: "", resource: "namespaces", verb: "list" } },
  ),
  CredentialsRejected: certificate({
    ...STATES["Credentials rejected, with a certificate"],
    produce: async (scene) => {
      await STATES["Credentials rejected, with a certificate"].produce(scene);
      // The first refusal reads differently from what lasts.
      const lasts = ({ message }: Condition) => message.startsWith("Atlas rejected the credentials");
      await scene.until("rejected", ({ status }) => status.conditions?.some(lasts) ?? false, { name: NAME });
    },
  }),
  RoleMissing: certificate(STATES["Role missing"]),
  IpNotOnAccessList: certificate(STATES["IP address not on the access list"]),
  ProjectNotFound: certificate(STATES["Project not found"]),
  UserNotFound: certificate(STATES["Database user not found"]),
  CustomerManagedX509On: certificate(STATES["Customer-managed X.509 on, with a certificate"]),
  RequestRejected: certificate({
    produce: (scene) => {
      const effect = { kind: "status", status: 400 } as const;
      scene.atlas.faults.add({ operation: "createDatabaseUserCertificate", times: "always", effect });
      return scene.apply(NAME);
    },
  }),
  IssuanceBudgetSpent: certificate(STATES["Daily limit reached"]),
  TooManyUnexpired: certificate(STATES["Too many unexpired certificates"]),
  RateLimited: certificate(STATES["Rate limited, with a certificate"]),
  AtlasUnavailable: certificate(STATES["Atlas down, with a certificate"]),
  AnswerLost: certificate({ ...STATES["Response lost"], options: { policy: { maxBackoffMs: 60_000 } } }),
  AnswerUnusable: certificate({
    produce: (scene) => {
      scene.atlas.faults.add({
        operation: "createDatabaseUserCertificate",
        times: "always",
        effect: { kind: "wrongSubject", subject: "CN=billing" },
      });
      return scene.apply(NAME);
    },
  }),
  KeystorePasswordMissing: certificate({
    produce: async (scene) => {
      await issue(scene);
      const passwordSecretRef = { name: "keystore", key: "password" };
      await scene.patch(NAME, { spec: { keystores: { pkcs12: { passwordSecretRef } } } });
    },
  }),
  Expired: certificate({
    // Issued for 6 s and renewed when 2 s are left.
    options: months(2000),
    produce: async (scene) => {
      await issue(scene);
      await scene.stopOperator();
      const { status } = await scene.get(NAME);
      await systemClock.sleep(Date.parse(status.notAfter ?? "") - Date.now());
      slowDown(scene, 10_000);
      await scene.startOperator();
    },
    undo: (scene) => scene.atlas.close(),
  }),
  WorkloadMissing: restart({}),
  WorkloadPaused: restart({ spec: { paused: true } }),
  WorkloadOnDelete: restart({
    workload: { kind: "StatefulSet", name: NAME },
    spec: { updateStrategy: { type: "OnDelete" } },
  }),
  RestartFailed: restart({ spec: {}, mayPatch: false }),
  RestartsDisabled: certificate({
    options: { policy: { restartsWorkloads: false } },
    produce: async (scene) => {
      await scene.apply(NAME, { rolloutRestart: [DEPLOYMENT] });
      await scene.untilIssued(NAME);
      await scene.forgetEvents();
    },
  }),
};
