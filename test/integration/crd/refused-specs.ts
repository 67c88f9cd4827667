import { type JsonObject, LEAST_SPEC } from "./sample.ts";

/** A change that turns a good spec into one that nobody should be able to store. */
export interface RefusedSpec {
  /** What is wrong, so that "refuses …" is a sentence. */
  readonly what: string;
  /** A merge patch: null takes a field away. */
  readonly change: JsonObject;
  readonly field: string;
  /** What the person who typed it gets to read. */
  readonly sentence: string;
}

function refused(
  field: string,
  sentence: string,
  changes: Readonly<Record<string, JsonObject>>,
): readonly RefusedSpec[] {
  return Object.entries(changes).map(([what, change]) => ({ what, change, field, sentence }));
}

/** A value of the wrong type is refused before any rule is looked at, in the API server's own words. */
const mustBe = (field: string, type: string) => `${field} in body must be of type ${type}`;
const tooLong = (characters: number) => `Too long: may not be more than ${characters} bytes`;

const dnsSubdomain = (field: string) =>
  `${field} must be a DNS subdomain: at most 253 lower-case letters, digits, '-' and '.', starting and ending with a letter or digit`;

const labels = (map: JsonObject): JsonObject => ({ secretTemplate: { labels: map } });
const annotations = (map: JsonObject): JsonObject => ({ secretTemplate: { annotations: map } });

const connection = (change: JsonObject): JsonObject => ({
  connectionString: { host: "cluster0.abcde.mongodb.net", ...change },
});

const keystore = (change: JsonObject): JsonObject => ({
  keystores: { pkcs12: { passwordSecretRef: { name: "keystore", ...change } } },
});

const restarts = (...workloads: readonly JsonObject[]): JsonObject => ({ rolloutRestart: workloads });

const OWN_PREFIX = "keys that start with atlascerts.io/ are reserved for the operator: choose another prefix";
const QUALIFIED_NAME =
  "a key must be a name of at most 63 letters, digits, '-', '_' and '.' that starts and ends with a letter or digit, optionally preceded by a DNS subdomain and a '/', such as app or example.com/team";
const INVISIBLE =
  "username must not contain control characters, format characters or line separators, such as tabs, line breaks or zero-width spaces";
const ONE_OF_TWO = "set renewBefore or renewBeforePercentage, not both";

