import type { UserCertificateSpec } from "../../../src/api/user-certificate.ts";
import { PRODUCTION } from "./scene.ts";

/** What a tenant tries, and the answer that docs/security-model.md promises. */

/** The names of everyone involved. */
export interface Cast {
  /** The tenant's own namespace. */
  readonly own: string;
  readonly victim: string;
  /** The operator's namespace. */
  readonly home: string;
}

export interface Request {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: object;
}

export type Attempt = {
  readonly what: string;
  /** The answer in the words of the document. */
  readonly answer: string;
} & (
  | {
      /** A resource that the API server takes, and the reason that the operator gives then. */
      readonly spec: (cast: Cast) => Partial<UserCertificateSpec>;
      readonly reason: string;
      readonly message: RegExp;
    }
  /** A request that the API server refuses. */
  | { readonly request: (cast: Cast) => Request; readonly status: 400 | 403 | 422; readonly message: RegExp }
);

const GROUP = "/apis/atlascerts.io/v1alpha1";
const NO_GRANT = /does not exist, or does not grant user/;

const resources = (namespace: string, name = "") => `${GROUP}/namespaces/${namespace}/atlasusercertificates${name}`;
const secrets = (namespace: string, name = "") => `/api/v1/namespaces/${namespace}/secrets${name}`;
const PROJECTS = `${GROUP}/atlasprojectx509s`;

function project(name: string, grants: object) {
  const spec = { projectId: PRODUCTION, credentialsRef: { name: "atlas-production" }, grants };
  return { apiVersion: "atlascerts.io/v1alpha1", kind: "AtlasProjectX509", metadata: { name }, spec };
}

function certificate(spec: object) {
  const whole = { username: "mallory.x", secretName: "tried", ...spec };
  return {
    apiVersion: "atlascerts.io/v1alpha1",
    kind: "AtlasUserCertificate",
    metadata: { name: "tried" },
    spec: whole,
  };
}

function notGranted(what: string, spec: (cast: Cast) => Partial<UserCertificateSpec>): Attempt {
  return { what, answer: "`NotGranted`", reason: "NotGranted", message: NO_GRANT, spec };
}

function forbidden(what: string, request: (cast: Cast) => Request): Attempt {
  return { what, answer: "403 by RBAC", status: 403, message: /is forbidden|cannot/, request };
}

function refused(what: string, spec: object, message: RegExp): Attempt {
  const request = ({ own }: Cast): Request => ({
    method: "POST",
    path: `${resources(own)}?fieldValidation=Strict`,
    body: certificate(spec),
  });
  return { what, answer: "refused by the CRD", status: 422, message, request };
}

