import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type KeyPair, readPemBundle } from "../../src/certificate/key-pair.ts";
import { pkcs12 } from "../../src/certificate/keystore.ts";
import { KEYSTORE_KEY, secretData } from "../../src/certificate/secret-data.ts";
import { connectionString } from "../../src/controllers/user-certificate/core/model/desired-data.ts";
import { X509AuthenticationApi } from "../../src/index.ts";
import { TlsAuthority } from "../../src/kube/testing/tls-authority.ts";
import { SensitiveText } from "../../src/sensitive-text.ts";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { DriverProgram, type ProgramCommand } from "./driver-program.ts";
import { DRIVERS, type JavaFiles, type Kind, run, trustStore } from "./drivers.ts";
import { Mongod } from "./mongod.ts";
import { MountedSecret } from "./mounted-secret.ts";

/**
 * Apps with the real drivers over one renewal, all at once: a certificate of seconds expires while they run. What each of
 * them does is recorded first and judged afterwards.
 */

const PROJECT = "32b6e34b3d91647abb20e7b8";
const PASSWORD = "keystore-1";
/** Two months of the first certificate, in which all apps have to connect twice. */
const MONTH_MS = 20_000;
/** The code on the pages looks for a changed file every 5 s. */
const RELOADED_MS = 7_000;

const APPS = DRIVERS.flatMap(({ name }) => (["plain", "reloading"] as const).map((kind) => `${name} ${kind}`));

/** The answer to each app's ping, and the certificate that it presented. */
type Chapter = Readonly<Record<string, { readonly answer: string; readonly serialNumber: string | undefined }>>;

const cleanup: (() => Promise<unknown>)[] = [];
const story = {} as Record<"before" | "reconnected" | "expired" | "restarted", Chapter>;
const serials = { old: "", renewed: "" };
let java: JavaFiles;
let commands: Map<string, (kind: Kind, java: JavaFiles) => ProgramCommand>;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "drivers-"));
  cleanup.push(() => rm(folder, { recursive: true, force: true }));
  const authority = await TlsAuthority.create("server-ca");
  const caFile = path.join(folder, "ca.pem");
  await writeFile(caFile, `${authority.pem}\n`);
  const atlas = await startSimulator({ monthMs: MONTH_MS });
  const pair = await authority.issue("mongod");
  const mongod = await Mongod.start({ pair, clientCa: atlas.caPem, users: ["CN=orders-api"] });
  cleanup.push(
    () => atlas.close(),
    () => mongod[Symbol.asyncDispose](),
  );

  commands = new Map();
  for (const { name, prepare } of DRIVERS) {
    const own = path.join(folder, name);
    await mkdir(own);
    commands.set(name, await prepare(own));
  }
  const secret = new MountedSecret(path.join(folder, "secret"));
  const file = (key: string) => path.join(secret.folder, key);
  java = { trustStore: path.join(folder, "trust.p12"), keystore: file(KEYSTORE_KEY), password: PASSWORD };
  await trustStore(java.trustStore, caFile, PASSWORD);

  const start = (app: string): Promise<DriverProgram> => {
    const [name = "", kind] = app.split(" ");
    const command = commands.get(name)?.(kind === "plain" ? "plain" : "reloading", java);
    if (command === undefined) throw new Error(`there is no ${name}`);
    const options = { appName: app, tlsCAFile: caFile, serverSelectionTimeoutMS: "4000", connectTimeoutMS: "4000" };
    return DriverProgram.start(command, {
      MONGODB_URI: connectionString({ scheme: "mongodb", host: mongod.host, mountPath: secret.folder, options }),
      MONGODB_CERTIFICATE: file("tls-combined.pem"),
      MONGODB_KEYSTORE: file(KEYSTORE_KEY),
      KEYSTORE_PASSWORD: PASSWORD,
    });
  };
  const startAll = async (apps: readonly string[]) => {
    const programs = await Promise.all(apps.map(async (app) => [app, await start(app)] as const));
    cleanup.push(
      ...programs.map(
        ([, program]) =>
          () =>
            program[Symbol.asyncDispose](),
      ),
    );
    return programs;
  };
  const pingAll = async (programs: readonly (readonly [string, DriverProgram])[]): Promise<Chapter> => {
    const from = mongod.pings.length;
    const answers = await Promise.all(programs.map(async ([app, program]) => [app, await ping(program)] as const));
    const presented = (app: string) => mongod.pings.slice(from).findLast((ping) => ping.app === app)?.serialNumber;
    return Object.fromEntries(answers.map(([app, answer]) => [app, { answer, serialNumber: presented(app) }]));
  };
  const write = async (pair: KeyPair) => {
    const keystore = await pkcs12(pair, new SensitiveText(PASSWORD));
    await secret.write(secretData(pair, { [KEYSTORE_KEY]: keystore.toString("base64") }));
  };

  const programs = await startAll(APPS);
  const old = await issue(atlas, 2);
  serials.old = old.facts.serialNumber;
  await write(old);
  story.before = await pingAll(programs);
  const renewed = await issue(atlas, 24);
  serials.renewed = renewed.facts.serialNumber;
  await write(renewed);
  await sleep(RELOADED_MS);
  mongod.drop();
  story.reconnected = await pingAll(programs);
  if (Date.now() > old.facts.notAfter.getTime()) throw new Error("the machine is too slow for a certificate of 40 s");
  await sleep(old.facts.notAfter.getTime() - Date.now() + 1_500);
  mongod.drop();
  story.expired = await pingAll(programs);
  story.restarted = await pingAll(await startAll(APPS.filter((app) => app.endsWith("plain"))));
}, 600_000);

