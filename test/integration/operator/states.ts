/** States of a resource on a real API server, each with how it comes about: the rows of the table in docs/gitops.md. */
import { condition, PRODUCTION, RENEW_REQUEST, type Scene, type SceneOptions } from "./scene.ts";

export const NAME = "orders-api";
export const SECRET = `${NAME}-mongodb`;
/** A finalizer that no controller removes. */
export const HOLD = "example.com/hold";

/** How a state comes about. What follows it, such as the conditions, is waited for. */
export interface State {
  readonly options?: SceneOptions;
  readonly produce: (scene: Scene) => Promise<void>;
  /** Lets the operator and the namespace end. */
  readonly undo?: (scene: Scene) => Promise<void>;
}

export const often: SceneOptions = { policy: { verifyIntervalMs: 500 } };
export const months = (monthMs: number): SceneOptions => ({ simulator: { monthMs } });

/** Applies the resource and waits for its certificate. Deletes the Events so far, as if a day had passed. */
export async function issue(scene: Scene): Promise<void> {
  await scene.apply(NAME);
  await scene.untilIssued(NAME);
  await scene.forgetEvents();
}

export const requestRenewal = (scene: Scene) =>
  scene.patch(NAME, { metadata: { annotations: { [RENEW_REQUEST]: "2030-01-01" } } });
const limitRate = (scene: Scene) =>
  scene.atlas.faults.add({ operation: "any", times: "always", effect: { kind: "rateLimited", retryAfter: "60" } });
export const takeDown = (scene: Scene) =>
  scene.atlas.faults.add({ operation: "any", times: "always", effect: { kind: "reset" } });
export const slowDown = (scene: Scene, ms: number) =>
  scene.atlas.faults.add({ operation: "createDatabaseUserCertificate", effect: { kind: "delay", ms } });
const useCustomerManagedX509 = (scene: Scene) => scene.atlas.setCustomerManagedX509(PRODUCTION, scene.atlas.caPem);
const rejectCredentials = (scene: Scene) =>
  scene.putSecret("atlas-api", { publicApiKey: "simowner", privateApiKey: "wrong" });
export const untilIssuing = (scene: Scene, name = NAME) =>
  scene.until("issuing", (resource) => condition(resource, "Issuing")?.status === "True", { name });

/** Waits until another try has met something else than the reason that was reported first. */
const untilNotRechecked = (scene: Scene, reason: string) =>
  scene.until(
    "tried again",
    (resource) => {
      const ready = condition(resource, "Ready");
      return ready?.reason !== reason || /not rechecked/i.test(ready.message);
    },
    { name: NAME },
  );

/** Trouble at Atlas before the first certificate, after it, and until that one has expired. */
const fromTheStart = (trouble: (scene: Scene) => unknown): State => ({
  produce: async (scene) => {
    trouble(scene);
    await scene.apply(NAME);
  },
});
const afterTheIssue = (trouble: (scene: Scene) => unknown): State => ({
  options: often,
  produce: async (scene) => {
    await issue(scene);
    trouble(scene);
  },
});
const untilTheExpiry = (trouble: (scene: Scene) => unknown): State => ({
  options: months(2000),
  produce: async (scene) => {
    await issue(scene);
    trouble(scene);
    await scene.until("expired", (resource) => condition(resource, "Ready")?.status === "False", { name: NAME });
  },
});