export const ATTEMPTS: readonly Attempt[] = [
  notGranted("ask for a user that another namespace was granted", () => ({ username: "orders-api" })),
  notGranted("ask for it in capitals", () => ({ username: "ORDERS-API" })),
  notGranted("ask for it as a distinguished name", () => ({ username: "CN=orders-api" })),
  notGranted("ask for it by a path behind an own name", ({ own }) => ({ username: `${own}.x/../orders-api` })),
  notGranted("ask for it by an encoded path", ({ own }) => ({ username: `${own}.x%2F..%2Forders-api` })),
  notGranted("add it to an own name with a comma", ({ own }) => ({ username: `${own}.x,CN=orders-api` })),
  notGranted("add it to an own name as a part of a distinguished one", ({ own }) => ({
    username: `CN=${own}.x+CN=orders-api`,
  })),
  notGranted("ask for a distinguished name with one attribute less", () => ({ username: "CN=reports,OU=analytics" })),
  notGranted("ask for a user of a namespace whose name begins the same", ({ own }) => ({ username: `${own}-b.x` })),
  notGranted("name a project that grants others alone", () => ({
    projectRef: { name: "staging" },
    username: "orders-api",
  })),
  notGranted("name a project that does not exist", () => ({ projectRef: { name: "none" }, username: "orders-api" })),
  notGranted("name a younger object of the same project", ({ own }) => ({
    projectRef: { name: "younger" },
    username: `${own}.x`,
  })),
  {
    what: "ask for more months than were granted",
    answer: "`NotGranted`",
    spec: ({ own }) => ({ username: `${own}.x`, monthsUntilExpiration: 24 }),
    reason: "NotGranted",
    message: /at most 3 months/,
  },
  {
    what: "ask for more resources than were granted",
    answer: "`NotGranted`",
    spec: ({ own }) => ({ username: `${own}.y` }),
    reason: "NotGranted",
    message: /at most 1 resource,/,
  },
  {
    what: "ask for a user of a common grant that another namespace has",
    answer: "`UsernameTaken`",
    spec: () => ({ username: "common-api" }),
    reason: "UsernameTaken",
    message: /already belongs to another namespace/,
  },
  {
    what: "use another's project with made-up credentials",
    answer: "`CredentialsRejected`",
    spec: () => ({ projectId: PRODUCTION, credentialsRef: { name: "made-up" }, username: "orders-api" }),
    reason: "CredentialsRejected",
    message: /rejects service account/,
  },
  {
    what: "name the operator's credentials as its own",
    answer: "`CredentialsMissing`",
    spec: () => ({ projectId: PRODUCTION, credentialsRef: { name: "atlas-production" }, username: "orders-api" }),
    reason: "CredentialsMissing",
    message: /Secret atlas-production does not exist in namespace/,
  },
  {
    what: "have a certificate put over a Secret of another program",
    answer: "`SecretForeign`",
    spec: ({ own }) => ({ username: `${own}.y`, secretName: "made-up" }),
    reason: "SecretForeign",
    message: /does not belong to the operator/,
  },
  refused(
    "name a Secret of another namespace",
    { projectId: PRODUCTION, credentialsRef: { name: "operators/atlas-production" } },
    /must be a DNS subdomain/,
  ),
  refused(
    "name a project together with own credentials",
    { projectRef: { name: "production" }, projectId: PRODUCTION, credentialsRef: { name: "made-up" } },
    /set either projectRef/,
  ),
  refused(
    "name a project together with another's project ID",
    { projectRef: { name: "production" }, projectId: PRODUCTION },
    /set either projectRef/,
  ),
  refused(
    "put a line break into a user's name",
    { projectRef: { name: "production" }, username: "a\nb" },
    /control characters/,
  ),
  {
    what: "give a namespace to a reference",
    answer: "refused by the CRD",
    status: 400,
    message: /unknown field/,
    request: ({ own, home }) => ({
      method: "POST",
      path: `${resources(own)}?fieldValidation=Strict`,
      body: certificate({ projectId: PRODUCTION, credentialsRef: { name: "atlas-production", namespace: home } }),
    }),
  },
  forbidden("create a project with a grant", ({ own }) => ({
    method: "POST",
    path: PROJECTS,
    body: project("mine", [{ namespaces: [own], usernames: ["*"], everybody: true }]),
  })),
  forbidden("widen a grant", ({ own }) => ({
    method: "PATCH",
    path: `${PROJECTS}/production`,
    body: { spec: { grants: [{ namespaces: [own], usernames: ["*"], everybody: true }] } },
  })),
  forbidden("widen a grant by the project's status", () => ({
    method: "PATCH",
    path: `${PROJECTS}/production/status`,
    body: { status: { customerManagedX509: null } },
  })),
  forbidden("delete a project", () => ({ method: "DELETE", path: `${PROJECTS}/production` })),
  forbidden("read a project's grants", () => ({ method: "GET", path: `${PROJECTS}/production` })),
  forbidden("list projects", () => ({ method: "GET", path: PROJECTS })),
  forbidden("restart a database", () => ({
    method: "POST",
    path: `${GROUP}/atlascustomerx509removals`,
    body: {
      apiVersion: "atlascerts.io/v1alpha1",
      kind: "AtlasCustomerX509Removal",
      metadata: { name: "now" },
      spec: {},
    },
  })),
  forbidden("label its namespace for a grant by labels", ({ own }) => ({
    method: "PATCH",
    path: `/api/v1/namespaces/${own}`,
    body: { metadata: { labels: { team: "platform" } } },
  })),
  forbidden("create a namespace that a grant names", () => ({
    method: "POST",
    path: "/api/v1/namespaces",
    body: { metadata: { name: "analytics" } },
  })),
  forbidden("forge the status of its own resource", ({ own }) => ({
    method: "PATCH",
    path: `${resources(own, "/mine")}/status`,
    body: { status: { serialNumber: "1", recentIssuances: [] } },
  })),
  forbidden("forge the status of another's resource", ({ victim }) => ({
    method: "PATCH",
    path: `${resources(victim, "/orders-api")}/status`,
    body: { status: { issuance: null } },
  })),
  forbidden("create a resource in another namespace", ({ victim }) => ({
    method: "POST",
    path: resources(victim),
    body: certificate({ projectRef: { name: "production" }, username: "orders-api" }),
  })),
  forbidden("have another's certificate renewed", ({ victim }) => ({
    method: "PATCH",
    path: resources(victim, "/orders-api"),
    body: { metadata: { annotations: { "atlascerts.io/renew-requested-at": "now" } } },
  })),
  forbidden("suspend another's resource", ({ victim }) => ({
    method: "PATCH",
    path: resources(victim, "/orders-api"),
    body: { spec: { suspend: true } },
  })),
  forbidden("delete another's resource", ({ victim }) => ({
    method: "DELETE",
    path: resources(victim, "/orders-api"),
  })),
  forbidden("read another's Secret", ({ victim }) => ({ method: "GET", path: secrets(victim, "/orders-api-mongodb") })),
  forbidden("read the operator's credentials", ({ home }) => ({
    method: "GET",
    path: secrets(home, "/atlas-production"),
  })),
  forbidden("put credentials of its own into the operator's namespace", ({ home }) => ({
    method: "POST",
    path: secrets(home),
    body: { metadata: { name: "mine", labels: { "atlascerts.io/credentials": "true" } } },
  })),
  forbidden("obtain a token of the operator", ({ home }) => ({
    method: "POST",
    path: `/api/v1/namespaces/${home}/serviceaccounts/atlas-cert-operator/token`,
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} },
  })),
  forbidden("take the operator's lease", ({ home }) => ({
    method: "DELETE",
    path: `/apis/coordination.k8s.io/v1/namespaces/${home}/leases/atlas-cert-operator`,
  })),
  forbidden("give itself the operator's rights on projects", ({ own }) => ({
    method: "POST",
    path: `/apis/rbac.authorization.k8s.io/v1/namespaces/${own}/rolebindings`,
    body: {
      metadata: { name: "mine" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ kind: "User", name: "mallory", apiGroup: "rbac.authorization.k8s.io" }],
    },
  })),
  forbidden("open a role of its own to projects", ({ own }) => ({
    method: "POST",
    path: `/apis/rbac.authorization.k8s.io/v1/namespaces/${own}/roles`,
    body: {
      metadata: { name: "mine" },
      rules: [{ apiGroups: ["atlascerts.io"], resources: ["atlasprojectx509s"], verbs: ["*"] }],
    },
  })),
];
