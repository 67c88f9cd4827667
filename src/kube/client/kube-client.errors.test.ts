import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { until } from "../../testing/settle.ts";
import { SECRETS } from "../core-types.ts";
import type { KubeErrorReason } from "../kube-error.ts";
import { clientRig, failure, WIDGETS, widget } from "../testing/client-rig.ts";
import { sendJson, sendStatus } from "../testing/local-server.ts";

describe("errors", () => {
  const cases: [number, string, KubeErrorReason][] = [
    [400, "BadRequest", "BadRequest"],
    [403, "Forbidden", "Forbidden"],
    [404, "NotFound", "NotFound"],
    [409, "Conflict", "Conflict"],
    [409, "AlreadyExists", "AlreadyExists"],
    [410, "Expired", "Expired"],
    [422, "Invalid", "Invalid"],
    [429, "TooManyRequests", "TooManyRequests"],
    [500, "InternalError", "InternalError"],
    [502, "", "Unavailable"],
    [503, "ServiceUnavailable", "Unavailable"],
    [504, "Timeout", "Timeout"],
    [302, "", "BadAnswer"],
  ];
  test.each(cases)("%i %s is %s", async (code, reason, expected) => {
    await using r = await clientRig();
    r.server.answer = (_request, response) => sendStatus(response, code, reason, "the sentence");
    const error = await failure(r.client.get(WIDGETS, { namespace: "n", name: "a" }));
    expect([error.reason, error.status, error.message]).toEqual([
      expected,
      code,
      `get widgets.example.org n/a: ${expected} (${code}): the sentence`,
    ]);
  });

  test("a 404 that no API server wrote is not an absent object", async () => {
    await using r = await clientRig();
    r.server.answer = (_request, response) => response.writeHead(404, { "content-type": "text/html" }).end("<html>");
    expect((await failure(r.client.get(WIDGETS, { namespace: "n", name: "a" }))).reason).toBe("BadAnswer");
  });

  const badBodies: [string, string, string][] = [
    ["an HTML page", "text/html", "<html>login</html>"],
    ["an empty body", "application/json", ""],
    ["truncated JSON", "application/json", '{"metadata": {"name": "a"'],
    ["JSON that is no object", "application/json", "[]"],
    ["an object without metadata", "application/json", "{}"],
  ];
  test.each(badBodies)("a 200 with %s is a bad answer", async (_name, type, body) => {
    await using r = await clientRig();
    r.server.answer = (_request, response) => response.writeHead(200, { "content-type": type }).end(body);
    expect((await failure(r.client.get(WIDGETS, { namespace: "n", name: "a" }))).reason).toBe("BadAnswer");
  });

  test("an answer larger than allowed is a bad answer and its connection is not kept", async () => {
    await using r = await clientRig({ maxAnswerBytes: 1000 });
    r.server.answer = (_request, response) => sendJson(response, 200, { ...widget, filler: "x".repeat(100_000) });
    expect((await failure(r.client.get(WIDGETS, { namespace: "n", name: "a" }))).message).toMatch(/larger than 1000/);
    await until(() => r.server.openConnections === 0, "the connection is closed");
  });

  test("a body that is cut off is a network error", async () => {
    await using r = await clientRig();
    r.server.answer = (_request, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
      response.write('{"metadata"');
      setImmediate(() => response.destroy());
    };
    expect((await failure(r.client.get(WIDGETS, { namespace: "n", name: "a" }))).reason).toBe("Network");
  });

  test("a server that is away is a network error with its code", async () => {
    await using r = await clientRig();
    await r.server.stop();
    const error = await failure(r.client.get(WIDGETS, { namespace: "n", name: "a" }));
    await r.server.listen();
    expect(error.message).toMatch(/Network: ECONNREFUSED/);
  });

  test("an Invalid answer says which fields", async () => {
    await using r = await clientRig();
    r.server.answer = (_request, response) =>
      sendJson(response, 422, {
        kind: "Status",
        reason: "Invalid",
        message: "bad",
        details: { causes: [{ field: "spec.x", reason: "FieldValueInvalid", message: "must be 1" }] },
      });
    const error = await failure(r.client.get(WIDGETS, { namespace: "n", name: "a" }));
    expect(error.details).toEqual([{ field: "spec.x", reason: "FieldValueInvalid", message: "must be 1" }]);
  });

  test("nothing of a body or a header shows in an error, whatever the answer quotes", async () => {
    await using r = await clientRig();
    const pem = "-----BEGIN PRIVATE KEY-----\nTOPSECRET\n-----END PRIVATE KEY-----\n";
    const base64 = Buffer.from(pem.repeat(4)).toString("base64");
    r.server.answer = (request, response) =>
      sendJson(response, 422, {
        kind: "Status",
        reason: "Invalid",
        message: `webhook refused ${request.body} with ${pem}`,
        details: { causes: [{ field: "data", message: `Invalid value: ${base64}` }] },
      });
    const object = { metadata: { name: "a", namespace: "n" }, data: { "tls.key": base64 } };
    const error = await failure(r.client.create(SECRETS, object));
    const everything = inspect(error, { depth: 10 }) + JSON.stringify(error);
    expect([everything.includes("TOPSECRET"), everything.includes(base64.slice(0, 40))]).toEqual([false, false]);
  });
});
