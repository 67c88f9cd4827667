import { expect, onTestFinished } from "vitest";
import type { Rest } from "../../control-plane/rest.ts";
import type { Scene } from "../operator/scene.ts";
import { shippedRole, without } from "../operator/shipped-roles.ts";

/** Something that makes the API server refuse the Secrets of a scene's namespace, and that ends. */
export interface Obstacle {
  /** Resolves when it is in force. */
  readonly put: (scene: Scene) => Promise<void>;
  readonly end: (scene: Scene) => Promise<void>;
  /** A piece of what the API server says of it. */
  readonly says: string;
}

/** How long an obstacle may take to be in force. */
const IN_FORCE = { timeout: 20_000, interval: 50 };

/** One more Secret than there are by now exceeds it. */
export function quota(rest: Rest): Obstacle {
  const path = ({ namespace }: Scene) => `/api/v1/namespaces/${namespace}/resourcequotas`;
  return {
    says: "exceeded quota",
    put: async (scene) => {
      const hard = { "count/secrets": "1" };
      await rest("POST", path(scene), { metadata: { name: "secrets" }, spec: { hard } });
      // What a controller does elsewhere.
      const status = { hard, used: hard };
      await rest("PATCH", `${path(scene)}/secrets/status`, { status }, "application/merge-patch+json");
      await untilRefused(rest, scene, 403, "exceeded quota");
    },
    end: async (scene) => {
      await rest("DELETE", `${path(scene)}/secrets`);
    },
  };
}

export function admissionPolicy(rest: Rest): Obstacle {
  const group = "/apis/admissionregistration.k8s.io/v1";
  const remove = async ({ namespace }: Scene) => {
    await rest("DELETE", `${group}/validatingadmissionpolicybindings/no-secrets-${namespace}`);
    await rest("DELETE", `${group}/validatingadmissionpolicies/no-secrets-${namespace}`);
  };
  return {
    says: "no TLS Secrets in here",
    put: async (scene) => {
      const name = `no-secrets-${scene.namespace}`;
      onTestFinished(() => remove(scene));
      await rest("POST", `${group}/validatingadmissionpolicies`, {
        metadata: { name },
        spec: {
          failurePolicy: "Fail",
          matchConstraints: {
            namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": scene.namespace } },
            resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["secrets"] }],
          },
          validations: [{ expression: "object.type != 'kubernetes.io/tls'", message: "no TLS Secrets in here" }],
        },
      });
      const spec = { policyName: name, validationActions: ["Deny"] };
      await rest("POST", `${group}/validatingadmissionpolicybindings`, { metadata: { name }, spec });
      await untilRefused(rest, scene, 422, "no TLS Secrets in here");
    },
    end: remove,
  };
}

/** The operator's Role without the right to create Secrets. */
export function missingRight(rest: Rest): Obstacle {
  const setRules = async ({ namespace }: Scene, right: Parameters<typeof without>[1]) => {
    const role = await shippedRole("namespace-role");
    const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles/atlas-cert-operator.${role.metadata.name}`;
    const { rules } = without(role, right);
    expect((await rest("PATCH", path, { rules }, "application/merge-patch+json")).status).toBe(200);
  };
  const isAllowed = async ({ namespace }: Scene) => {
    const { body } = await rest("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
      spec: {
        user: `system:serviceaccount:${namespace}:atlas-cert-operator`,
        resourceAttributes: { namespace, verb: "create", resource: "secrets" },
      },
    });
    return body;
  };
  return {
    says: 'cannot create resource "secrets"',
    put: async (scene) => {
      await setRules(scene, { group: "", resource: "secrets", verb: "create" });
      await expect.poll(() => isAllowed(scene), IN_FORCE).toMatchObject({ status: { allowed: false } });
    },
    end: (scene) => setRules(scene, undefined),
  };
}

/** A dry run of a Secret as the operator's, by somebody who may do everything. */
async function untilRefused(rest: Rest, { namespace }: Scene, status: number, why: string): Promise<void> {
  const probe = { metadata: { name: "probe" }, type: "kubernetes.io/tls", data: { "tls.crt": "", "tls.key": "" } };
  await expect
    .poll(() => rest("POST", `/api/v1/namespaces/${namespace}/secrets?dryRun=All`, probe), IN_FORCE)
    .toMatchObject({ status, body: { message: expect.stringContaining(why) } });
}
