import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ManualClock } from "../../testing/manual-clock.ts";
import { KubeClient } from "../client/kube-client.ts";
import { NAMESPACES } from "../core-types.ts";
import { KubeError } from "../kube-error.ts";
import { TlsAuthority, TlsServer } from "../testing/tls-authority.ts";
import { KubeConfigError } from "./kube-config.ts";
import { type LoadKubeConfigOptions, loadKubeConfig } from "./load-kube-config.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kube-config-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

interface Contents {
  readonly server?: string;
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: string;
  readonly name?: string;
}

/** A kubeconfig; JSON is YAML. */
function kubeconfig(contents: Contents = {}): string {
  const name = contents.name ?? "one";
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server: contents.server ?? "https://example.org:6443", ...contents.cluster } }],
    users: [{ name, user: contents.user ?? { token: "t" } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: `namespace-${name}` } }],
    "current-context": contents.context ?? name,
  });
}

function load(options: LoadKubeConfigOptions) {
  return loadKubeConfig({
    env: {},
    homeDirectory: directory,
    serviceAccountDirectory: directory,
    ...options,
  });
}

async function inPod(): Promise<LoadKubeConfigOptions> {
  await file("token", "pod-token\n");
  await file("ca.crt", "CA");
  await file("namespace", "operators\n");
  return { env: { KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "443" } };
}

