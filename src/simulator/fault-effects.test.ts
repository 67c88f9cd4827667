import { createPrivateKey, X509Certificate } from "node:crypto";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { http } from "../testing/http.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import type { Fault } from "./faults.ts";
import type { Simulator } from "./simulator.ts";
import {
  API_KEY,
  call,
  certsPath,
  create,
  digestHeader,
  fetchToken,
  OWNER,
  PRODUCTION,
  READER,
  requestToken,
  splitPem,
  startSimulated,
  V1,
} from "./testing.ts";

async function startWith(effect: Fault["effect"], operation: Fault["operation"] = "createDatabaseUserCertificate") {
  const simulated = await startSimulated();
  const { simulator } = simulated;
  simulator.faults.add({ operation, effect });
  return {
    ...simulated,
    issued: () => simulator.certificates(PRODUCTION, "orders-api").length,
  };
}

/** A create as it comes over the wire, until the connection closes. */
async function receive(url: string) {
  const authorization = `Bearer ${await fetchToken(url, OWNER)}`;
  const headers = { accept: V1, "content-type": V1, authorization };
  const request = httpRequest(url + certsPath(), { method: "POST", headers, agent: false });
  const received = { status: 0, continued: false, body: "", complete: false };
  request.on("continue", () => {
    received.continued = true;
  });
  request.end("{}");
  const response = await new Promise<IncomingMessage>((resolve) => request.once("response", resolve));
  const closed = new Promise<void>((resolve) => response.once("close", resolve));
  // The end of a broken answer is an error too.
  response.on("error", () => undefined);
  response.setEncoding("utf8").on("data", (text: string) => {
    received.body += text;
  });
  await closed;
  return { ...received, status: response.statusCode, complete: response.complete };
}

/** The last request to an operation that was disturbed, as the log has it. */
function lastOf(simulator: Simulator) {
  return simulator.log.entries("createDatabaseUserCertificate").at(-1);
}

describe("effects that keep a create from happening", () => {
  test.each([
    ["a status", { kind: "status", status: 503, retryAfter: "7" }, 503, { "retry-after": "7" }],
    ["a status with a code", { kind: "status", status: 409, errorCode: "SOMETHING" }, 409, {}],
    ["the older rate limit", { kind: "rateLimited", retryAfter: "12" }, 429, { "retry-after": "12" }],
    ["an HTML page with 200", { kind: "html", status: 200 }, 200, { "content-type": "text/html" }],
    ["an HTML page with 503", { kind: "html", status: 503 }, 503, { "content-type": "text/html" }],
    ["a redirect to a login page", { kind: "redirect" }, 302, { location: "/account/login" }],
  ] as const)("%s", async (_, effect, status, headers) => {
    const { url, issued } = await startWith(effect);
    const response = await create(url);
    expect([response.status, Object.fromEntries(response.headers), issued()]).toMatchObject([status, headers, 0]);
  });

  test("a reset", async () => {
    const { url, issued, simulator } = await startWith({ kind: "reset" });
    await expect(create(url)).rejects.toThrow("network error");
    expect(issued()).toBe(0);
    expect(lastOf(simulator)).toMatchObject({ fault: "reset" });
    expect(lastOf(simulator)).not.toHaveProperty("status");
  });
});