afterAll(async () => {
  for (const work of cleanup.toReversed()) await work();
});

describe.each(DRIVERS.map(({ name }) => name))("%s:", (name) => {
  const [plain, reloading] = [`${name} plain`, `${name} reloading`];
  const good = (serialNumber: string) => ({ answer: "pong", serialNumber });

  test("both ways of the page log in with the certificate in the Secret", () => {
    expect(story.before[plain]).toEqual(good(serials.old));
    expect(story.before[reloading]).toEqual(good(serials.old));
  });

  test("the driver alone presents the old certificate on new connections after the renewal", () => {
    expect(story.reconnected[plain]).toEqual(good(serials.old));
  });

  test("the driver alone can't connect once the old certificate has expired, although the file is fresh", () => {
    expect(story.expired[plain]).toEqual({ answer: expect.stringMatching(/^failed: /), serialNumber: undefined });
  });

  test("a restart brings the renewed certificate", () => {
    expect(story.restarted[plain]).toEqual(good(serials.renewed));
  });

  test("the reloading code of the page presents the renewed certificate without a restart", () => {
    expect(story.reconnected[reloading]).toEqual(good(serials.renewed));
    expect(story.expired[reloading]).toEqual(good(serials.renewed));
  });

  test("the driver reads the operator's connection string as it is meant", async () => {
    // pymongo wants a file that is there.
    const mountPath = path.join(folder, "a b+c&d=e%", "ü");
    await mkdir(mountPath, { recursive: true });
    await writeFile(path.join(mountPath, "tls-combined.pem"), "");
    const parts = {
      host: "cluster0.abcde.mongodb.net",
      scheme: "mongodb+srv",
      database: "orders",
      mountPath,
      options: { appName: "orders & more: 100%/ü" },
    } as const;
    const command = commands.get(name)?.("plain", java);
    if (command === undefined) throw new Error(`there is no ${name}`);
    await using program = await DriverProgram.start(command, {});
    // Java looks SRV records up at once.
    const uri = connectionString(name === "java" ? { ...parts, scheme: "mongodb" } : parts);
    expect(JSON.parse(await program.ask(`parse ${uri}`))).toEqual({
      hosts: [parts.host],
      database: "orders",
      mechanism: "MONGODB-X509",
      source: "$external",
      tls: "true",
      // Java knows no such option.
      ...(name !== "java" && { file: path.join(mountPath, "tls-combined.pem") }),
      appName: parts.options.appName,
    });
  });
});

test("the JDK's keytool opens the keystore", async () => {
  const listed = await run("keytool", ["-list", "-keystore", java.keystore, "-storepass", PASSWORD], "a JDK");
  expect(listed).toMatch(/PrivateKeyEntry/);
});

/** The first ping over a connection that was dropped fails: it is only sent on another one once that is known. */
async function ping(program: DriverProgram): Promise<string> {
  let answer = "";
  for (let tries = 0; tries < 3 && answer !== "pong"; tries++) answer = await program.ask("ping");
  return answer;
}

async function issue(atlas: Simulator, monthsUntilExpiration: number): Promise<KeyPair> {
  const account = atlas.credentials.find(({ kind, role }) => kind === "serviceAccount" && role === "GROUP_OWNER");
  if (account?.kind !== "serviceAccount") throw new Error("the simulator lacks a service account");
  const { clientId, clientSecret } = account;
  const credentials = { kind: "serviceAccount", clientId, clientSecret: new SensitiveText(clientSecret) } as const;
  await using api = new X509AuthenticationApi({ credentials, baseUrl: atlas.url, learnRateLimits: false });
  const user = { groupId: PROJECT, username: "orders-api" };
  const read = readPemBundle(await api.createDatabaseUserCertificate({ ...user, userCert: { monthsUntilExpiration } }));
  if (!read.ok) throw new Error(read.problem);
  return read.pair;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