describe("where it is searched for", () => {
  test("in a pod, the service account is used", async () => {
    const config = await load(await inPod());
    expect([config.server.href, config.source, config.namespace, await config.authenticate()]).toEqual([
      "https://10.0.0.1/",
      "in cluster",
      "operators",
      { headers: { authorization: "Bearer pod-token" }, tls: { ca: "CA" } },
    ]);
  });

  test("an IPv6 address of the API server gets its brackets", async () => {
    const options = await inPod();
    const config = await load({ env: { ...options.env, KUBERNETES_SERVICE_HOST: "fd00::1" } });
    expect(config.server.hostname).toBe("[fd00::1]");
  });

  test("--kubeconfig goes before KUBECONFIG and the pod", async () => {
    const options = await inPod();
    const flag = await file("flag", kubeconfig({ server: "https://flag:1" }));
    const variable = await file("variable", kubeconfig({ server: "https://variable:1" }));
    const config = await load({ kubeconfig: flag, env: { ...options.env, KUBECONFIG: variable } });
    expect(config.server.href).toBe("https://flag:1/");
  });

  test("KUBECONFIG goes before the pod", async () => {
    const options = await inPod();
    const variable = await file("variable", kubeconfig({ server: "https://variable:1" }));
    const config = await load({ env: { ...options.env, KUBECONFIG: variable } });
    expect([config.server.href, config.namespace]).toEqual(["https://variable:1/", "namespace-one"]);
  });

  test.each([
    [false, "https://10.0.0.1/"],
    [true, "https://home:1/"],
  ])("with homeFirst %s, a pod that has ~/.kube/config asks %s", async (homeFirst, server) => {
    const options = await inPod();
    await mkdir(join(directory, ".kube"));
    await file(".kube/config", kubeconfig({ server: "https://home:1" }));
    expect((await load({ ...options, homeFirst })).server.href).toBe(server);
  });

  test("with homeFirst and no ~/.kube/config, the service account is used", async () => {
    expect((await load({ ...(await inPod()), homeFirst: true })).source).toBe("in cluster");
  });

  test("several files of KUBECONFIG are merged, and the first with a current context decides", async () => {
    const one = await file("one", kubeconfig({ name: "one", server: "https://one:1" }));
    const two = await file("two", kubeconfig({ name: "two", server: "https://two:1" }));
    const merged = { env: { KUBECONFIG: `${one}:${two}` } };
    const [byDefault, byName] = [await load(merged), await load({ ...merged, context: "two" })];
    expect([byDefault.server.href, byName.server.href]).toEqual(["https://one:1/", "https://two:1/"]);
  });

  test("nothing at all is a clear error", async () => {
    await expect(load({})).rejects.toThrow(/no kubeconfig: --kubeconfig and KUBECONFIG are not set/);
  });

  const broken: [string, string, RegExp][] = [
    ["no YAML", "{ a: [", /cannot use the kubeconfig/],
    ["no current context", kubeconfig({ context: "" }), /no current-context/],
    ["a context that isn't there", kubeconfig({ context: "gone" }), /no context "gone"/],
    ["a server that is no URL", kubeconfig({ server: "nonsense" }), /is not a URL/],
  ];
  test.each(broken)("%s is a clear error", async (_name, text, expected) => {
    const error = await load({ kubeconfig: await file("config", text) }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(KubeConfigError);
    expect(error).toHaveProperty("message", expect.stringMatching(expected));
  });

  test("a kubeconfig that isn't there is a clear error", async () => {
    await expect(load({ kubeconfig: join(directory, "gone") })).rejects.toThrow(/cannot use the kubeconfig .*gone/);
  });

  test("without a token in the pod, the error says what to check", async () => {
    await expect(load({ env: { KUBERNETES_SERVICE_HOST: "10.0.0.1" } })).rejects.toThrow(
      /automountServiceAccountToken/,
    );
  });
});

describe("how to be let in", () => {
  const users: [string, object, object][] = [
    ["a token", { token: "t" }, { authorization: "Bearer t" }],
    ["a name and a password", { username: "u", password: "p" }, { authorization: "Basic dTpw" }],
    ["impersonation", { token: "t", as: "jane" }, { authorization: "Bearer t", "impersonate-user": "jane" }],
  ];
  test.each(users)("%s", async (_name, user, headers) => {
    const config = await load({ kubeconfig: await file("config", kubeconfig({ user })) });
    expect((await config.authenticate()).headers).toEqual(headers);
  });

  test("CA, certificate, key and server name", async () => {
    const data = (text: string) => Buffer.from(text).toString("base64");
    const text = kubeconfig({
      cluster: { "certificate-authority-data": data("CA"), "tls-server-name": "kubernetes" },
      user: { "client-certificate-data": data("CERT"), "client-key-data": data("KEY") },
    });
    const { tls } = await (await load({ kubeconfig: await file("config", text) })).authenticate();
    expect([String(tls.ca), String(tls.cert), String(tls.key), tls.servername]).toEqual([
      "CA",
      "CERT",
      "KEY",
      "kubernetes",
    ]);
  });

  test("a kubeconfig that is replaced is read again", async () => {
    const path = await file("config", kubeconfig({ user: { token: "old" } }));
    const config = await load({ kubeconfig: path });
    await writeFile(path, kubeconfig({ user: { token: "the new one" } }));
    expect((await config.authenticate()).headers).toEqual({ authorization: "Bearer the new one" });
  });
});

describe("rotation underneath a running client", () => {
  async function pod() {
    const authority = await TlsAuthority.create("one");
    const server = await TlsServer.start(await authority.issue("server"));
    await file("token", "first");
    await file("ca.crt", authority.pem);
    const clock = new ManualClock();
    const kubeConfig = await load({
      env: { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(server.port) },
    });
    const client = new KubeClient({ kubeConfig, userAgent: "test", clock });
    return {
      clock,
      server,
      client,
      [Symbol.asyncDispose]: async () => {
        await client.close();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  test("calls share one TLS connection", async () => {
    await using r = await pod();
    for (let call = 0; call < 5; call += 1) {
      await r.client.get(NAMESPACES, { name: "a" });
    }
    expect(r.server.handshakes).toBe(1);
  });

  test("a new token is used without a new connection", async () => {
    await using r = await pod();
    await r.client.get(NAMESPACES, { name: "a" });
    await file("token", "second");
    await r.clock.advance(10_000);
    const answer = await r.client.get(NAMESPACES, { name: "a" });
    expect([Reflect.get(answer, "token"), r.server.handshakes]).toEqual(["Bearer second", 1]);
  });

  test("a new CA is used after the first failure", async () => {
    await using r = await pod();
    await r.client.get(NAMESPACES, { name: "a" });
    const next = await TlsAuthority.create("two");
    r.server.use(await next.issue("server"));
    await file("ca.crt", next.pem);
    const failure = await r.client.get(NAMESPACES, { name: "a" }).catch((error: unknown) => error);
    expect(KubeError.is(failure, "Network")).toBe(true);
    await expect(r.client.get(NAMESPACES, { name: "a" })).resolves.toMatchObject({ metadata: { uid: "u" } });
  });

  test("a server that the CA does not know is not spoken to", async () => {
    await using r = await pod();
    const stranger = await TlsAuthority.create("stranger");
    r.server.use(await stranger.issue("server"));
    await expect(r.client.get(NAMESPACES, { name: "a" })).rejects.toThrow(/Network: .*(CERT|VERIFY|SIGNED)/);
  });

  test("a new client certificate is used on new connections", async () => {
    const authority = await TlsAuthority.create("one");
    await using server = await TlsServer.start({ ...(await authority.issue("server")), clientCa: authority.pem });
    const write = async (name: string) => {
      const { key, cert } = await authority.issue(name);
      await Promise.all([file("client.key", key), file("client.crt", cert)]);
    };
    await write("old");
    await file("ca.crt", authority.pem);
    const text = kubeconfig({
      server: server.url.href,
      cluster: { "certificate-authority": "ca.crt" },
      user: { "client-certificate": "client.crt", "client-key": "client.key" },
    });
    const clock = new ManualClock();
    const kubeConfig = await load({ kubeconfig: await file("config", text) });
    const client = new KubeClient({ kubeConfig, userAgent: "test", clock });
    const before = await client.get(NAMESPACES, { name: "a" });
    await write("new");
    await clock.advance(10_000);
    const after = await client.get(NAMESPACES, { name: "a" });
    await client.close();
    expect([before.metadata.name, after.metadata.name]).toEqual(["old", "new"]);
  });
});