describe("effects on a create that has happened", () => {
  test("a cut answer ends in the middle of the body", async () => {
    const { url, issued } = await startWith({ kind: "cutAnswer" });
    const response = await create(url);
    await expect(response.text()).rejects.toThrow("terminated");
    expect([response.status, issued()]).toEqual([201, 1]);
  });

  test("a reset comes before a byte of the answer", async () => {
    const { url, issued } = await startWith({ kind: "resetAfterwards" });
    await expect(create(url)).rejects.toThrow("network error");
    expect(issued()).toBe(1);
  });

  test("an error is answered nevertheless", async () => {
    const { url, issued } = await startWith({ kind: "failAfterwards", status: 504 });
    expect([(await create(url)).status, issued()]).toEqual([504, 1]);
  });

  test("a body is truncated as if it were whole", async () => {
    const { url, issued } = await startWith({ kind: "truncatedBody" });
    const pem = await (await create(url)).text();
    expect(pem).toMatch(/^-----BEGIN CERTIFICATE-----/);
    expect(pem).not.toContain("END PRIVATE KEY");
    expect(issued()).toBe(1);
  });

  test("a body is empty", async () => {
    const { url, issued } = await startWith({ kind: "emptyBody" });
    expect([await (await create(url)).text(), issued()]).toEqual(["", 1]);
  });

  test.each([200, 202, 206])("an answer has the status %d", async (status) => {
    const { url } = await startWith({ kind: "answerStatus", status });
    const response = await create(url);
    expect([response.status, (await response.text()).slice(0, 10)]).toEqual([status, "-----BEGIN"]);
  });

  test.each(["gzip", "br", "deflate"] as const)("a body is compressed by %s", async (encoding) => {
    const { url } = await startWith({ kind: "encodedBody", encoding });
    const response = await create(url);
    expect([response.headers.get("content-encoding"), splitPem(await response.text()).key]).toEqual([
      encoding,
      expect.stringMatching(/END PRIVATE KEY-----\n$/),
    ]);
  });

  test("a body is longer than it need be", async () => {
    const { url } = await startWith({ kind: "overlongBody" });
    const body = await (await create(url)).text();
    expect([body.length, body.trimEnd().slice(-7)]).toEqual([1024 * 1024 + 1, "EY-----"]);
  });

  test.each(["overstatedLength", "missingLastChunk"] as const)("%s sends the whole body and closes", async (kind) => {
    const { url } = await startWith({ kind });
    const received = await receive(url);
    expect(received).toMatchObject({ status: 201, complete: false });
    expect(received.body).toMatch(/END PRIVATE KEY-----\n$/);
  });

  test("an unsolicited 100 Continue comes before the answer", async () => {
    const { url } = await startWith({ kind: "continueFirst" });
    expect(await receive(url)).toMatchObject({ status: 201, continued: true, complete: true });
  });

  test("a PEM comes as a JSON string", async () => {
    const { url } = await startWith({ kind: "jsonString" });
    expect(await (await create(url)).json()).toMatch(/^-----BEGIN CERTIFICATE-----\n/);
  });

  test("a key belongs to no certificate", async () => {
    const { url } = await startWith({ kind: "wrongKey" });
    const { certificate, key } = splitPem(await (await create(url)).text());
    expect(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))).toBe(false);
  });

  test("a key is missing", async () => {
    const { url } = await startWith({ kind: "noKey" });
    expect(await (await create(url)).text()).toMatch(/^-----BEGIN CERT[\s\S]+-----END CERTIFICATE-----\n$/);
  });
});

test("a create that is executed late is reset at once and happens afterwards", async () => {
  const clock = new ManualClock();
  const { simulator, url } = await startSimulated({ clock });
  simulator.faults.add({ operation: "createDatabaseUserCertificate", effect: { kind: "executeLate", ms: 60_000 } });
  const issued = () => simulator.certificates(PRODUCTION, "orders-api");
  await expect(create(url)).rejects.toThrow("network error");
  expect(issued()).toEqual([]);
  clock.advanceNow(60_000);
  await expect.poll(issued).toHaveLength(1);
});

describe("effects on the certificate itself", () => {
  test("a wrong clock dates it in the future", async () => {
    const { url } = await startWith({ kind: "wrongClock", offsetMs: 86_400_000 });
    const certificate = new X509Certificate(splitPem(await (await create(url)).text()).certificate);
    expect(certificate.validFromDate.toISOString()).toBe("2026-01-16T09:00:00.000Z");
  });

  test("a wrong subject names another user", async () => {
    const { url } = await startWith({ kind: "wrongSubject", subject: "billing" });
    expect(new X509Certificate(splitPem(await (await create(url)).text()).certificate).subject).toBe("CN=billing");
  });
});