export const REFUSED_SPECS: readonly RefusedSpec[] = [
  ...refused(
    "spec.projectId",
    "projectId must be the 24 lower-case hexadecimal digits that Atlas shows in the project's settings",
    {
      "a project id of 23 digits": { projectId: "32b6e34b3d91647abb20e7b" },
      "a project id of 25 digits": { projectId: "32b6e34b3d91647abb20e7b80" },
      "a project id in upper case": { projectId: "32B6E34B3D91647ABB20E7B8" },
      "a project id with a letter past f": { projectId: "32b6e34b3d91647abb20e7bg" },
      "a project id with a line break behind it": { projectId: "32b6e34b3d91647abb20e7b8\n" },
      "a project's name in place of its id": { projectId: "production" },
      "an empty project id": { projectId: "" },
    },
  ),
  ...refused("spec.projectId", mustBe("spec.projectId", "string"), {
    "a project id that YAML takes for a number": { projectId: 123456789012 },
  }),
  ...refused("spec.username", "username must not be empty: name the Atlas database user", {
    "an empty username": { username: "" },
  }),
  ...refused("spec.username", INVISIBLE, {
    "a username with a tab": { username: "orders\tapi" },
    "a username with a line break": { username: "orders\napi" },
    "a username with a line break at its end": { username: "orders-api\n" },
    "a username with a carriage return": { username: "orders-api\r" },
    "a username with a null character": { username: "orders\u0000api" },
    "a username with an escape character": { username: "\u001b[31morders-api" },
    "a username with a DEL character": { username: "orders\u007fapi" },
    "a username with a control character past ASCII": { username: "orders\u0085api" },
    "a username with a zero-width space": { username: "orders\u200bapi" },
    "a username with a byte order mark before it": { username: "\ufefforders-api" },
    "a username with a right-to-left override": { username: "orders\u202eipa" },
    "a username with a bidirectional isolate": { username: "orders\u2066api" },
    "a username with a soft hyphen": { username: "orders\u00adapi" },
    "a username with a tag character": { username: "orders\u{e0041}api" },
    "a username with a line separator": { username: "orders\u2028api" },
    "a username with a paragraph separator": { username: "orders-api\u2029" },
  }),
  ...refused("spec.username", "username must not start or end with a space", {
    "a username with a space before it": { username: " orders-api" },
    "a username with a space behind it": { username: "orders-api " },
    "a username that is a space": { username: " " },
    "a username with a no-break space behind it": { username: "orders-api\u00a0" },
    "a username with an ideographic space before it": { username: "\u3000orders-api" },
  }),
  ...refused("spec.username", "username must not be . or ..", {
    "a dot as the username": { username: "." },
    "two dots as the username": { username: ".." },
  }),
  ...refused("spec.username", tooLong(1024), {
    "a username of 1025 characters": { username: "u".repeat(1025) },
    "a username of 1025 characters outside ASCII": { username: "ü".repeat(1025) },
  }),
  ...refused("spec.monthsUntilExpiration", "monthsUntilExpiration must be a whole number from 1 to 24", {
    "0 months": { monthsUntilExpiration: 0 },
    "0 months beside a good renewBefore": { monthsUntilExpiration: 0, renewBefore: "24h" },
    "25 months": { monthsUntilExpiration: 25 },
    "a negative number of months": { monthsUntilExpiration: -1 },
  }),
  ...refused("spec.monthsUntilExpiration", mustBe("spec.monthsUntilExpiration", "int"), {
    "one and a half months": { monthsUntilExpiration: 1.5 },
    "months in quotes": { monthsUntilExpiration: "3" },
  }),
  ...refused("spec.secretName", dnsSubdomain("secretName"), {
    "a secret name with a capital letter": { secretName: "Orders" },
    "a secret name with an underscore": { secretName: "orders_api" },
    "a secret name that begins with a dash": { secretName: "-orders" },
    "a secret name that ends with a dash": { secretName: "orders-" },
    "a secret name that begins with a dot": { secretName: ".orders" },
    "a secret name with two dots in a row": { secretName: "orders..api" },
    "a secret name with a slash": { secretName: "shop/orders" },
    "a secret name with a blank": { secretName: "orders api" },
    "an empty secret name": { secretName: "" },
  }),
  ...refused("spec.secretName", tooLong(253), {
    "a secret name of 254 characters": { secretName: "s".repeat(254) },
  }),
  ...refused(
    "spec.secretName",
    "secretName must differ from credentialsRef.name: the operator only reads that Secret",
    {
      "the name of the credentials Secret as the secret name": { secretName: "atlas-api" },
      "the secret name as the name of the credentials Secret": { credentialsRef: { name: "orders-api-mongodb" } },
    },
  ),
  ...refused("spec.credentialsRef.name", dnsSubdomain("credentialsRef.name"), {
    "a credentials Secret with a capital letter in its name": { credentialsRef: { name: "Atlas" } },
    "an empty name of the credentials Secret": { credentialsRef: { name: "" } },
  }),
  ...refused("spec.credentialsRef.name", tooLong(253), {
    "a name of the credentials Secret with 254 characters": { credentialsRef: { name: "s".repeat(254) } },
  }),
  ...refused(
    "spec.renewBefore",
    "renewBefore must be a duration of at least 24h in hours, minutes and seconds, such as 720h or 36h30m",
    {
      "an empty renewBefore": { renewBefore: "" },
      "a renewBefore in days": { renewBefore: "1d" },
      "a negative renewBefore": { renewBefore: "-1h" },
      "a renewBefore in words": { renewBefore: "soon" },
      "a renewBefore of no time": { renewBefore: "0s" },
      "a renewBefore of no time in two units": { renewBefore: "0h0m" },
      "a renewBefore with a fraction": { renewBefore: "1.5h" },
      "a renewBefore with a blank": { renewBefore: "1h 30m" },
      "a renewBefore with the smaller unit first": { renewBefore: "30m1h" },
      "a renewBefore without a number": { renewBefore: "h" },
      "a renewBefore without a unit": { renewBefore: "720" },
      "a renewBefore in milliseconds": { renewBefore: "500ms" },
      "a renewBefore of one second": { renewBefore: "1s" },
      "a renewBefore a second short of a day": { renewBefore: "23h59m59s" },
      "the same in seconds alone": { renewBefore: "86399s" },
    },
  ),
  ...refused("spec.renewBefore", mustBe("spec.renewBefore", "string"), {
    "a renewBefore that is a number": { renewBefore: 720 },
  }),
  ...refused(
    "spec.renewBefore",
    "renewBefore must be shorter than the certificate's lifetime: less than 28 days (672h) for each month of monthsUntilExpiration",
    {
      "a renewBefore of three short months with the default of 3": { renewBefore: "2016h" },
      "three short months in minutes": { renewBefore: "120960m" },
      "three short months in seconds": { renewBefore: "7257600s" },
      "a renewBefore of one short month with 1 month": { renewBefore: "672h", monthsUntilExpiration: 1 },
      "a renewBefore of 24 short months with 24": { renewBefore: "16128h", monthsUntilExpiration: 24 },
      "the longest renewBefore that can be written": { renewBefore: "999999h9999999m999999999s" },
    },
  ),
  ...refused("spec.renewBeforePercentage", ONE_OF_TWO, {
    "renewBefore together with renewBeforePercentage": { renewBefore: "720h", renewBeforePercentage: 33 },
  }),
  ...refused("spec.renewBeforePercentage", "renewBeforePercentage must be a whole number from 1 to 99", {
    "0 percent": { renewBeforePercentage: 0 },
    "100 percent": { renewBeforePercentage: 100 },
    "a negative percentage": { renewBeforePercentage: -1 },
  }),
  ...refused("spec.renewBeforePercentage", mustBe("spec.renewBeforePercentage", "int"), {
    "a fraction of a percent": { renewBeforePercentage: 33.3 },
    "a percentage in quotes": { renewBeforePercentage: "33" },
  }),
  ...refused("spec.secretTemplate.labels", OWN_PREFIX, {
    "a label with the operator's prefix": labels({ "atlascerts.io/managed": "false" }),
    "one beside a good label": labels({ app: "orders", "atlascerts.io/anything": "x" }),
  }),
  ...refused("spec.secretTemplate.annotations", OWN_PREFIX, {
    "an annotation with the operator's prefix": annotations({ "atlascerts.io/serial-number": "1" }),
    "the renew annotation on the Secret": annotations({ "atlascerts.io/renew-requested-at": "now" }),
  }),
  ...refused("spec.secretTemplate.labels", QUALIFIED_NAME, {
    "a label without a name": labels({ "": "x" }),
    "a label with a blank in its name": labels({ "my app": "x" }),
    "a label with two slashes": labels({ "example.com/shop/app": "x" }),
    "a label with a capital letter in its prefix": labels({ "Example.com/app": "x" }),
    "a label with an empty prefix": labels({ "/app": "x" }),
    "a label with a name of 64 characters": labels({ ["n".repeat(64)]: "x" }),
    "a label with a prefix of 254 characters": labels({ [`${"p".repeat(254)}/app`]: "x" }),
  }),
  ...refused("spec.secretTemplate.annotations", QUALIFIED_NAME, {
    "an annotation with a blank in its name": annotations({ "my note": "x" }),
  }),
  ...refused(
    "spec.secretTemplate.labels",
    "a label value must be empty, or at most 63 letters, digits, '-', '_' and '.' that start and end with a letter or digit",
    {
      "a label's value that begins with a dash": labels({ app: "-orders" }),
      "a label's value that ends with a dot": labels({ app: "orders." }),
      "a label's value with a blank": labels({ app: "orders api" }),
      "a label's value with a slash": labels({ app: "shop/orders" }),
      "a label's value outside ASCII": labels({ app: "bücher" }),
    },
  ),
  ...refused("spec.secretTemplate.labels.app", tooLong(63), {
    "a label's value of 64 characters": labels({ app: "v".repeat(64) }),
  }),
  ...refused("spec.secretTemplate.labels.app", mustBe("spec.secretTemplate.labels.app", "string"), {
    "a label's value that YAML takes for a boolean": labels({ app: true }),
  }),
  ...refused("spec.secretTemplate.labels", "must have at most 64 items", {
    "65 labels": labels(Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`label-${index}`, "x"]))),
  }),
  ...refused(
    "spec.connectionString.host",
    "host must be one full host name without a port, such as cluster0.abcde.mongodb.net, if the scheme is mongodb+srv",
    {
      "a connection string without a host": connection({ host: "" }),
      "an SRV host with a port": connection({ host: "cluster0.abcde.mongodb.net:27017" }),
      "two SRV hosts": connection({ host: "a.abcde.mongodb.net,b.abcde.mongodb.net" }),
      "an SRV host without a domain": connection({ host: "localhost" }),
      "a whole connection string for a host": connection({
        host: "mongodb+srv://cluster0.abcde.mongodb.net/?tls=false",
      }),
    },
  ),
  ...refused(
    "spec.connectionString.host",
    "host must be a host name, optionally with a port, or several of them separated by commas",
    {
      "a host with options": connection({ scheme: "mongodb", host: "a.example.com/?tls=false" }),
      "a host with a user name": connection({ scheme: "mongodb", host: "me@a.example.com" }),
      "a list of hosts with a gap": connection({ scheme: "mongodb", host: "a.example.com,,b.example.com" }),
    },
  ),
  ...refused("spec.connectionString.scheme", 'supported values: "mongodb+srv", "mongodb"', {
    "an unknown scheme": connection({ scheme: "https" }),
  }),
  ...refused(
    "spec.connectionString.database",
    'database must be a name without spaces, control characters and / \\ . " $ * < > : | ?',
    {
      "an empty database": connection({ database: "" }),
      "a database with a slash": connection({ database: "a/b" }),
      "a database with a line break": connection({ database: "a\nb" }),
    },
  ),
  ...refused(
    "spec.connectionString.mountPath",
    "mountPath must be an absolute path without . and .., such as /etc/mongodb",
    {
      "a relative mount path": connection({ mountPath: "etc/mongodb" }),
      "the root as mount path": connection({ mountPath: "/" }),
      "a mount path that goes up": connection({ mountPath: "/etc/../mongodb" }),
      "a mount path that goes up at its end": connection({ mountPath: "/etc/.." }),
      "a mount path with a line break": connection({ mountPath: "/etc/a\nb" }),
    },
  ),
  ...refused("spec.connectionString.options", "an option must be a name of 1 to 64 letters, such as appName", {
    "an option with an equals sign": connection({ options: { "tls=false&x": "1" } }),
  }),
  ...refused("spec.connectionString.options", "an option must have a value", {
    "an option without a value": connection({ options: { appName: "" } }),
  }),
  ...refused(
    "spec.connectionString.options",
    "the operator sets these options, or they do not go with X.509: authMechanism",
    {
      "another authentication mechanism": connection({ options: { authMechanism: "SCRAM-SHA-256" } }),
      "the option tls in capitals": connection({ options: { TLS: "false" } }),
      "another certificate file": connection({ options: { tlsCertificateKeyFile: "/tmp/x" } }),
    },
  ),
  ...refused(
    "spec.secretName",
    "secretName must differ from keystores.pkcs12.passwordSecretRef.name: the operator only reads that Secret",
    { "the Secret itself as that of the keystore's password": keystore({ name: LEAST_SPEC.secretName }) },
  ),
  ...refused("spec.keystores.pkcs12.passwordSecretRef.name", dnsSubdomain("keystores.pkcs12.passwordSecretRef.name"), {
    "an empty name of the password's Secret": keystore({ name: "" }),
  }),
  ...refused(
    "spec.keystores.pkcs12.passwordSecretRef.key",
    "key must be a key of a Secret: letters, digits, '-', '_' and '.'",
    { "a password's key with a slash": keystore({ key: "a/b" }), "an empty password's key": keystore({ key: "" }) },
  ),
  ...refused("spec.keystores.pkcs12.passwordSecretRef", "Required value", {
    "a keystore without a password": { keystores: { pkcs12: {} } },
  }),
  ...refused("spec.rolloutRestart[0].kind", 'supported values: "Deployment", "StatefulSet", "DaemonSet"', {
    "a restart of a pod": restarts({ kind: "Pod", name: "orders" }),
    "a restart of a kind in lower case": restarts({ kind: "deployment", name: "orders" }),
  }),
  ...refused("spec.rolloutRestart[0].kind", "Required value", { "a restart without a kind": restarts({ name: "a" }) }),
  ...refused("spec.rolloutRestart[0].name", "Required value", {
    "a restart without a name": restarts({ kind: "Deployment" }),
  }),
  ...refused("spec.rolloutRestart[0].name", dnsSubdomain("rolloutRestart.name"), {
    "a restart of all workloads": restarts({ kind: "Deployment", name: "*" }),
    "a restart of a workload without a name": restarts({ kind: "Deployment", name: "" }),
    "a restart of another namespace's workload": restarts({ kind: "Deployment", name: "billing/app" }),
  }),
  ...refused("spec.rolloutRestart", "rolloutRestart must not name a workload twice", {
    "two restarts of one workload": restarts({ kind: "DaemonSet", name: "a" }, { kind: "DaemonSet", name: "a" }),
  }),
  ...refused("spec.rolloutRestart", "Too many: 9: must have at most 8 items", {
    "restarts of nine workloads": restarts(
      ...Array.from({ length: 9 }, (_, index) => ({ kind: "Deployment", name: `app-${index}` })),
    ),
  }),
  ...refused("spec.rolloutRestart", mustBe("spec.rolloutRestart", "array"), {
    "a restart that is no list": { rolloutRestart: "deployment/orders" },
  }),
  ...refused("spec.deletionPolicy", 'supported values: "Retain", "Delete"', {
    "an unknown deletion policy": { deletionPolicy: "Keep" },
    "a deletion policy in lower case": { deletionPolicy: "delete" },
    "an empty deletion policy": { deletionPolicy: "" },
  }),
  ...refused("spec.suspend", mustBe("spec.suspend", "boolean"), {
    "suspend in quotes": { suspend: "true" },
  }),
  ...refused("spec", "set either projectRef, an AtlasProjectX509 that grants this namespace the user, or both", {
    "a spec without projectId": { projectId: null },
    "a spec without credentialsRef": { credentialsRef: null },
    "a spec without a way to a project": { projectId: null, credentialsRef: null },
    "a projectRef beside projectId and credentialsRef": { projectRef: { name: "production" } },
    "a projectRef beside projectId": { projectRef: { name: "production" }, credentialsRef: null },
    "a projectRef beside credentialsRef": { projectRef: { name: "production" }, projectId: null },
  }),
  ...refused("spec.credentialsRef.name", "Required value", {
    "a credentialsRef without a name": { credentialsRef: { name: null } },
  }),
  ...refused("spec.username", "Required value", { "a spec without username": { username: null } }),
  ...refused("spec.secretName", "Required value", { "a spec without secretName": { secretName: null } }),
];