export const STATES = {
  "Not seen by the operator yet": {
    produce: async (scene) => {
      await scene.stopOperator();
      await scene.apply(NAME);
    },
  },
  "First certificate being issued": {
    produce: async (scene) => {
      slowDown(scene, 5000);
      await scene.apply(NAME);
      await untilIssuing(scene);
    },
  },
  "Certificate issued": { produce: issue },
  "Renewal in progress": {
    produce: async (scene) => {
      await issue(scene);
      slowDown(scene, 5000);
      await requestRenewal(scene);
      await untilIssuing(scene);
    },
  },
  "Spec changed, not seen by the operator yet": {
    produce: async (scene) => {
      await issue(scene);
      await scene.stopOperator();
      await scene.patch(NAME, { spec: { suspend: true } });
    },
  },
  "Suspended, with a certificate": {
    produce: async (scene) => {
      await issue(scene);
      await scene.patch(NAME, { spec: { suspend: true } });
    },
  },
  "Suspended, without a certificate": {
    produce: (scene) => scene.apply(NAME, { suspend: true }),
  },
  "Credentials Secret missing": {
    produce: async (scene) => {
      await scene.deleteSecret("atlas-api");
      await scene.apply(NAME);
    },
  },
  "Credentials rejected": {
    produce: async (scene) => {
      await rejectCredentials(scene);
      await scene.apply(NAME);
    },
  },
  "Credentials rejected, with a certificate": {
    options: often,
    produce: async (scene) => {
      await issue(scene);
      await rejectCredentials(scene);
    },
  },
  "Role missing": {
    produce: async (scene) => {
      scene.atlas.setRole("owner-service-account", "GROUP_READ_ONLY");
      await scene.apply(NAME);
    },
  },
  "Role missing, then Atlas is down": {
    produce: async (scene) => {
      scene.atlas.setRole("owner-service-account", "GROUP_READ_ONLY");
      await scene.apply(NAME);
      await scene.untilReason("RoleMissing", NAME);
      takeDown(scene);
      await untilNotRechecked(scene, "RoleMissing");
    },
  },
  "IP address not on the access list": {
    produce: async (scene) => {
      scene.atlas.setIpAccessAllowed(false);
      await scene.apply(NAME);
    },
  },
  "Project not found": {
    produce: (scene) => scene.apply(NAME, { projectId: "0123456789abcdef01234567" }),
  },
  "Database user not found": {
    produce: async (scene) => {
      scene.atlas.removeUser(PRODUCTION, NAME);
      await scene.apply(NAME);
    },
  },
  "Database user not found, then the rate limit": {
    produce: async (scene) => {
      scene.atlas.removeUser(PRODUCTION, NAME);
      await scene.apply(NAME);
      await scene.untilReason("UserNotFound", NAME);
      limitRate(scene);
      await untilNotRechecked(scene, "UserNotFound");
    },
  },
  "Database user deleted, with a certificate": {
    options: often,
    produce: async (scene) => {
      await issue(scene);
      scene.atlas.removeUser(PRODUCTION, NAME);
    },
  },
  "Customer-managed X.509 on": fromTheStart(useCustomerManagedX509),
  "Customer-managed X.509 on, with a certificate": {
    produce: async (scene) => {
      await issue(scene);
      useCustomerManagedX509(scene);
      await requestRenewal(scene);
    },
  },
  "Customer-managed X.509 on, renewal overdue": {
    options: months(10_000),
    produce: async (scene) => {
      // Issued for 20 s and renewed when 12 s are left.
      await scene.apply(NAME, { monthsUntilExpiration: 2, renewBeforePercentage: 60 });
      await scene.untilIssued(NAME);
      useCustomerManagedX509(scene);
    },
  },
  "Customer-managed X.509 on, certificate expired": untilTheExpiry(useCustomerManagedX509),
  "Rate limited": fromTheStart(limitRate),
  "Rate limited, with a certificate": afterTheIssue(limitRate),
  "Atlas down": fromTheStart(takeDown),
  "Atlas down, with a certificate": afterTheIssue(takeDown),
  "Atlas down, certificate expired": untilTheExpiry(takeDown),
  "Response lost": {
    produce: async (scene) => {
      scene.atlas.faults.add({ operation: "createDatabaseUserCertificate", effect: { kind: "cutAnswer" } });
      await scene.apply(NAME);
    },
  },
  "Secret of someone else": {
    produce: async (scene) => {
      await scene.putSecret(SECRET, { password: "precious" });
      await scene.apply(NAME);
    },
  },
  "Secret of another resource": {
    produce: async (scene) => {
      await scene.apply("older", { secretName: SECRET });
      await scene.untilIssued("older");
      await scene.apply(NAME);
    },
  },
  "Certificate issued, but its Secret is taken": {
    produce: async (scene) => {
      slowDown(scene, 1500);
      await scene.apply(NAME);
      await untilIssuing(scene);
      await scene.putSecret(SECRET, { password: "precious" });
    },
    undo: (scene) => scene.deleteSecret(SECRET),
  },
  "Secret repeatedly overwritten": {
    produce: async (scene) => {
      await issue(scene);
      const damaged = { data: { "tls.crt": Buffer.from("damaged").toString("base64") } };
      for (let times = 0; times < 2; times++) {
        const { status } = await scene.get(NAME);
        await scene.patchSecret(SECRET, damaged);
        await scene.untilIssued(NAME, status.serialNumber);
      }
      await scene.patchSecret(SECRET, damaged);
    },
  },
  "Daily limit reached": {
    options: { policy: { maxIssuesPerDay: 1 } },
    produce: async (scene) => {
      await issue(scene);
      await scene.deleteSecret(SECRET);
    },
  },
  "Daily limit reached, with a certificate": {
    options: { policy: { maxIssuesPerDay: 1 } },
    produce: async (scene) => {
      await issue(scene);
      await requestRenewal(scene);
    },
  },
  "Too many unexpired certificates": {
    options: { policy: { maxUnexpiredPerUser: 1 } },
    produce: async (scene) => {
      await scene.apply("older");
      await scene.untilIssued("older");
      await scene.apply(NAME);
    },
  },
  "Being deleted": {
    produce: async (scene) => {
      await issue(scene);
      await scene.patch(NAME, { metadata: { finalizers: [HOLD] } });
      await scene.delete(NAME);
    },
    undo: (scene) => scene.patch(NAME, { metadata: { finalizers: null } }),
  },
} as const satisfies Readonly<Record<string, State>>;