describe("effects on other operations", () => {
  test("a truncated list is broken JSON", async () => {
    const { url } = await startWith({ kind: "truncatedBody" }, "listDatabaseUserCertificates");
    await expect((await call(url, certsPath())).json()).rejects.toThrow(SyntaxError);
  });

  const basic = (account: readonly string[]) => `Basic ${Buffer.from(account.join(":")).toString("base64")}`;

  test.each([
    ["fail", { kind: "status", status: 500 }, 500, null],
    ["be limited", { kind: "status", status: 429, retryAfter: "30" }, 429, "30"],
  ] as const)("a token request can %s too", async (_, effect, status, retryAfter) => {
    const { url } = await startWith(effect, "createAccessToken");
    const [disturbed, next] = [await requestToken(url, basic(OWNER)), await requestToken(url, basic(OWNER))];
    expect([disturbed.status, disturbed.headers.get("retry-after"), next.status]).toEqual([status, retryAfter, 200]);
  });

  test("a fault for the token requests of one account leaves those of another alone", async () => {
    const { simulator, url } = await startSimulated();
    simulator.faults.add({
      operation: "createAccessToken",
      credentialsId: "owner-service-account",
      effect: { kind: "status", status: 429 },
    });
    const statuses = [await requestToken(url, basic(READER)), await requestToken(url, basic(OWNER))];
    expect(statuses.map(({ status }) => status)).toEqual([200, 429]);
  });
});

describe("when a fault acts", () => {
  test("a delay lets everything go its way, later", async () => {
    const { url, clock, issued } = await startWith({ kind: "delay", ms: 5_000 });
    expect([(await create(url)).status, issued(), clock.now()]).toEqual([201, 1, Date.parse("2026-01-15T10:00:05Z")]);
  });

  test("it acts once and is noted in the log", async () => {
    const { url, simulator } = await startWith({ kind: "status", status: 500 });
    expect([(await create(url)).status, (await create(url)).status]).toEqual([500, 201]);
    expect(simulator.log.entries("createDatabaseUserCertificate").map(({ fault }) => fault)).toEqual([
      "status",
      undefined,
    ]);
  });

  test("it leaves a challenge of HTTP Digest alone and meets the request behind it", async () => {
    const { url } = await startWith({ kind: "status", status: 500 });
    const send = (authorization: string) =>
      http(url + certsPath(), {
        method: "POST",
        body: "{}",
        headers: { accept: V1, "content-type": V1, authorization },
      });
    const challenged = await send("");
    const challenge = challenged.headers.get("www-authenticate") ?? "";
    const answered = await send(digestHeader({ challenge, method: "POST", uri: certsPath(), ...API_KEY }));
    expect([challenged.status, answered.status]).toEqual([401, 500]);
  });

  test("one that needs a success waits for it", async () => {
    const { url, simulator } = await startWith({ kind: "emptyBody" });
    expect((await create(url, 99)).status).toBe(400);
    expect(simulator.faults.pending).toHaveLength(1);
    expect(await (await create(url)).text()).toBe("");
  });
});

describe("silence", () => {
  test.each([
    ["hang", 0],
    ["withholdAnswer", 1],
  ] as const)("%s leaves the client waiting until the simulator closes", async (kind, expected) => {
    const { url, issued, simulator } = await startWith({ kind });
    const answer = create(url).then(
      () => "answered",
      () => "closed",
    );
    await expect.poll(() => lastOf(simulator)?.fault).toBe(kind);
    const count = issued();
    await simulator.close();
    expect([count, await answer]).toEqual([expected, "closed"]);
  });

  test("unendingBody sends the whole body and leaves the client waiting for more", async () => {
    const { url, simulator } = await startWith({ kind: "unendingBody" });
    const received = receive(url);
    await expect.poll(() => lastOf(simulator)?.status).toBe(201);
    await simulator.close();
    expect(await received).toMatchObject({ complete: false, body: expect.stringMatching(/END PRIVATE KEY-----\n$/) });
  });
});
